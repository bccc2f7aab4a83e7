"""Experiments that are listed without being composed: as Hydra composes them, and composed where only it can tell."""

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from degradation.checks import ConfigError
from degradation.config import composition
from degradation.config.composition import all_experiments, defaults_of
from degradation.config.searchpath import extend
from tests.conftest import ROOT

OWN = """# @package _global_
defaults:
  - {base}
experiment:
  name: {name}
  title: "mine"
  statement: "A statement."
"""


@pytest.fixture
def own(tmp_path):
    """Hydra with a folder of one's own beside ours; writes an experiment there."""
    (tmp_path / "own" / "experiment").mkdir(parents=True)

    def write(base="override /task: sine", name="mine", text=OWN):
        (tmp_path / "own" / "experiment" / "mine.yaml").write_text(text.format(base=base, name=name))

    GlobalHydra.instance().clear()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        extend(GlobalHydra.instance().config_loader(), [f"file://{tmp_path}/own"])
        yield write


def listed(name="mine"):
    (found,) = [one for one in all_experiments() if one.experiment.name == name]
    return found


def test_every_experiment_is_what_hydra_composes(own, monkeypatch):
    composed = {one.experiment.name: one.defaults.experiment for one in all_experiments()}
    assert len(composed) >= 46
    monkeypatch.setattr(composition, "compose", None)  # none is composed
    assert {one.experiment.name: one.experiment for one in all_experiments()} == composed


def test_one_of_ones_own_is_read_and_then_composed(own):
    own()
    found = listed()
    assert "defaults" not in vars(found)
    assert (found.experiment.title, found.experiment.device) == ("mine", "cpu")
    assert found.defaults.experiment == found.experiment
    assert found.defaults.task.name == "sine"


def test_what_builds_on_another_file_is_composed(own):
    own("sine_why")
    found = listed()
    assert "defaults" in vars(found)
    assert found.experiment == defaults_of("mine").experiment
    assert found.experiment.deviations == defaults_of("sine_why").experiment.deviations


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({"name": "other"}, "experiment.name is 'other' and the experiment's file is mine.yaml"),
        ({"text": "# @package _global_\nexperiment: {{name: mine}}\n"}, "experiment.title is not set"),
        ({"text": OWN + "  titel: x\n"}, "experiment.titel is not a key of the configuration; did you mean"),
    ],
)
def test_what_is_wrong_with_it_is_said(own, written, message):
    own(**written)
    with pytest.raises(ConfigError, match=message):
        all_experiments()
