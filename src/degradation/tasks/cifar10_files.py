"""CIFAR-10's files, checked before anything is trained or unpickled. Imports no torch unless it has to download."""

import hashlib
from pathlib import Path

from degradation.checks import ConfigError

FOLDER = "cifar-10-batches-py"
# As published at https://www.cs.toronto.edu/~kriz/cifar.html and checked by torchvision, whose import takes 10 seconds.
MD5 = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
    "batches.meta": "5ff9c542aee3614f3951f8cda6e48888",
}


def ensure(data_dir: Path, download: bool) -> None:
    """Make sure that CIFAR-10's files are in `data_dir` and are the published ones, fetching them if allowed.

    Raises:
        ConfigError: a file is missing or damaged, and could not be fetched; it says where files were looked for.
    """
    folder = data_dir / FOLDER
    missing = [name for name in MD5 if not (folder / name).is_file()]
    if missing and download:
        from torchvision.datasets import CIFAR10

        try:
            CIFAR10(str(data_dir), download=True)
        except (OSError, RuntimeError) as error:  # no network, or torchvision's own check failed
            raise ConfigError(
                f"CIFAR-10 is not in {folder} and could not be downloaded ({error}). Put the content of "
                "cifar-10-python.tar.gz there, or set runtime.data_dir or DEGRADATION_DATA to the folder above it."
            ) from error
        missing = []
    if missing:
        raise ConfigError(
            f"CIFAR-10 is not in {folder} ({missing[0]} is missing). Put the content of cifar-10-python.tar.gz there, "
            "set runtime.data_dir or DEGRADATION_DATA to the folder above it, or allow runtime.download=true."
        )
    for name, md5 in MD5.items():
        with open(folder / name, "rb") as file:
            found = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        if found != md5:
            raise ConfigError(f"{folder / name} is damaged: its MD5 is not {md5}. Delete it and fetch it again.")
