"""What comes from outside cannot run code, leave its folder or read out secrets."""

import ast
import io
import os
import pickle
import re
import tarfile

import pytest
from torchvision.datasets.utils import extract_archive

from degradation.checks import ConfigError
from degradation.commands.train import train_watched as train
from degradation.records.run import JobFailedError
from degradation.tasks.cifar10 import Cifar10Task
from degradation.training.cohort import Cohort
from tests.conftest import ROOT
from tests.processes import run

SECRETS = {"WANDB_API_KEY": "0123456789abcdef" * 2 + "01234567", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG"}
PLAIN = {"SOMETHING_PRIVATE": "the-street-where-i-live"}
SOURCES = sorted([*(ROOT / "src").rglob("*.py"), *(ROOT / "experiments").rglob("*.py")])


class Evil:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def calls(path):
    """Every call in a source file: the dotted name and the keywords."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), {word.arg: ast.unparse(word.value) for word in node.keywords}


@pytest.mark.parametrize("path", SOURCES, ids=[str(path.relative_to(ROOT)) for path in SOURCES])
def test_nothing_in_the_source_unpickles_or_evaluates(path):
    for name, keywords in calls(path):
        if name == "torch.load":
            assert keywords["weights_only"] == "True"
        assert not re.fullmatch(r"(c|cloud)?pickle\.loads?|joblib\.load|pd\.read_pickle|eval|exec|yaml\.load", name)
        assert "allow_pickle" not in keywords
        assert keywords.get("shell", "False") == "False"


@pytest.fixture
def marker(tmp_path):
    """Exists once foreign code has run."""
    return tmp_path / "ran"


def test_forged_data_files_are_not_unpickled(tmp_path, marker):
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for name in ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"):
        (folder / name).write_bytes(pickle.dumps(Evil(marker)))
    (folder / "batches.meta").write_bytes(pickle.dumps(Evil(marker)))
    with pytest.raises(ConfigError, match="data_batch_1 is damaged: its MD5 is not"):
        Cifar10Task("cifar10", "50k", "per_pixel", augment=True, resolution=32).load(tmp_path, download=False)
    assert not marker.exists()


@pytest.fixture
def archive(tmp_path):
    """An archive with a member that points out of the folder it is extracted to."""
    path = tmp_path / "forged.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        member = tarfile.TarInfo("../outside")
        member.size = 4
        tar.addfile(member, io.BytesIO(b"evil"))
    return path


def test_a_forged_archive_is_not_extracted(tmp_path, archive, monkeypatch):
    data = tmp_path / "data"
    monkeypatch.setattr("torchvision.datasets.utils._get_redirect_url", lambda url, **_: url)
    monkeypatch.setattr(
        "torchvision.datasets.utils._urlretrieve", lambda url, path: os.link(archive, path) or archive.unlink()
    )
    with pytest.raises(ConfigError, match=r"could not be downloaded \(File not found or corrupted"):
        Cifar10Task("cifar10", "50k", "per_pixel", augment=True, resolution=32).load(data, download=True)
    assert [path.name for path in data.iterdir()] == ["cifar-10-python.tar.gz"]
    assert not (tmp_path / "outside").exists()


@pytest.mark.skipif(not hasattr(tarfile, "data_filter"), reason="Python before 3.11.4 has no filter; the MD5 remains")
def test_an_archive_member_cannot_leave_its_folder(tmp_path, archive):
    (tmp_path / "data").mkdir()
    with pytest.raises(tarfile.OutsideDestinationError):  # torchvision's own filter, behind the check of the MD5
        extract_archive(str(archive), str(tmp_path / "data"))
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize("group", ["task", "network", "recipe", "runtime", "logger", "experiment"])
def test_a_target_in_the_configuration_is_an_unknown_key(compose_config, marker, group):
    with pytest.raises(ConfigError, match=rf"{group}._target_ is not a key of the configuration"):
        compose_config(f"+{group}._target_=os.mkdir", f"+{group}.path={marker}")
    key = {"task": "name", "network": "family", "recipe": "lr", "runtime": "threads"}.get(group, "name")
    with pytest.raises(ConfigError, match=rf"{group}\.{key} is"):
        compose_config(f"{group}.{key}={{_target_:os.mkdir,path:'{marker}'}}")
    assert not marker.exists()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["hydra.launcher._target_=os.mkdir"], "Invalid plugin 'os.mkdir': not the hydra_plugins package"),
        (["hydra.sweeper._target_=os.mkdir"], "Invalid plugin 'os.mkdir': not the hydra_plugins package"),
        (
            ["+hydra.callbacks.x._target_=os.system", "+hydra.callbacks.x.command='mkdir MARKER'"],
            "Error instantiating 'os.system'|HYDRA_INSTANTIATE_ALLOWLIST_OVERRIDE",
        ),
    ],
)
def test_hydra_runs_nothing_but_its_plugins(tmp_path, marker, overrides, message):
    overrides = [override.replace("MARKER", str(marker)) for override in overrides]
    code, _, err = run(tmp_path, "-m", "experiment=sine_smoke", "logger=none", "depth=4", *overrides)
    assert code == 2
    assert re.search(message, err)
    assert not marker.exists()
    assert not list(tmp_path.glob("**/status.json"))


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_in_the_configuration_is_refused(compose_config, monkeypatch, name):
    monkeypatch.setenv(name, SECRETS[name])
    with pytest.raises(ConfigError, match=f"experiment.title holds the value of the environment variable {name}"):
        compose_config(f"experiment.title='see ${{oc.env:{name}}}'")


@pytest.mark.parametrize("fails", [False, True])
def test_nothing_of_the_environment_reaches_a_file(compose_config, tmp_path, monkeypatch, fails):
    for name, value in (SECRETS | PLAIN).items():
        monkeypatch.setenv(name, value)
    config = compose_config("logger=wandb_offline")
    if fails:
        monkeypatch.setattr(Cohort, "training_step", lambda *args: 1 / 0)
        with pytest.raises(JobFailedError, match="ZeroDivisionError"):
            train(config, config, show_progress=False)
    else:
        train(config, config, show_progress=False)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    names = {path.name for path in files}
    assert {"traceback.txt" if fails else "environment.json", "config.yaml", "status.json"} <= names
    assert [name for name in names if name.endswith(".wandb")]
    for path in files:
        for value in (SECRETS | PLAIN).values():
            assert value.encode() not in path.read_bytes(), path
