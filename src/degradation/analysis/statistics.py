"""Statistics over seeds: one row a condition, depth and variant."""

import numpy as np
import pandas as pd

METRICS = ("train_loss", "test_loss")
BY = ["digest", "depth", "variant"]


def summary(networks: pd.DataFrame) -> pd.DataFrame:
    """Over the seeds of each (digest, depth, variant): n, shares diverged and stuck, and each loss's distribution.

    A diverged network counts as an infinite loss and is never dropped; so the median is infinite where half of them
    diverged, and mean and standard deviation are infinite and missing where one did.
    """
    rows = []
    for key, group in networks.groupby(BY, sort=True):
        row = dict(zip(BY, key, strict=True)) | {
            "n": len(group),
            "share_diverged": (group["status"] == "diverged").mean(),
            "share_stuck": group["stuck"].astype(bool).mean(),
        }
        for metric in METRICS:
            losses = group[metric].where(group["status"] != "diverged", np.inf).to_numpy(dtype=float)
            row |= {f"{metric}_{name}": value for name, value in describe(losses).items()}
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
