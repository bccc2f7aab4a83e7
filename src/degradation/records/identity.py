"""What identifies a network: the digest of its scientific configuration; and what names a run: a readable folder.

The digest covers everything that decides a network's result except the columns that stand beside it in every row:
depth, variant and seed. So all depths of a sweep share one digest per variant, and a network that was trained in two
cohorts (a subset of seeds, say) is one record.

A key whose value means "as if there were no such key" is left out, so a key that is added later changes no digest: see
`absent` in `degradation.networks.family.Family`.
"""

import hashlib
import json
from dataclasses import dataclass, fields
from itertools import combinations
from typing import Any

from degradation.config import Config
from degradation.config.variants import Settings

DIGEST_LENGTH = 12
SLUG_LENGTH = 120


def scientific(config: Config, settings: Settings | None = None) -> dict[str, Any]:
    """Task, network and recipe: what decides results, beside depth, variant and seed.

    Args:
        settings: a variant's; None: the experiment's, before a variant changes them.
    """
    chosen = settings or config
    return {"task": _present(config.task), "network": _present(chosen.network), "recipe": _present(chosen.recipe)}


def _present(group: Any) -> dict[str, Any]:
    """The keys of a dataclass, without those whose value means that the key is absent."""
    values = {f.name: (f, getattr(group, f.name)) for f in fields(group)}
    return {name: value for name, (f, value) in values.items() if value != f.metadata.get("absent", ...)}


def digest(config: Config, variant: str) -> str:
    """Twelve hexadecimal digits that stand for the scientific configuration of a variant's networks."""
    return short_hash(scientific(config, config.variant(variant)))


def base_digest(config: Config) -> str:
    """Twelve hexadecimal digits that stand for the scientific configuration before variants change it."""
    return short_hash(scientific(config))


@dataclass(frozen=True)
class OwnCondition:
    """One condition of an experiment's own sweep.

    Attributes:
        name: short, telling it from the experiment's others, such as `lr=0.003`; empty where there are no others.
        base: the digest of its settings before variants change them.
        changed: the keys that the name is made of, such as `recipe.lr`, with its values.
        settings: of every variant that fits it.
        digests: of those variants.
    """

    name: str
    base: str
    changed: dict[str, Any]
    settings: dict[str, Settings]
    digests: dict[str, str]


def own_conditions(defaults: Config) -> dict[str, OwnCondition]:
    """The conditions of an experiment's own sweep by their label in tables (`condition`), in the sweep's order.

    The experiment as its file has it has the empty label, and comes first where the sweep leaves it out.
    """
    labelled = {condition(config, defaults): config for config in defaults.conditions}
    if "" not in labelled:
        labelled = {"": defaults} | labelled
    telling = _telling(list(labelled.values()))
    return {label: _own(config, changed) for (label, config), changed in zip(labelled.items(), telling, strict=True)}


def _own(config: Config, changed: dict[str, Any]) -> OwnCondition:
    settings = config.fitting_variants()
    digests = {name: short_hash(scientific(config, of_variant)) for name, of_variant in settings.items()}
    return OwnCondition(_name(changed), base_digest(config), changed, settings, digests)


def _name(changed: dict[str, Any]) -> str:
    return ",".join(f"{key.split('.')[-1]}={_text(value)}" for key, value in changed.items())


def _telling(configs: list[Config]) -> list[dict[str, Any]]:
    """Each condition's values of the fewest keys that tell all apart, the first in the configuration's order."""
    keys = {name: [_keys(config).get(name) for config in configs] for name in _keys(configs[0])}
    keys = {name: values for name, values in keys.items() if any(value != values[0] for value in values)}
    for size in range(len(keys) + 1):
        for chosen in combinations(keys, size):
            found = [{name: keys[name][place] for name in chosen} for place in range(len(configs))]
            if len({_name(changed) for changed in found}) == len(configs):
                return found
    return [{"condition": place} for place in range(len(configs))]


def short_hash(value: Any) -> str:
    """Twelve hexadecimal digits that stand for a value of plain types."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]


def identity(config: Config) -> dict[str, Any]:
    """What a run's folder holds the results of: digests by variant, and the cohort."""
    return {
        "digests": {variant: digest(config, variant) for variant in config.variants},
        "depths": config.depths,
        "seeds": config.seeds,
    }


def differences(config: Config, other: Config) -> dict[str, tuple[Any, Any]]:
    """Scientific keys in which two configurations differ before variants change them, such as `recipe.lr`, with both
    values. Where one has no such key, its value is the one that stands for that, or None.
    """
    absent = _absent(config) | _absent(other)
    own, others = _keys(config), _keys(other)
    ours, theirs = absent | own, absent | others
    return {key: (ours.get(key), theirs.get(key)) for key in own | others if ours.get(key) != theirs.get(key)}


def condition(config: Config, defaults: Config) -> str:
    """What differs from the experiment's defaults, such as `lr=0.003,width=64`; empty for the experiment itself."""
    own = _keys(config)
    parts = {key.split(".")[-1]: own[key] for key in differences(config, defaults) if key in own}
    return ",".join(f"{name}={_text(parts[name])}" for name in sorted(parts))


def _keys(config: Config) -> dict[str, Any]:
    """Every scientific key by its full name."""
    return {f"{name}.{f.name}": getattr(group, f.name) for name, group in _groups(config) for f in fields(group)}


def _absent(config: Config) -> dict[str, Any]:
    """The values that stand for the absence of a key, by its full name."""
    return {
        f"{name}.{f.name}": f.metadata["absent"]
        for name, group in _groups(config)
        for f in fields(group)
        if "absent" in f.metadata
    }


def _groups(config: Config) -> list[tuple[str, Any]]:
    return [("task", config.task), ("network", config.network), ("recipe", config.recipe)]


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
