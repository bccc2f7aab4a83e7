"""Secrets of the environment, which no configuration may carry into records, logs or W&B."""

import os
import re
from collections.abc import Iterator
from typing import Any

from degradation.checks import ConfigError

SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL", re.IGNORECASE)
SHORTEST = 8  # characters; shorter values occur by chance


def secret_in(values: Any) -> tuple[str, str] | None:
    """The first key whose text holds the value of a secret environment variable, and that variable's name."""
    secrets = {name: value for name, value in os.environ.items() if SECRET_NAME.search(name) and len(value) >= SHORTEST}
    for key, text in _texts(values, ""):
        for name, value in secrets.items():
            if value in text:
                return key, name
    return None


def refuse_secrets(values: Any) -> None:
    """Refuse what records would show.

    Raises:
        ConfigError: a text holds the value of a secret environment variable.
    """
    secret = secret_in(values)
    if secret:
        raise ConfigError("{} holds the value of the environment variable {}; records would show it.".format(*secret))


def _texts(values: Any, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(values, dict):
        for name, value in values.items():
            yield from _texts(value, f"{key}.{name}".lstrip("."))
    elif isinstance(values, list):
        for value in values:
            yield from _texts(value, key)
    elif isinstance(values, str):
        yield key, values
