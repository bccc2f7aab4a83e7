"""What Hydra's users write on a command line, and what this suite makes of it."""

import json
import math
import re
import subprocess
import sys

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from degradation.commands.entry import in_words
from degradation.commands.train import objective
from degradation.records.run import RunFolder
from degradation.sweeps.overrides import as_meant, keys
from tests.processes import REPORT, TRAIN, run

TINY = ["recipe.max_steps=1", "recipe.evaluations=1", "logger=none", "network.width=2", "hydra/launcher=basic"]
MINE = """# @package _global_
defaults:
  - override /task: sine
  - override /network: mlp
  - override /recipe: adam

experiment:
  name: mine
  title: "mine"
  statement: "none"

seeds: [0]
variants: [plain, residual, half]

hydra:
  sweeper:
    params:
      depth: 4,7
"""


@pytest.fixture
def mine(tmp_path):
    """A folder with an experiment and a variant of one's own."""
    for group, name, text in [
        ("experiment", "mine", MINE),
        ("variant", "half", "network: {branch_scale: 0.5}\n"),
    ]:
        (tmp_path / "own" / group).mkdir(parents=True)
        (tmp_path / "own" / group / f"{name}.yaml").write_text(text)
    return tmp_path


def slugs(folder, experiment):
    return sorted(path.name for path in (folder / "runs" / experiment / "sine/mlp").iterdir())


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("seeds=0,1,2", "seeds=[0,1,2]"),
        ("seeds=range(3)", "seeds=[0,1,2]"),
        ("variants=plain,residual", "variants=[plain,residual]"),
        ("seeds=[0],[1]", "seeds=[0],[1]"),
        ("seeds=[0,1]", "seeds=[0,1]"),
        ("depth=4,7", "depth=4,7"),
    ],
)
def test_lists_are_taken_as_meant(written, meant):
    assert as_meant(OverridesParser.create().parse_override(written)).input_line == meant


def test_keys_are_named_in_full_without_hydras():
    assert list(keys({"a": {"b": 1, "c": {"d": 2}}, "e": [3], "hydra": {"f": 4}})) == ["a.b", "a.c.d", "e"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["/x/experiments/train.py", "-m", "variants=[plain]"], "python experiments/train.py -m 'variants=[plain]'"),
        (["experiments/train.py"], "python experiments/train.py"),
        (["/some/bin/degradation", "train"], "degradation train"),
    ],
)  # fmt: skip
def test_a_command_in_words(arguments, words):
    assert in_words(arguments) == words


def test_seeds_by_comma_are_one_cohort_and_the_command_is_recorded(tmp_path):
    code, out, err = run(tmp_path, "-m", "+experiment=sine_smoke", *TINY, "depth=4", "seeds=0,1")
    assert code == 0, err
    (slug,) = slugs(tmp_path, "sine_smoke")
    assert slug == "depth=004,evaluations=1,max_steps=1,width=2"  # seeds 0 and 1 are the experiment's own
    (file,) = tmp_path.glob("runs/**/environment.json")
    made_with = json.loads(file.read_text())
    typed = "-m experiment=sine_smoke recipe.max_steps=1 recipe.evaluations=1 logger=none network.width=2"
    assert made_with["command"] == f"python experiments/train.py {typed} hydra/launcher=basic depth=4 seeds=0,1"
    assert {"experiment=sine_smoke", "depth=4", "seeds=[0,1]", "hydra/launcher=basic"} <= set(made_with["overrides"])
    assert "tables: results/sine_smoke" in out
    assert "| " not in out  # one screen


@pytest.mark.parametrize("how", [["hydra.searchpath=[file://own]"], ["--config-dir", "own"]])
def test_an_experiment_and_a_variant_of_ones_own(mine, how):
    code, out, err = run(mine, "-m", *how, "experiment=mine", *TINY)
    assert code == 0, err
    assert slugs(mine, "mine") == [f"depth={depth},evaluations=1,max_steps=1,width=2" for depth in ("004", "007")]
    assert "half" in (mine / "results/mine/networks.csv").read_text()
    code, out, err = run(mine, *how, "experiment=mine", "verbose=true", script=REPORT)
    assert code == 0, err
    assert "| half" in out


def test_a_configuration_of_ones_own(mine):
    (mine / "own" / "short.yaml").write_text(
        "defaults: [config, _self_, override experiment: mine]\nrecipe: {max_steps: 2, evaluations: 1}\n"
    )
    arguments = ["-m", "--config-dir", "own", "-cn", "short", "network.width=2", "hydra/launcher=basic", "logger=none"]
    code, _, err = run(mine, *arguments)
    assert code == 0, err
    assert slugs(mine, "mine") == [f"depth={depth},evaluations=1,max_steps=2,width=2" for depth in ("004", "007")]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["network.witdh=3"], "did you mean network.width?"),
        (["-m", "experiment=sine_smoke", "network.witdh=3,4"], "did you mean network.width?"),
        (["-m", "experiment=glob(nothing*)"], "matches no experiment"),
        (["hydra.run.dir=x"], "hydra.run.dir is not used"),
        (["-m", "hydra.sweep.dir=x"], "hydra.sweep.dir is not used"),
    ],
)
def test_refusals(tmp_path, arguments, sentence):
    code, _, err = run(tmp_path, *arguments, "logger=none")
    assert code in (1, 2)
    assert sentence in err
    assert "To append" not in err
    assert "Traceback" not in err
    assert not list(tmp_path.iterdir())


def test_what_many_jobs_have_wrong_is_said_once(tmp_path):
    code, _, err = run(tmp_path, "-m", "experiment=glob(sine_dep*)", "seeds=3", "logger=none")
    assert code == 2
    (line,) = [line for line in err.splitlines() if "seeds is 3" in line]
    count = int(re.search(r"\(and (\d+) more\)", line).group(1))
    assert count == 3 * 14 - 1  # sine_depth, sine_depth_he, sine_depth_batchnorm


def test_help_says_what_every_key_means(tmp_path):
    code, out, _ = run(tmp_path, "--help")
    assert code == 0
    lines = [line.split() for line in out.splitlines()]
    told = {line[0]: " ".join(line[1:]) for line in lines if line and "=" in line[0]}
    assert told["network.span=3"] == "layers that a shortcut passes over"
    assert told["recipe.evaluations=10"].startswith("evenly spaced evaluations after step 0")
    assert told["depth=10"].startswith("weighted layers")
    assert "digits" in told["task=sine"]


def test_the_shell_completes_keys_and_names(tmp_path):
    def completed(typed):
        answer = subprocess.run(
            [sys.executable, TRAIN, "-sc", "query=bash"], cwd=tmp_path, capture_output=True, text=True, check=True,
            env={"COMP_LINE": f"python {TRAIN} {typed}", "COMP_POINT": "1000", "PATH": "/usr/bin:/bin"},
        )  # fmt: skip
        return answer.stdout.split()

    assert "experiment=digits_depth" in completed("experiment=digits_d")


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([("done", "0.1", "25.0"), ("done", "0.1", "75.0")], 50.0),
        ([("done", "1e-2", ""), ("done", "1e-4", "")], -3.0),
        ([("done", "1e-2", ""), ("diverged", "", "")], math.inf),
    ],
)
def test_the_objective_of_a_cohort(tmp_path, rows, expected):
    lines = ["status,train_loss,train_error", *(",".join(row) for row in rows)]
    (tmp_path / "records.csv").write_text("\n".join(lines) + "\n")
    assert objective(RunFolder(tmp_path)) == pytest.approx(expected)
