"""What people write on the command line, and what they mean by it."""

import difflib
import re
from collections.abc import Iterator, Sequence
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import OmegaConf

from degradation.config.meanings import GROUPS

LISTS = ("seeds", "variants")
NO_SUCH_KEY = re.compile(r"Could not override '([^']+)'")


def as_meant(override: Override) -> Override:
    """`seeds=0,1,2` as `seeds=[0,1,2]`: one cohort of three seeds, not three cohorts of a number. Any other override
    is returned as it is, `seeds=[0],[1]` too.
    """
    key = override.get_key_element()
    if key not in LISTS or not override.is_sweep_override() or not override.is_discrete_sweep():
        return override
    values = list(override.sweep_string_iterator())
    if not all(re.fullmatch(r"[\w-]+", value) for value in values):
        return override
    return OverridesParser.create().parse_override(f"{key}=[{','.join(values)}]")


def answer(message: str, loader: ConfigLoader, config_name: str | None, overrides: Sequence[str]) -> str:
    """Hydra's message on a key that does not exist with the nearest one that does in place of its advice to append
    the key; any other message as it is.

    Args:
        message: Hydra's.
        overrides: the command line's; those that choose files of conf/ decide which keys there are.
    """
    wrong = NO_SUCH_KEY.search(message)
    if wrong is None:
        return message
    said = message.split("\nTo append to your config")[0]
    chosen = [override for override in overrides if override.split("=")[0] in ("experiment", *GROUPS)]
    try:
        composed = loader.load_configuration(config_name, chosen, run_mode=RunMode.MULTIRUN)
    except HydraException:
        return said
    close = difflib.get_close_matches(wrong.group(1), list(keys(OmegaConf.to_container(composed))), n=1)
    return f"{said}\ndid you mean {close[0]}?" if close else said


def keys(values: Any, prefix: str = "") -> Iterator[str]:
    """Full names of all keys but Hydra's."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from keys(value, f"{prefix}{name}.")
        elif not prefix.startswith("hydra."):
            yield f"{prefix}{name}"
