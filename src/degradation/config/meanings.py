"""What each key means: the comments of the files in conf/, which say it once, for `--help`."""

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from degradation.config.searchpath import config_loader

GROUPS = ("task", "network", "recipe", "runtime", "logger")
LINE = re.compile(r"^(?P<indent> *)(?P<key>\w+):(?P<rest>.*)$")
COMMENT = re.compile(r"(?:^|\s)#\s*(?P<text>.*)$")
COLUMN, WIDTH = 44, 118


def key_meanings(*, _root_: DictConfig) -> str:
    """A resolver for `hydra.help`: every key that can be set, its value now and its meaning, by group."""
    values: Any = OmegaConf.to_container(_root_, resolve=False)
    choices = values.pop("hydra")["runtime"]["choices"]
    own = _meanings("", "config")
    blocks = [_block(f"experiment={choices.get('experiment')}", "experiment", _general(values), own)]
    for group in GROUPS:
        chosen = choices[group]
        meanings: dict[str, str] = {}
        for name in [chosen, *_names(group)]:  # a recipe says what differs from base, which has the meanings
            meanings = _meanings(group, name) | meanings
        blocks.append(_block(f"{group}={chosen}", group, values[group], meanings))
    return "\n\n".join(blocks).replace("$", "$$")  # Hydra reads it as a template


def _general(values: dict[str, Any]) -> dict[str, Any]:
    """What stands in no group: keys of the top level."""
    return {key: value for key, value in values.items() if not isinstance(value, dict)}


def _names(group: str) -> list[str]:
    return list(config_loader().get_group_options(group))


def _block(title: str, group: str, values: dict[str, Any], meanings: dict[str, str]) -> str:
    prefix = "" if group == "experiment" else f"{group}."
    lines = [f"{title}   (also: {', '.join(name for name in _names(group) if title != f'{group}={name}')})"]
    for key, value in values.items():
        shown = "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
        left = f"  {prefix}{key}={shown}"
        words = textwrap.wrap(meanings.get(key, ""), WIDTH - COLUMN) or [""]
        if len(left) >= COLUMN:
            lines.append(left)
            left = ""
        lines += [f"{left:{COLUMN}}{words[0]}".rstrip(), *(" " * COLUMN + word for word in words[1:])]
    return "\n".join([textwrap.fill(lines[0], WIDTH, subsequent_indent="    "), *lines[1:]])


def _meanings(group: str, name: str) -> dict[str, str]:
    """The comment behind each key of a file of conf/, continued on the lines below it."""
    for source in config_loader().get_sources():
        file = Path(source.path) / group / f"{name}.yaml"
        if source.scheme() == "file" and file.exists():
            return dict(_comments(file.read_text().splitlines()))
    return {}


def _comments(lines: list[str]) -> Iterator[tuple[str, str]]:
    key, words = None, ""
    for line in lines:
        found, comment = LINE.match(line), COMMENT.search(line)
        text = comment.group("text") if comment else ""
        if found:
            if key and words:
                yield key, words
            key, words = found.group("key"), text
        elif key and comment and line.strip().startswith("#"):
            words = f"{words} {text}"
    if key and words:
        yield key, words
