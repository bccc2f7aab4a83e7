"""What a network's result counts as: one answer for tables, figures, claims and comparisons; see `DIVERGED`."""

import numpy as np
import pandas as pd

DIVERGED = (
    "A diverged network is never dropped: its error is that of guessing, its loss infinite, and where logarithms are "
    "compared as bad as the worst that is compared with it, and no better than predicting the mean."
)
LEAST_LOSS = 1e-12  # of predicting the mean: what is below, zero included, counts as this in logarithms


def is_classification(networks: pd.DataFrame) -> bool:
    """Whether there are errors in percent beside the losses."""
    return bool(networks["chance_error"].notna().any())


def diverged(networks: pd.DataFrame) -> pd.Series:
    return networks["status"] == "diverged"


def errors(networks: pd.DataFrame, split: str) -> pd.Series:
    """Percent wrong on `train` or `test`."""
    return networks[f"{split}_error"].where(~diverged(networks), networks["chance_error"])


def errors_along(curves: pd.DataFrame, networks: pd.DataFrame, measured: str) -> pd.Series:
    """Percent wrong at each point of the networks' curves; both are indexed by network.

    Args:
        measured: on `train` or `test`, or on the `batch`es since the point before.
    """
    chance = networks["chance_error"].reindex(curves.index)
    return curves[f"{measured}_error"].fillna(chance)


def losses(networks: pd.DataFrame, split: str) -> pd.Series:
    """The loss on `train` or `test`."""
    return networks[f"{split}_loss"].where(~diverged(networks), np.inf)


def log_losses(networks: pd.DataFrame, split: str) -> pd.Series:
    """log10 of the loss, always finite.

    Args:
        networks: everything that is compared, since a diverged network counts as the worst of it.
    """
    found, of_mean = losses(networks, split), networks[f"mean_{split}_loss"]
    worst = max(of_mean.max(), found.replace(np.inf, np.nan).max())
    return np.log10(found.clip(lower=LEAST_LOSS * of_mean).clip(upper=worst))


def decades(networks: pd.DataFrame, split: str) -> pd.Series:
    """Decades of the loss above that of predicting the mean, negative below it; arguments as of `log_losses`."""
    return log_losses(networks, split) - np.log10(networks[f"mean_{split}_loss"])
