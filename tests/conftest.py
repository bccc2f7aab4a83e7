"""Shared fixtures: configurations composed from conf/ as the entry points do."""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # as jobs have it; small tensors on several threads mostly wait

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from degradation.config import Config, parse
from degradation.instructions import limit_instructions

limit_instructions()  # as entry points do, before torch computes anything
ROOT = Path(__file__).parents[1]
LONG = (
    "test_slurm.py",
    "test_interruptions.py",
    "test_sweeps.py",
    "test_images.py",
    "test_notebooks.py",
    "test_disk.py",
    "test_proof.py",
)  # begun first
SMALL = ["recipe.max_steps=40", "recipe.evaluations=4", "seeds=[0,1]", "depth=4", "logger=none"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, so that two processes end at about the same time."""
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))


@pytest.fixture
def compose_config(tmp_path: Path) -> Iterator[Callable[..., Config]]:
    """`compose_config("recipe.lr=0.1")`: the small sine configuration with overrides, writing below tmp_path."""
    folders = [f"runtime.runs_dir={tmp_path}/runs", f"runtime.results_dir={tmp_path}/results"]
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        yield lambda *overrides: parse(compose("config", [*SMALL, *folders, *overrides]))


@pytest.fixture
def config(compose_config: Callable[..., Config]) -> Config:
    return compose_config()


@pytest.fixture(scope="session")
def compose_experiment() -> Callable[[str], tuple[set[int], list[str]]]:
    """`compose_experiment("sine_depth")`: the depths that the experiment's file sweeps over, and its variants."""

    @cache
    def composed(name: str) -> tuple[set[int], list[str]]:
        GlobalHydra.instance().clear()
        with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
            whole = compose("config", [f"experiment={name}"], return_hydra_config=True)
        depths = str(whole.hydra.sweeper.params.depth).strip("[]").split(",")  # one cohort a depth, or one of all
        return {int(depth) for depth in depths}, list(whole.variants)

    return composed
