"""Checks of configured values; each refuses with one sentence that names the key and says what is allowed."""

from collections.abc import Sequence
from typing import Any


class ConfigError(ValueError):
    """Wrong configuration; the message is a sentence for the user."""


def require(condition: bool, message: str) -> None:
    """Raise `ConfigError(message)` unless `condition` holds."""
    if not condition:
        raise ConfigError(message)


def one_of(key: str, value: Any, allowed: Sequence[str]) -> None:
    require(value in allowed, f"{key} is {value!r}; allowed: {', '.join(allowed)}.")


def at_least(key: str, value: float, least: float) -> None:
    require(value >= least, f"{key} is {value}; it must be at least {least}.")


def positive(key: str, value: float) -> None:
    require(0 < value < float("inf"), f"{key} is {value}; it must be a positive number.")


def unique_integers(key: str, values: Sequence[Any]) -> None:
    """Refuse an empty list, one with a repeated number, and one of anything else."""
    integers = all(isinstance(value, int) and not isinstance(value, bool) for value in values)
    require(integers, f"{key} is {values}; whole numbers are expected.")
    require(bool(values), f"{key} is empty; at least one is needed.")
    repeated = sorted({value for value in values if values.count(value) > 1})
    require(not repeated, f"{key} holds {', '.join(map(str, repeated))} more than once; each may stand once.")
