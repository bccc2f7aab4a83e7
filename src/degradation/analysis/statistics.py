"""Statistics over seeds: one row a depth and variant."""

import numpy as np
import pandas as pd

from degradation.analysis import outcomes

BY = ["depth", "variant"]
SPLITS = ("train", "test")


def summary(networks: pd.DataFrame) -> pd.DataFrame:
    """Over the seeds of each depth and variant of one condition: n, size, shares diverged and stuck, and each
    loss's distribution; errors in percent beside the losses where the task is a classification.

    Diverged networks count as `degradation.analysis.outcomes` says. So the median loss is infinite where half of the
    networks diverged, and the mean and standard deviation of the loss are infinite and missing where one did.
    """
    networks = networks.reset_index(drop=True)
    measured = {f"{split}_loss": outcomes.losses(networks, split) for split in SPLITS}
    if outcomes.is_classification(networks):
        measured |= {f"{split}_error": outcomes.errors(networks, split) for split in SPLITS}
    rows = []
    for key, group in networks.groupby(BY, sort=True):
        row = dict(zip(BY, key, strict=True)) | {
            "n": len(group),
            "matched": group["matched"].astype(bool).all(),
            "parameters": group["parameters"].iloc[0],  # the same of all seeds
            "multiply_adds": group["multiply_adds"].iloc[0],
            "share_diverged": outcomes.diverged(group).mean(),
            "share_stuck": group["stuck"].astype(bool).mean(),
        }
        for name, values in measured.items():
            found = describe(values[group.index].to_numpy(dtype=float))
            row |= {f"{name}_{statistic}": value for statistic, value in found.items()}
        rows.append(row)
    return pd.DataFrame(rows)


def describe(values: np.ndarray) -> dict[str, float]:
    """Median, quartiles (linear interpolation), mean and standard deviation (n - 1) of values that may be infinite."""
    with np.errstate(invalid="ignore"):
        mean, sd = float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else float("nan")
    q1, median, q3 = (_quantile(values, share) for share in (0.25, 0.5, 0.75))
    return {"median": median, "q1": q1, "q3": q3, "mean": mean, "sd": sd}


def _quantile(values: np.ndarray, share: float) -> float:
    position = share * (len(values) - 1)
    below, above = np.sort(values)[[int(np.floor(position)), int(np.ceil(position))]]
    if below == above or not np.isfinite(above):  # interpolating with infinity gives NaN
        return float(above)
    return float(below + (above - below) * (position % 1))
