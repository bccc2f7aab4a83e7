"""Is a gradient brown noise, which neighbours share, or white noise? Balduzzi et al. 2017 (1702.08591), section 2."""

import numpy as np
import pandas as pd

COLUMNS = ["moment", "x", "gradient"]  # of input_gradients.csv


def autocorrelation(values: np.ndarray) -> float:
    """Correlation of the values of a series with their next ones: about 0 for white noise, near 1 for brown.

    A series without spread, such as the gradient of a linear network, has 1: neighbours agree.
    """
    centred = values - values.mean()
    square = float(centred @ centred)
    return float(centred[:-1] @ centred[1:]) / square if square > 0 else 1.0


def shattering(gradients: pd.DataFrame, by: list[str]) -> pd.Series:
    """The autocorrelation of each network's gradient over its inputs in order, indexed by `by`.

    Args:
        gradients: rows of input_gradients.csv, of one moment.
        by: columns that tell networks apart.
    """
    in_order = gradients.sort_values("x")
    found = in_order.groupby(by)["gradient"].agg(lambda series: autocorrelation(series.to_numpy(dtype=float)))
    return found.rename("autocorrelation")


def initial_shattering(gradients: pd.DataFrame) -> pd.Series:
    """`shattering` at initialisation, indexed as the rows of input_gradients.csv are."""
    by = list(gradients.index.names)
    return shattering(gradients[gradients["moment"] == "init"].reset_index(), by)
