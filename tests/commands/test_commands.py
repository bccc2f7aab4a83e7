"""Commands: one wrapper for what a user can mend, and the verbs that have no test folder of their own."""

import pytest

from degradation.checks import ConfigError
from degradation.commands.errors import sentences
from degradation.records.run import DamagedRunError, JobFailedError
from degradation.training.checkpoints import BadCheckpointError
from tests.conftest import ROOT
from tests.processes import results, run

DIAGNOSE = ROOT / "experiments" / "diagnose.py"
QUICK = ["-m", "experiment=sine_smoke", "logger=none", "hydra/launcher=basic", "depth=4", "recipe.max_steps=10"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        *[(ConfigError("a key"), 2), (JobFailedError("a job"), 1), (OSError(28, "No space left"), 1)],
        *[(DamagedRunError("a file"), 1), (BadCheckpointError("a checkpoint"), 1)],
    ],
)
def test_what_a_user_can_mend_is_a_sentence(capsys, error, code):
    with pytest.raises(SystemExit) as ended, sentences():
        raise error
    assert ended.value.code == code
    assert capsys.readouterr().err == f"error: {error}\n"


def test_a_mistake_of_ours_keeps_its_traceback():
    with pytest.raises(KeyError), sentences():
        raise KeyError("x")


def test_any_variants_from_the_command_line_to_the_page(tmp_path):
    ended = run(tmp_path, *QUICK, "variants=[plain,residual,scaled,he_zero_last]", "network.init=he")
    assert ended.code == 0, ended.said
    networks = results(tmp_path)["networks.csv"]
    assert {(row["variant"], row["condition"], row["matched"]) for row in networks} == {
        ("plain", "init=he,max_steps=10", "True"),
        ("residual", "init=he,max_steps=10", "True"),
        ("scaled", "init=he,max_steps=10", "True"),
        ("he_zero_last", "init=he,max_steps=10", "False"),
    }
    folder = tmp_path / "results" / "sine_smoke"
    for name in ("depth", "functions", "layers"):
        assert (folder / f"{name},init=he,max_steps=10.png").stat().st_size > 5000
    page = (folder / "README.md").read_text()
    assert "## init=he,max_steps=10" in page
    assert "| 4     | he_zero_last | no      | 2 |" in page


def test_diagnose_needs_no_training(tmp_path):
    assert run(tmp_path, *QUICK).code == 0
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("runs/**/records.csv")}
    tables = results(tmp_path)
    for wrong, sentence in (
        ([], "error: no diagnostic is chosen; set diagnostic=NAME"),
        (["diagnostic=lesions"], "error: diagnostic is 'lesions'; allowed: input_gradients, layers, lesion, maps, "),
        (["diagnostic=layers", "experiment=sine_depth"], "error: runs/sine_depth holds no finished run; train with"),
        (
            ["diagnostic=layers", "recipe.lr=7", "depth=7"],
            "error: a diagnostic measures everything that was run; recipe.lr, depth cannot be set for it. "
            "Choose runs with depths=[...].",
        ),
        (["diagnostic=layers", "depths=4"], "error: depths is 4; a list such as depths=[...] is expected."),
        (["diagnostic=layers", "depths=[five]"], "error: depths is ['five']; whole numbers are expected."),
        (["diagnostic=layers", "runtime=gpu"], "error: runtime.device is cuda and torch finds no CUDA device"),
    ):
        refused = run(tmp_path, "experiment=sine_smoke", *wrong, script=DIAGNOSE)
        assert (refused.code, "Traceback" in refused.err) == (2, False), refused.said
        assert sentence in refused.err
    ended = run(tmp_path, "experiment=sine_smoke", "diagnostic=layers", script=DIAGNOSE)
    assert ended.code == 0, ended.said
    assert "layers: 1 runs" in ended.out
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("runs/**/records.csv")} == before
    assert results(tmp_path) == tables
    assert run(tmp_path, *QUICK).out.count("to train") == 0  # still done
