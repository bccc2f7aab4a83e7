"""A matched pair in one line: a plain and a residual network of a task, with the defaults of conf/."""

from typing import Any, NamedTuple

from torch import nn

from degradation.checks import at_least, unique_integers
from degradation.config import parsing, variants
from degradation.config.configure import defaults
from degradation.networks.build import build
from degradation.networks.family import FAMILIES
from degradation.tasks.spec import TASKS


class Pair(NamedTuple):
    """Two networks that differ in the shortcut alone."""

    plain: nn.Module
    residual: nn.Module


def pair(depth: int = 56, task: str = "cifar10", seed: int = 0, *, family: str | None = None, **network: Any) -> Pair:
    """A matched pair at initialisation, float32 on the CPU.

    Args:
        depth: weighted layers.
        task: a file in conf/task/, which gives inputs and outputs.
        seed: of the initial weights.
        family: a file in conf/network/; None: cifar for images, mlp for other inputs.
        network: keys of that file in place of its own values, such as `width=64`.

    Raises:
        ConfigError: there is no such network.
    """
    unique_integers("depth", [depth])
    unique_integers("seed", [seed])
    at_least("seed", seed, 0)
    spec = parsing.choice(TASKS, defaults("task", task), "task", "name")
    images = len(spec.input_shape) == 3
    keys = defaults("network", family or ("cifar" if images else "mlp")) | network
    networks = []
    for variant in Pair._fields:
        changed = variants.checked(variant, defaults("variant", variant)).get("network", {})
        settings = parsing.choice(FAMILIES, keys | changed, "network", "family")
        settings.check_depth(depth)
        settings.check_task(task, spec.input_shape, spec.outputs)
        shapes: dict[str, Any] = {"input_shape": spec.input_shape, "outputs": spec.outputs}
        networks.append(build(settings, **shapes, depth=depth, seed=seed))
    return Pair(*networks)
