"""docs/extending.md: its code, put into a copy of the repository, trains, measures, judges and draws."""

import os
import re
import shutil
import subprocess
import sys

import pandas as pd
import pytest

from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "extending.md").read_text()
BLOCK = re.compile(r"^(New file|At the end of|In the list of) `([^`]+)`[^\n]*:\n\n```\w+\n(.*?)^```$", re.M | re.S)
COMMANDS = """
import runpy, sys
from pathlib import Path
commands = [
    ["train.py", "-m", "experiment=parabola_depth", "logger=none", "hydra/launcher=basic"],
    ["diagnose.py", "experiment=parabola_depth", "diagnostic=dead_units"],
    ["train.py", "-m", "experiment=digits_depth", "logger=none", "hydra/launcher=basic", "depth=8", "seeds=[0]",
     "network.width=2", "recipe.max_steps=2", "recipe.milestones=[]", "recipe.schedule=constant",
     "recipe.warmup_steps=0", "recipe.evaluations=1", "variants=[plain,residual,averaged,half_step]"],
    ["diagnose.py", "experiment=digits_depth", "diagnostic=dead_units"],
]
for script, *arguments in commands:
    sys.argv = [script, *arguments]
    runpy.run_path(str(Path(sys.path[0], "experiments", script)), run_name="__main__")
"""


@pytest.fixture(scope="module")
def extended(tmp_path_factory):
    """A copy of the repository with everything on the page in it, after its commands were run."""
    copy = tmp_path_factory.mktemp("extended")
    for name in ("src", "conf", "experiments"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    found = BLOCK.findall(PAGE)
    assert len(found) == 14
    for how, name, code in found:
        file = copy / name
        if how == "New file":
            assert not file.exists()
            file.write_text(code)
        elif how == "At the end of":
            file.write_text(f"{file.read_text()}\n{code}")
        else:
            file.write_text(
                re.sub(r"\n    \]\n$", lambda _, code=code: f"\n{code.rstrip()},\n    ]\n", file.read_text())
            )
    environment = os.environ | {"PYTHONPATH": f"{copy}:{copy / 'src'}"}
    program = f"import sys; sys.path.insert(0, {str(copy)!r})\n{COMMANDS}"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=copy, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return copy, done.stdout


def networks(folder, experiment):
    return pd.read_csv(folder / "results" / experiment / "networks.csv")


def test_the_family_and_the_task(extended):
    table = networks(extended[0], "parabola_depth")
    assert set(table["family"]) == {"linear"}
    assert len(table) == 2 * 2 * 3
    assert set(table["parameters"]) == {30 * 2 + 930 * 1 + 31, 30 * 2 + 930 * 4 + 31}
    assert table["matched"].all()
    assert (table["train_loss"] > 0.9 * table["mean_train_loss"]).all()  # linear, as expected


def test_the_shortcut_kind_and_the_variant(extended):
    table = networks(extended[0], "digits_depth").set_index("variant")
    assert table["shortcut"].to_dict() == {"plain": "none", "residual": "A", "averaged": "averaged", "half_step": "A"}
    assert table["matched"].all()
    assert table["parameters"].nunique() == 1
    assert table["train_loss"].nunique() == 4


def test_the_diagnostic_and_its_figure(extended):
    folder = extended[0] / "results"
    linear = pd.read_csv(folder / "parabola_depth" / "dead_units.csv")
    assert linear.groupby("depth")["layer"].max().to_dict() == {2: 2, 5: 5}
    assert (linear["dead_share"] == 0).all()  # no ReLU, no dead units
    assert pd.read_csv(folder / "digits_depth" / "dead_units.csv")["dead_share"].between(0, 1).all()
    assert (folder / "parabola_depth" / "dead_units.png").stat().st_size > 5000
    assert "![dead units by layer](dead_units.png)" in (folder / "parabola_depth" / "README.md").read_text()


def test_the_claim(extended):
    claims = pd.read_csv(extended[0] / "results" / "claims.csv").set_index("id")
    assert claims.loc["parabola_depth/shortcuts-do-not-help", "verdict"] == "reproduced"
    assert "parabola_depth: 1 reproduced" in extended[1]
