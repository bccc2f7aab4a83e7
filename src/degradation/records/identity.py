"""What identifies a run: the digest of its scientific configuration, and a readable folder name.

The digest covers everything that decides a network's result but the three columns that stand beside it in every row:
depth, variant and seed. So all depths of a sweep share one digest, and a network that was trained in two cohorts (a
subset of seeds, say) is one record.
"""

import hashlib
import json
from dataclasses import asdict
from typing import Any

from degradation.config import Config

DIGEST_LENGTH = 12
SLUG_LENGTH = 120


def scientific(config: Config) -> dict[str, Any]:
    """Task, network and recipe: what decides results, beside depth, variant and seed."""
    return {"task": asdict(config.task), "network": asdict(config.network), "recipe": asdict(config.recipe)}


def digest(config: Config) -> str:
    """Twelve hexadecimal digits that stand for the scientific configuration."""
    return short_hash(scientific(config))


def short_hash(value: Any) -> str:
    """Twelve hexadecimal digits that stand for a value of plain types."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]


def identity(config: Config) -> dict[str, Any]:
    """What a run's folder holds the results of: digest and cohort."""
    return {
        "digest": digest(config),
        "depths": config.depths,
        "variants": config.variants,
        "seeds": config.seeds,
    }


def differences(config: Config, other: Config) -> dict[str, tuple[Any, Any]]:
    """Scientific keys in which two configurations differ, such as `recipe.lr`, with both values."""
    ours, theirs = _flat(scientific(config)), _flat(scientific(other))
    keys = [*ours, *(key for key in theirs if key not in ours)]
    return {key: (ours.get(key), theirs.get(key)) for key in keys if ours.get(key) != theirs.get(key)}


def condition(config: Config, defaults: Config) -> str:
    """What differs from the experiment's defaults, such as `lr=0.003,width=64`; empty for the experiment itself."""
    parts = {key.split(".")[-1]: ours for key, (ours, _) in differences(config, defaults).items()}
    return ",".join(f"{name}={_text(parts[name])}" for name in sorted(parts))


def slug(config: Config, defaults: Config) -> str:
    """The run's folder below `runs/<experiment>/`, such as `sine/mlp/depth=010,lr=0.003`."""
    parts = ["depth=" + "+".join(f"{depth:03d}" for depth in config.depths)]
    changed = condition(config, defaults)
    if changed:
        parts.append(changed)
    if config.seeds != defaults.seeds:
        parts.append("seeds=" + _ranges(config.seeds))
    if config.variants != defaults.variants:
        parts.append("variants=" + "+".join(config.variants))
    name = ",".join(parts)
    if len(name) > SLUG_LENGTH:  # file names end at 255 bytes
        name = f"{name[:SLUG_LENGTH]}~{short_hash(identity(config))}"
    return f"{config.task.name}/{config.network.family}/{name}"


def _flat(groups: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {f"{group}.{key}": value for group, values in groups.items() for key, value in values.items()}


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "+".join(map(_text, value)) + "+" * (len(value) == 1)  # a list of one is not its element
    text = str(value)
    return "".join(character if character.isalnum() or character in "+-._" else "_" for character in text)


def _ranges(numbers: list[int]) -> str:
    """`0-3+7` for [0, 1, 2, 3, 7]; the order is kept."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return "+".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
