"""What a claim is about: one number a network, from its record, its curve or its layers."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pandas as pd

from degradation.analysis import inside
from degradation.analysis.outcomes import decades, errors, errors_along
from degradation.analysis.shattering import initial_shattering

NETWORK = ["variant", "depth", "seed"]
SMALLEST = 1e-12  # norms and responses below it, zero included, count as this
UNLIMITED, PERCENT, CHANGES, CORRELATION = (-np.inf, np.inf), (0, 100), (-100, 100), (-1, 1)  # limits of metrics
LEARNED_IDENTITY = 1e-3  # of the loss of predicting the mean: a network that gives back its input
EARLY = 1 / 3  # of the steps: where the speed of convergence is compared


@dataclass
class Tables:
    """An experiment's own rows of networks.csv, curves.csv and layers.csv, and of other diagnostics' tables.

    `condition` in each is the name of a condition of its sweep (`degradation.records.identity.OwnCondition`), empty for
    the experiment as its file has it. `sizes` counts the images behind an error by split, `train` and `test`, where
    there are errors and the sizes are known. `conditions` are all that the sweep has, here or not. `diagnosed` has the
    other tables of diagnostics, of those that were made, by name.
    """

    networks: pd.DataFrame
    curves: pd.DataFrame
    layers: pd.DataFrame
    sizes: Mapping[str, int] = field(default_factory=dict)
    conditions: tuple[str, ...] = ("",)
    diagnosed: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    _chosen: "dict[object, Tables]" = field(default_factory=dict, init=False, repr=False, compare=False)

    def of(self, variants: Collection[str], depths: Collection[int], condition: str = "") -> "Tables":
        """The rows of some networks of one condition, so that what is said of them does not depend on others."""
        within = self._rows(condition, lambda table: table["condition"] == condition)
        key = (frozenset(variants), frozenset(depths))
        return within._rows(key, lambda table: table["variant"].isin(variants) & table["depth"].isin(depths))

    def _rows(self, key: object, choose: Callable[[pd.DataFrame], pd.Series]) -> "Tables":
        """The rows that `choose` marks; kept by `key`, since many claims are about the same networks."""
        if key not in self._chosen:
            tables = (self.networks, self.curves, self.layers)
            networks, curves, layers = (table[choose(table)] if len(table) else table for table in tables)
            diagnosed = {name: table[choose(table)] if len(table) else table for name, table in self.diagnosed.items()}
            self._chosen[key] = Tables(networks, curves, layers, self.sizes, self.conditions, diagnosed)
        return self._chosen[key]


@dataclass(frozen=True)
class Metric:
    """A number a network.

    Attributes:
        title: what it is, in words.
        unit: of the number and of differences of it.
        of: the numbers of all networks, indexed by variant, depth and seed; NaN where there is none.
        split: whose images are counted, if it is an error on a whole set.
        diagnostic: whose table it is of, if it is one that is made on finished runs.
        limits: the lowest and the highest that it can be.
    """

    title: str
    unit: str
    of: Callable[[Tables], pd.Series]
    split: str | None = None
    diagnostic: str | None = None
    limits: tuple[float, float] = UNLIMITED

    def resolution(self, tables: Tables) -> float:
        """The smallest difference that it can show: one image in percent; 0 where it is not made of counts."""
        size = tables.sizes.get(self.split) if self.split else None
        return 100 / size if size else 0.0


def _outcome(measure: Callable[[pd.DataFrame, str], pd.Series], split: str) -> Callable[[Tables], pd.Series]:
    return lambda tables: measure(tables.networks.set_index(NETWORK), split)


def _early_batch_error(tables: Tables) -> pd.Series:
    rows = tables.curves.set_index(NETWORK)
    last = rows["step"].groupby(level=NETWORK).transform("max")
    early = rows[(rows["step"] > 0) & (rows["step"] <= EARLY * last)]
    return errors_along(early, tables.networks.set_index(NETWORK), "batch").groupby(level=NETWORK).mean()


def _start_error(tables: Tables) -> pd.Series:
    rows = tables.curves[tables.curves["step"] == 0].set_index(NETWORK)
    return errors_along(rows, tables.networks.set_index(NETWORK), "train")


def _steps_to_learn(tables: Tables) -> pd.Series:
    """The first evaluation at which the training loss is low enough, or the last one."""
    rows, networks = tables.curves.set_index(NETWORK), tables.networks.set_index(NETWORK)
    needed = LEARNED_IDENTITY * networks["mean_train_loss"].reindex(rows.index)
    reached = rows["step"].where(rows["train_loss"] <= needed).groupby(level=NETWORK).min()
    return reached.fillna(rows["step"].groupby(level=NETWORK).max())


def _ratio_over_depth(column: str, *, first: int, moment: str) -> Callable[[Tables], pd.Series]:
    """Decades from the last layer before the head (0) to layer `first`, at initialisation or after training."""

    def of(tables: Tables) -> pd.Series:
        rows = tables.layers[tables.layers["moment"] == moment]
        values = rows.set_index([*NETWORK, "layer"])[column].clip(lower=SMALLEST)
        layer = values.index.get_level_values("layer")
        head = values.groupby(level=NETWORK).transform("size")
        start, end = values[layer == first].droplevel("layer"), values[layer == head - 1].droplevel("layer")
        return np.log10(start / end)

    return of


def _response(tables: Tables) -> pd.Series:
    rows = tables.layers[tables.layers["moment"] == "final"].set_index(NETWORK)
    return np.log10(rows["response_sd"].clip(lower=SMALLEST)).groupby(level=NETWORK).mean()


def _inside(
    title: str,
    unit: str,
    diagnostic: str,
    measure: Callable[[pd.DataFrame], pd.Series],
    split: str | None = None,
    limits: tuple[float, float] = UNLIMITED,
) -> Metric:
    """Of a table of a diagnostic on finished runs; of no network where it was not made."""

    def of(tables: Tables) -> pd.Series:
        if diagnostic not in tables.diagnosed:
            return pd.Series(index=pd.MultiIndex.from_arrays([[], [], []], names=NETWORK), dtype=float)
        rows = tables.diagnosed[diagnostic].set_index(NETWORK)
        return measure(rows.join(tables.networks.set_index(NETWORK)["mean_train_loss"]))

    return Metric(title, unit, of, split, diagnostic, limits)


def _gradient(moment: str, when: str) -> Metric:
    return Metric(
        f"gradient norm of the second layer over that of the last before the head, {when}",
        "decades",
        _ratio_over_depth("gradient_norm", first=2, moment=moment),
    )


METRICS = {
    "train_error": Metric("training error", "points", _outcome(errors, "train"), "train", limits=PERCENT),
    "test_error": Metric("test error", "points", _outcome(errors, "test"), "test", limits=PERCENT),
    "train_loss": Metric("training loss over that of predicting the mean", "decades", _outcome(decades, "train")),
    "test_loss": Metric("test loss over that of predicting the mean", "decades", _outcome(decades, "test")),
    "early_batch_error": Metric(
        "running training error, mean over the evaluations in the first third of the steps",
        "points",
        _early_batch_error,
        limits=PERCENT,
    ),
    "steps_to_learn": Metric(
        f"steps to a training loss of {LEARNED_IDENTITY:g} times that of predicting the mean, or all of them",
        "steps",
        _steps_to_learn,
    ),
    "start_error": Metric("training error before the first step", "points", _start_error, "train", limits=PERCENT),
    "gradient_ratio_init": _gradient("init", "at initialisation"),
    "gradient_ratio_final": _gradient("final", "after training"),
    "signal_ratio": Metric(
        "signal (output sd over inputs) of the first layer over that of the last before the head, at initialisation",
        "decades",
        _ratio_over_depth("output_sd", first=1, moment="init"),
    ),
    "autocorrelation": _inside(
        "autocorrelation of the output's gradient by the input between neighbouring inputs, at initialisation",
        "of correlation",
        "input_gradients",
        initial_shattering,
        limits=CORRELATION,
    ),
    "response": Metric("response sd, geometric mean over layers, after training", "decades", _response),
    "deletion_error": _inside(
        "test error with one block deleted, mean over blocks", "points", "lesion", inside.deletion_error, limits=PERCENT
    ),
    "deletion_rise": _inside(
        "rise of the test error with one block deleted, median over the blocks that keep shapes",
        "points",
        "lesion",
        inside.deletion_rise,
        "test",
        CHANGES,
    ),
    "reshaping_rise": _inside(
        "test error without a block that changes shapes, mean, minus that without another, median over blocks",
        "points",
        "lesion",
        inside.reshaping_rise,
        limits=CHANGES,
    ),
    "deletion_smoothness": _inside(
        "Spearman's correlation of the number of deleted blocks with the mean test error over draws",
        "of correlation",
        "lesion",
        partial(inside.lesion_smoothness, kind="random"),
        limits=CORRELATION,
    ),
    "swap_smoothness": _inside(
        "Spearman's correlation of the number of swapped pairs with the mean test error over draws",
        "of correlation",
        "lesion",
        partial(inside.lesion_smoothness, kind="swaps"),
        limits=CORRELATION,
    ),
    "surface_share": _inside(
        "share of the square around the trained weights where the training loss is below that of guessing",
        "points",
        "surface",
        inside.surface_share,
        limits=PERCENT,
    ),
    "surface_bends": _inside(
        "share of the square around the trained weights where the training loss is clearly not convex",
        "points",
        "surface",
        inside.surface_bends,
        limits=PERCENT,
    ),
    "surface_curvature": _inside(
        "second difference of the training loss at the trained weights, mean of two directions",
        "decades",
        "surface",
        inside.surface_curvature,
    ),
    "path_length": _inside(
        "mean length of paths weighted by their gradient, over that of all paths",
        "of the mean length",
        "paths",
        inside.path_length,
    ),
    "path_decay": _inside(
        "change of the gradient along a path with every block more", "decades", "paths", inside.path_decay
    ),
    "long_paths": _inside(
        "share of the gradient that comes by paths through more than half of the blocks",
        "points",
        "paths",
        inside.long_paths,
        limits=PERCENT,
    ),
}
