"""Networks outlive their training: a finished run's checkpoint as networks, or as the whole cohort."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import nn

from degradation.checks import ConfigError
from degradation.config import Config, parse_stored
from degradation.records.run import CHECKPOINT, CONFIG, verify
from degradation.training import checkpoints
from degradation.training.cohort import Cohort
from degradation.training.members import Member, build, load_task, members

HERE = {
    "device": "cpu",
    "engine": "auto",
    "memory_format": "auto",
    "compile_blocks": False,
    "small_convolutions": False,
}


def load_networks(folder: str | Path) -> dict[Member, nn.Module]:
    """The trained networks of a finished run, each by itself, float32 on the CPU in eval mode.

    Args:
        folder: the run's, `runs/<experiment>/<slug>`.

    Raises:
        ConfigError: the folder holds no finished run or one of an earlier version, or its checkpoint is gone.
        DamagedRunError: the checkpoint or another file is damaged.
    """
    return networks_of(*read(Path(folder), HERE))


def networks_of(config: Config, checkpoint: dict[str, Any]) -> dict[Member, nn.Module]:
    """The networks of what `read` gave, as of `load_networks`."""
    networks = {}
    for member in members(config):
        network = build(member, config)
        network.load_state_dict(checkpoint["networks"][str(member)]["network"])
        networks[member] = network.eval()
    return networks


def load_cohort(folder: Path, runtime: Mapping[str, Any] = HERE) -> Cohort:
    """The cohort of a finished run as it was after its last step, with the data that it was trained on.

    Args:
        folder: the run's.
        runtime: keys to compute with in place of those that it was trained with.
    """
    config, checkpoint = read(folder, runtime)
    cohort = _ready(config, checkpoint, started=False)
    cohort.load_checkpoint(checkpoint)
    return cohort


def cohort_at_start(folder: Path, runtime: Mapping[str, Any] = HERE) -> Cohort:
    """The cohort of a finished run as it was before its first step; arguments as of `load_cohort`."""
    return _ready(*read(folder, runtime), started=True)


def _ready(config: Config, checkpoint: dict[str, Any], *, started: bool) -> Cohort:
    cohort = Cohort(config, load_task(config), started=started).to(torch.device(config.runtime.device))
    cohort.digests = checkpoint["identity"]["digests"]  # of what was trained; on the CPU tf32 is computed as fp32
    cohort.configure_optimizers()
    return cohort


def read(folder: Path, runtime: Mapping[str, Any]) -> tuple[Config, dict[str, Any]]:
    """A finished run's configuration, to be executed as `runtime` says, and its checkpoint.

    Raises:
        ConfigError, DamagedRunError: as of `load_networks`.
    """
    if not verify(folder):
        raise ConfigError(f"{folder} holds no finished run.")
    path = folder / CHECKPOINT
    if not path.exists():
        raise ConfigError(f"{path} is gone; only training that cohort again brings its networks back.")
    document = yaml.safe_load((folder / CONFIG).read_text())
    if "digests" not in document["identity"]:
        raise ConfigError(f"{folder} was made by an earlier version of this suite, whose networks cannot be loaded.")
    checkpoint = checkpoints.load(path, identity=document["identity"], advice=checkpoints.FINISHED)
    values = document["config"]
    values["runtime"] |= runtime
    if values["runtime"]["device"] == "cpu" and values["recipe"]["precision"] == "tf32":
        values["recipe"]["precision"] = "fp32"  # parameters are float32 in both
    return parse_stored(values), checkpoint
