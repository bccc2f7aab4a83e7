"""The wheel: built, installed into a folder of its own, and used in an empty one."""

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT

TRAIN = [
    *("train", "-m", "experiment=sine_smoke", "depth=4", "seeds=[0]", "recipe.max_steps=10", "logger=none"),
    "hydra/launcher=basic",
]


def call(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder that a wheel of the checkout was installed into, without its dependencies. No network is needed."""
    folder = tmp_path_factory.mktemp("wheel")
    uv = (sys.executable, "-m", "uv", "--quiet")
    call(*uv, "build", "--offline", "--no-build-isolation", "--wheel", "--out-dir", folder / "dist", cwd=ROOT)
    (wheel,) = (folder / "dist").glob("*.whl")
    target = ("--python", sys.executable, "--target", folder / "site")
    call(*uv, "pip", "install", "--offline", "--no-deps", *target, wheel)
    return folder / "site"


def files(folder):
    return {path.relative_to(folder) for path in folder.rglob("*.yaml")}


def test_it_brings_the_configuration_and_the_plugins_along(installed):
    assert files(installed / "degradation" / "conf") == files(ROOT / "conf")
    plugins = {path.name for path in (ROOT / "src" / "hydra_plugins").glob("*.py")}
    assert {path.name for path in (installed / "hydra_plugins").glob("*.py")} == plugins
    assert (installed / "degradation" / "reports" / "html.css").exists()
    assert not (installed / "tests").exists()


def test_it_trains_and_reports_in_an_empty_folder(installed, tmp_path):
    environment = os.environ | {"PYTHONPATH": str(installed)}
    said = call(installed / "bin" / "degradation", *TRAIN, cwd=tmp_path, env=environment)
    assert {path.name for path in tmp_path.iterdir()} == {"runs", "results"}
    assert len((tmp_path / "results" / "sine_smoke" / "networks.csv").read_text().splitlines()) == 3
    page = (tmp_path / "results" / "sine_smoke" / "README.md").read_text()
    assert (
        "Made by `degradation report experiment=sine_smoke` from" in page
    )  # not the checkout, which says it otherwise
    assert "sine_smoke" in said
    assert "reference" not in said
