"""Checks of a block's sum of shortcut and branch that families share. Imports no torch."""

from degradation.checks import positive, require

ZERO_LAST = (
    "network.init=he_zero_last is for networks with shortcuts (a plain network started so has no gradient); "
    "set variants=[residual], or use the variant of that name: variants=[plain,residual,he_zero_last]."
)


def check_sum(shortcut: str, shortcut_scale: float, branch_scale: float, init: str) -> None:
    """Refuse factors that are not positive, and what a network without shortcuts has no sum for."""
    positive("network.shortcut_scale", shortcut_scale)
    positive("network.branch_scale", branch_scale)
    require(
        shortcut != "none" or (shortcut_scale, branch_scale) == (1, 1),
        f"network.shortcut_scale is {shortcut_scale} and network.branch_scale {branch_scale}; a network without "
        "shortcuts (network.shortcut=none) has no sum to scale.",
    )
    require(init != "he_zero_last" or shortcut != "none", ZERO_LAST)
