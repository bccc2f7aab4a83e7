"""How much GPU memory a cohort takes, estimated before it starts. Imports no torch."""

from degradation.checks import ConfigError, require
from degradation.config import Config

BYTES = {"fp32": 4, "tf32": 4, "bf16": 4, "fp64": 8}  # a parameter
ACTIVATION_BYTES = BYTES | {"bf16": 2}
KEPT = 2  # tensors of a layer's size that wait for the backward pass: what is normalised, and the ReLU's output
RESERVE = 1.25  # gradients of activations, workspaces, and what the allocator cannot use
FIXED = 1 << 30  # CUDA's context, libraries, the data, an evaluation


def network_bytes(config: Config, depth: int) -> float:
    """Memory of one network in training: activations of a batch, parameters, their gradients and momenta."""
    numbers = KEPT * config.recipe.batch_size * sum(config.network.layer_sizes(depth, config.task.input_shape))
    copies = 4 if config.recipe.optimizer == "adam" else 3
    parameters = copies * config.network.weights(depth)
    precision = config.recipe.precision
    return RESERVE * (ACTIVATION_BYTES[precision] * numbers + BYTES[precision] * parameters)


def training_bytes(config: Config) -> float:
    """Memory of the whole cohort. `graph` holds the activations of all networks at once, other engines of one group."""
    of_depth = {depth: network_bytes(config, depth) for depth in config.depths}
    networks = len(config.variants) * len(config.seeds)
    if config.runtime.engine == "sequential":
        return FIXED + max(of_depth.values())
    if config.runtime.engine == "stacked":
        return FIXED + networks * max(of_depth.values())
    return FIXED + networks * sum(of_depth.values())


def check_memory(config: Config, free: float) -> None:
    """Refuse a cohort that does not fit into `free` bytes.

    Raises:
        ConfigError: what it needs, what is free, and how many networks fit.
    """
    needed = training_bytes(config)
    if needed <= free:
        return
    deepest = max(config.depths)
    fitting = int(max(0, free - FIXED) // network_bytes(config, deepest))
    what = f"a cohort of {config.networks} networks needs about {gigabytes(needed)} of GPU memory"
    require(
        fitting == 0,
        f"{what} and {gigabytes(free)} are free; {fitting} networks of depth {deepest} fit. Sweep over depth with a "
        "comma list in place of depth=[...], set fewer seeds, or use runtime.engine=sequential.",
    )
    raise ConfigError(f"{what} and {gigabytes(free)} are free, too little for one network of depth {deepest}.")


def gigabytes(count: float) -> str:
    """`1.5 GB`, of 10^9 bytes."""
    return f"{count / 1e9:.1f} GB"
