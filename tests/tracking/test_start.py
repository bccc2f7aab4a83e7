"""Runs that an agent of a W&B sweep starts: it chooses their id."""

import pytest

from degradation.config import WandbLogger
from degradation.tracking.start import start

LOGGER = WandbLogger("wandb", "offline", "p", None, "cohort", 1, 1)


@pytest.mark.parametrize("agent", [False, True])
def test_the_agents_id_is_left_alone(monkeypatch, agent):
    given = {}
    monkeypatch.setattr("wandb.init", lambda **arguments: given.update(arguments))
    if agent:
        monkeypatch.setenv("WANDB_SWEEP_ID", "sweep")
        monkeypatch.setenv("WANDB_RUN_ID", "chosen")
    else:
        monkeypatch.delenv("WANDB_SWEEP_ID", raising=False)
    start(LOGGER, id="ours", resume="allow", name="depth=020")
    assert given["name"] == "depth=020"
    assert ("id" in given, "resume" in given) == (not agent, not agent)
