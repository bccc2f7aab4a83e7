"""Hydra's search path in the whole of a process.

Hydra looks into the folders of `hydra.searchpath` in one composition and forgets them; an experiment as its file has it
and the variants are read after that.
"""

from collections.abc import Sequence

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import ConfigRepository
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig


def config_loader() -> ConfigLoader:
    """Hydra's loader, which must be initialised; in a job it finds the files of the job's `hydra.searchpath` too."""
    loader = GlobalHydra.instance().config_loader()
    if HydraConfig.initialized():
        extend(loader, HydraConfig.get().searchpath)
    return loader


def extend(loader: ConfigLoader, folders: Sequence[str]) -> None:
    """Let a loader find files in further folders.

    Args:
        loader: Hydra's.
        folders: as `hydra.searchpath` has them, such as file://mine.
    """
    assert isinstance(loader, ConfigLoaderImpl)
    entries = loader.config_search_path.get_path()
    new = [folder for folder in folders if folder not in [entry.path for entry in entries]]
    if not new:
        return
    schema = entries.pop()  # last, as Hydra has it
    for folder in new:
        loader.config_search_path.append("hydra.searchpath", folder)
    entries.append(schema)
    loader.repository = ConfigRepository(loader.config_search_path)
