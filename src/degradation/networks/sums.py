"""Checks of a block's sum of shortcut and branch that families share. Imports no torch."""

from degradation.checks import one_of, positive, require

GATES = ("none", "exclusive", "shortcut_only")
LOWEST_BIAS = -10.0  # of a gate; He et al. 2016 (1603.05027, section 3.1) search from 0 down to it

ZERO_LAST = (
    "network.init=he_zero_last is for networks with shortcuts (a plain network started so has no gradient); "
    "set variants=[residual], or use the variant of that name: variants=[plain,residual,he_zero_last]."
)


def check_sum(shortcut: str, shortcut_scale: float, branch_scale: float, init: str) -> None:
    """Refuse factors that are not positive, and what a network without shortcuts has no sum for."""
    require(
        shortcut_scale != 0,
        f"network.shortcut_scale is {shortcut_scale}; shortcuts that count nothing are none: use the variant plain.",
    )
    positive("network.shortcut_scale", shortcut_scale)
    positive("network.branch_scale", branch_scale)
    require(
        shortcut != "none" or (shortcut_scale, branch_scale) == (1, 1),
        f"network.shortcut_scale is {shortcut_scale} and network.branch_scale {branch_scale}; a network without "
        "shortcuts (network.shortcut=none) has no sum to scale.",
    )
    require(init != "he_zero_last" or shortcut != "none", ZERO_LAST)


def check_gate(shortcut: str, gate: str, bias: float) -> None:
    """Refuse a gate without a shortcut, and a bias without a gate or out of its range."""
    one_of("network.gate", gate, GATES)
    require(
        gate == "none" or shortcut != "none",
        f"network.gate is {gate!r}; a network without shortcuts (network.shortcut=none) has no sum to gate.",
    )
    require(
        LOWEST_BIAS <= bias <= 0,
        f"network.gate_bias is {bias}; it must lie between {LOWEST_BIAS:g} (open to the shortcut) and 0 (half open).",
    )
    require(gate != "none" or bias == 0, f"network.gate_bias is {bias} with network.gate=none, which has no bias.")
