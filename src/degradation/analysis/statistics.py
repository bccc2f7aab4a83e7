"""Statistics over seeds: one row a condition, depth and variant."""

import numpy as np
import pandas as pd

LOSSES = ("train_loss", "test_loss")
ERRORS = ("train_error", "test_error")
BY = ["digest", "depth", "variant"]


def summary(networks: pd.DataFrame) -> pd.DataFrame:
    """Over the seeds of each (digest, depth, variant): n, shares diverged and stuck, and each loss's distribution.

    Classification tasks have errors in percent beside the losses. A diverged network is never dropped: it counts as an
    infinite loss and as the error of guessing. So the median loss is infinite where half of the networks diverged, and
    the mean and standard deviation of the loss are infinite and missing where one did.
    """
    rows = []
    errors = ERRORS if networks["chance_error"].notna().any() else ()
    for key, group in networks.groupby(BY, sort=True):
        row = dict(zip(BY, key, strict=True)) | {
            "n": len(group),
            "share_diverged": (group["status"] == "diverged").mean(),
            "share_stuck": group["stuck"].astype(bool).mean(),
        }
        for metric in (*LOSSES, *errors):
            instead = np.inf if metric in LOSSES else group["chance_error"]
            values = group[metric].where(group["status"] != "diverged", instead).to_numpy(dtype=float)
            row |= {f"{metric}_{name}": value for name, value in describe(values).items()}
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
