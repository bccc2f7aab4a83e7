"""Numbers of the insides of trained networks, one a network, from the tables of diagnostics.

Each takes one table's rows, indexed by network (three levels), and gives a value a network. `mean_train_loss`, of
networks.csv, stands beside the rows.
"""

from collections.abc import Callable
from math import nan

import numpy as np
import pandas as pd

NEGLIGIBLE = 0.1  # of the larger curvature: a negative one that is smaller does not count
SMALLEST = 1e-12  # curvatures below it, negative ones included, count as this in logarithms


def deletion_error(lesion: pd.DataFrame) -> pd.Series:
    """Percent wrong on the test set with one block deleted, mean over all blocks."""
    return _mean(lesion[lesion["lesion"] == "one"])


def deletion_rise(lesion: pd.DataFrame) -> pd.Series:
    """Points by which deleting one block raises the test error, median over the blocks that keep shapes."""
    same = lesion[(lesion["lesion"] == "one") & (lesion["reshaping"] == 0)]
    return same["test_error"].groupby(level=_levels(lesion)).median() - _mean(lesion[lesion["count"] == 0])


def reshaping_rise(lesion: pd.DataFrame) -> pd.Series:
    """Points by which the test error is higher without a block that changes shapes (mean) than without another (median:
    those that begin the network count for more than all others together).
    """
    one = lesion[lesion["lesion"] == "one"]
    same = one[one["reshaping"] == 0]["test_error"]
    return _mean(one[one["reshaping"] == 1]) - same.groupby(level=_levels(lesion)).median()


def lesion_smoothness(lesion: pd.DataFrame, kind: str) -> pd.Series:
    """Spearman's correlation of the number of blocks deleted (or pairs swapped) with the mean test error over draws.

    Args:
        kind: `random` or `swaps`.
    """
    chosen = lesion[lesion["lesion"] == kind]
    means = chosen.groupby([*_levels(lesion), "count"])["test_error"].mean().reset_index("count")
    return _by_network(means, lambda rows: rows["count"].corr(rows["test_error"], method="spearman"))


def surface_share(surface: pd.DataFrame) -> pd.Series:
    """Percent of a square's points where the training loss is below that of predicting the mean (of guessing)."""
    return 100 * (surface["train_loss"] < surface["mean_train_loss"]).groupby(level=_levels(surface)).mean()


def surface_bends(surface: pd.DataFrame) -> pd.Series:
    """Percent of a square's inner points where the loss is clearly not convex along the two directions: the smaller
    eigenvalue of its 2x2 matrix of second differences is negative and at least a tenth of the larger in size.
    """
    return _by_network(surface, lambda rows: 100 * float(np.mean(_bends(*second_differences(rows)))))


def surface_curvature(surface: pd.DataFrame) -> pd.Series:
    """log10 of the loss's second difference at the trained weights, mean of the two directions."""

    def of(rows: pd.DataFrame) -> float:
        along_x, along_y, _ = second_differences(rows)
        middle = len(along_x) // 2
        return float(np.log10(max(SMALLEST, (along_x[middle, middle] + along_y[middle, middle]) / 2)))

    return _by_network(surface, of)


def path_length(paths: pd.DataFrame) -> pd.Series:
    """Mean length of the paths weighted by the gradient that they carry, over the mean length of all paths."""
    return _by_network(
        paths,
        lambda rows: float(
            (rows["length"] * rows["gradient_share"]).sum() / (rows["length"] * rows["path_share"]).sum()
        ),
    )


def path_decay(paths: pd.DataFrame) -> pd.Series:
    """Decades by which the gradient along a path changes with every block more that it goes through: the slope of a
    straight line through all lengths by which a gradient comes, however small; NaN of fewer than two.
    """

    def slope(rows: pd.DataFrame) -> float:
        coming = rows[rows["gradient_norm"] > 0]
        return float(np.polyfit(coming["length"], np.log10(coming["gradient_norm"]), 1)[0]) if len(coming) > 1 else nan

    return _by_network(paths, slope)


def long_paths(paths: pd.DataFrame) -> pd.Series:
    """Percent of the gradient that paths through more than half of the blocks carry."""
    return _by_network(
        paths, lambda rows: 100 * float(rows.loc[rows["length"] > rows["length"].max() / 2, "gradient_share"].sum())
    )


def second_differences(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of one network's loss at the inner points of its square: along x, along y, mixed; each (y, x)."""
    square = rows.pivot(index="y", columns="x", values="train_loss")
    loss, step = square.to_numpy(dtype=float), float(np.diff(square.columns.to_numpy(dtype=float)).mean())
    inner = loss[1:-1, 1:-1]
    with np.errstate(invalid="ignore"):  # a loss may be infinite
        along_x = (loss[1:-1, 2:] - 2 * inner + loss[1:-1, :-2]) / step**2
        along_y = (loss[2:, 1:-1] - 2 * inner + loss[:-2, 1:-1]) / step**2
        mixed = (loss[2:, 2:] - loss[2:, :-2] - loss[:-2, 2:] + loss[:-2, :-2]) / (4 * step**2)
    return along_x, along_y, mixed


def _bends(along_x: np.ndarray, along_y: np.ndarray, mixed: np.ndarray) -> np.ndarray:
    """Where the smaller eigenvalue is negative and not negligible, or the loss is not finite."""
    mean, radius = (along_x + along_y) / 2, np.hypot((along_x - along_y) / 2, mixed)
    smaller, larger = mean - radius, mean + radius
    return ~np.isfinite(smaller) | (smaller < -NEGLIGIBLE * np.maximum(np.abs(smaller), np.abs(larger)))


def _by_network(table: pd.DataFrame, of: Callable[[pd.DataFrame], float]) -> pd.Series:
    """A number of each network's rows."""
    found = {name: of(rows) for name, rows in table.groupby(level=_levels(table))}
    index = pd.MultiIndex.from_tuples(list(found), names=_levels(table)) if found else table.index
    return pd.Series(list(found.values()), index, dtype=float)


def _mean(rows: pd.DataFrame) -> pd.Series:
    return rows["test_error"].groupby(level=_levels(rows)).mean()


def _levels(table: pd.DataFrame) -> list[str]:
    return list(table.index.names)
