"""What a claim is about: one number a network, from its record, its curve or its layers."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

from degradation.analysis.outcomes import decades, errors, errors_along

NETWORK = ["variant", "depth", "seed"]
SMALLEST = 1e-12  # norms below it, zero included, count as this


@dataclass
class Tables:
    """An experiment's own rows of networks.csv, curves.csv and layers.csv.

    `condition` in each is the name of a condition of its sweep (`degradation.records.identity.OwnCondition`), empty for
    the experiment as its file has it.
    """

    networks: pd.DataFrame
    curves: pd.DataFrame
    layers: pd.DataFrame

    def of(self, variants: Collection[str], depths: Collection[int], condition: str = "") -> "Tables":
        """The rows of some networks of one condition, so that what is said of them does not depend on others."""
        tables = (self.networks, self.curves, self.layers)
        return Tables(*(_of(table, variants, depths, condition) for table in tables))


def _of(table: pd.DataFrame, variants: Collection[str], depths: Collection[int], condition: str) -> pd.DataFrame:
    if not len(table):
        return table
    chosen = table["variant"].isin(variants) & table["depth"].isin(depths)
    return table[chosen & (table["condition"] == condition)]


@dataclass(frozen=True)
class Metric:
    """A number a network.

    Attributes:
        title: what it is, in words.
        unit: of the number and of differences of it.
        of: the numbers of all networks, indexed by variant, depth and seed; NaN where there is none.
    """

    title: str
    unit: str
    of: Callable[[Tables], pd.Series]


def _outcome(measure: Callable[[pd.DataFrame, str], pd.Series], split: str) -> Callable[[Tables], pd.Series]:
    return lambda tables: measure(tables.networks.set_index(NETWORK), split)


def _error_along(tables: Tables) -> pd.Series:
    rows = tables.curves[tables.curves["step"] > 0].set_index(NETWORK)
    return errors_along(rows, tables.networks.set_index(NETWORK), "train").groupby(level=NETWORK).mean()


def _start_error(tables: Tables) -> pd.Series:
    rows = tables.curves[tables.curves["step"] == 0].set_index(NETWORK)
    return errors_along(rows, tables.networks.set_index(NETWORK), "train")


def _ratio_over_depth(column: str, *, first: int) -> Callable[[Tables], pd.Series]:
    """At initialisation, decades from the last layer before the head (0) to layer `first`."""

    def of(tables: Tables) -> pd.Series:
        rows = tables.layers[tables.layers["moment"] == "init"]
        values = rows.set_index([*NETWORK, "layer"])[column].clip(lower=SMALLEST)
        layer = values.index.get_level_values("layer")
        head = values.groupby(level=NETWORK).transform("size")
        start, end = values[layer == first].droplevel("layer"), values[layer == head - 1].droplevel("layer")
        return np.log10(start / end)

    return of


def _response(tables: Tables) -> pd.Series:
    rows = tables.layers[tables.layers["moment"] == "final"]
    return rows.groupby(NETWORK)["response_sd"].mean()


METRICS = {
    "train_error": Metric("training error", "points", _outcome(errors, "train")),
    "test_error": Metric("test error", "points", _outcome(errors, "test")),
    "train_loss": Metric("training loss over that of predicting the mean", "decades", _outcome(decades, "train")),
    "test_loss": Metric("test loss over that of predicting the mean", "decades", _outcome(decades, "test")),
    "error_along": Metric("training error, mean over the evaluations of the run", "points", _error_along),
    "start_error": Metric("training error before the first step", "points", _start_error),
    "gradient_ratio": Metric(
        "gradient norm of the second layer over that of the last before the head, at initialisation",
        "decades",
        _ratio_over_depth("gradient_norm", first=2),
    ),
    "signal_ratio": Metric(
        "signal (output sd over inputs) of the first layer over that of the last before the head, at initialisation",
        "decades",
        _ratio_over_depth("output_sd", first=1),
    ),
    "response": Metric("response sd, mean over layers, after training", "sd", _response),
}
