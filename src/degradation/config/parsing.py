"""From what Hydra composed to typed and checked groups of keys. Defaults live in `conf/` alone."""

import difflib
from collections.abc import Mapping
from dataclasses import MISSING, fields
from functools import cache
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from degradation.checks import ConfigError, one_of, require

EXPECTED: dict[Any, str] = {  # types of fields in words
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    bool | str: "true, false or auto",
    str: "a text",
    list[int]: "a list of whole numbers",
    float | None: "a number or null",
    int | None: "a whole number or null",
    str | None: "a text or null",
}


def plain_values(composed: DictConfig) -> dict[str, Any]:
    """Everything resolved, as plain types.

    Raises:
        ConfigError: a value is missing or cannot be resolved.
    """
    try:
        values = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
    except MissingMandatoryValue as error:
        raise ConfigError(f"{error.full_key} is not set.") from error
    except OmegaConfBaseException as error:
        raise ConfigError(str(error).splitlines()[0]) from error
    assert isinstance(values, dict)
    return {str(key): value for key, value in values.items()}


def a_list(key: str, value: Any) -> list[Any]:
    require(isinstance(value, list), f"{key} is {value!r}; a list such as {key}=[...] is expected.")
    return value


def check_keys(values: Mapping[Any, Any], known: list[str], prefix: str) -> None:
    """Refuse unknown keys, with the nearest known one, and missing ones."""
    for key in values:
        if key not in known:
            close = difflib.get_close_matches(str(key), known, n=1)
            hint = f"did you mean {prefix}{close[0]}?" if close else f"allowed: {', '.join(known)}."
            raise ConfigError(f"{prefix}{key} is not a key of the configuration; {hint}")
    for key in known:
        require(key in values, f"{prefix}{key} is not set.")


def choice(classes: Mapping[str, type], values: Any, name: str, selector: str) -> Any:
    """The group of the class that its key `selector` names."""
    selected = values.get(selector) if isinstance(values, dict) else None
    one_of(f"{name}.{selector}", selected, tuple(classes))
    return group(classes[str(selected)], values, name)


@cache
def _typed(cls: type) -> DictConfig:
    """What checks and converts the values of `cls`, one set of them after another: making it takes milliseconds."""
    return OmegaConf.structured(cls)


def group(cls: type, values: Any, name: str) -> Any:
    """An instance of the dataclass `cls`, its values checked and converted to the fields' types by OmegaConf."""
    require(isinstance(values, dict), f"{name} is {values!r}; a group of keys is expected.")
    values = {f.name: f.default for f in fields(cls) if f.default is not MISSING} | values
    check_keys(values, [f.name for f in fields(cls)], prefix=f"{name}.")
    typed = _typed(cls)
    for f in fields(cls):
        try:
            typed[f.name] = values[f.name]
        except OmegaConfBaseException as error:
            raise ConfigError(f"{name}.{f.name} is {values[f.name]!r}; {EXPECTED[f.type]} is expected.") from error
    converted: Any = OmegaConf.to_container(typed)
    return cls(**converted)
