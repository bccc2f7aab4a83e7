"""The contracts of figures on an experiment's page, of one condition or of all, and the lists of all figures."""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from degradation import figures
from degradation.config.variants import Settings
from degradation.records.columns import KEY

MOST_VARIANTS = 8  # whose colours and markers are different
INSIDE = "Inside the trained networks"  # a section: figures of diagnostics on finished runs

Published = Mapping[str, Mapping[int, float]]  # test errors in percent by variant and depth


@dataclass
class Drawn:
    """What a figure is drawn from.

    Attributes:
        title: of the experiment and condition, in words.
        rows: of the figure's table, of one condition.
        networks: rows of networks.csv of that condition.
        summary: statistics over seeds (`degradation.analysis.statistics.summary`).
        classification: whether there are errors in percent beside the losses.
        published: what the source printed, if it did.
        settings: of network and recipe by variant; empty for a variation, whose settings no table holds.
    """

    title: str
    rows: pd.DataFrame
    networks: pd.DataFrame
    summary: pd.DataFrame
    classification: bool
    published: Published | None
    settings: Mapping[str, Settings] = field(default_factory=dict)


@dataclass
class Overlaid:
    """What a figure over the conditions of an experiment's own sweep is drawn from.

    Attributes:
        title: of the experiment, in words.
        networks: rows of networks.csv of all the conditions; `condition` is the condition's name.
        key: what the sweep varies, in words.
        values: of that key by the condition's name, in order.
        classification: whether there are errors in percent beside the losses.
        swept: the key itself, such as `network.gain`; empty where the sweep varies several.
        settings: of network and recipe by the condition's name and by variant.
        rows: of the overlay's table, with the condition's name.
    """

    title: str
    networks: pd.DataFrame
    key: str
    values: Mapping[str, Any]
    classification: bool
    swept: str = ""
    settings: Mapping[str, Mapping[str, Settings]] = field(default_factory=dict)
    rows: pd.DataFrame = field(default_factory=pd.DataFrame)


def few_variants(networks: pd.DataFrame) -> bool:
    """Whether colours and markers tell the variants apart."""
    return networks["variant"].nunique() <= MOST_VARIANTS


def initial(table: pd.DataFrame, classification: bool) -> pd.DataFrame:
    """The rows at initialisation, of a diagnostic's table."""
    return table[table["moment"] == "init"]


def of_classifications(table: pd.DataFrame, classification: bool) -> pd.DataFrame:
    """All rows, where there are errors; else none."""
    return table if classification else table.iloc[:0]


@dataclass(frozen=True)
class Kind:
    """A figure: a module of this package that holds a list `KINDS` brings its kinds.

    Attributes:
        stem: of its files.
        words: what it shows, for readers who cannot see it.
        rank: its place on the page, from 1.
        table, columns: what it is drawn from; it is left out where there is no such table, or no row that it draws.
        draw: writes it to a path without suffix.
        rows: those of the table that it draws.
        in_overview: whether the report on all experiments shows it too: of every experiment, or of those that may
            open it.
        section: the heading under which the page shows it, after the tables, with its words; empty: at the page's top.
        fits: whether it has something to say of such networks (rows of networks.csv).
    """

    stem: str
    words: str
    rank: int
    table: str
    columns: list[str]
    draw: Callable[[Path, Drawn], None]
    rows: Callable[[pd.DataFrame, bool], pd.DataFrame] = lambda table, classification: table
    in_overview: Literal["never", "headlines", "always"] = "never"
    section: str = ""
    fits: Callable[[pd.DataFrame], bool] = few_variants


@dataclass(frozen=True)
class Overlay:
    """A figure over all conditions of an experiment's own sweep, first on its page and in the report on all.

    It is drawn where there are at least two conditions, its table is there and the sweep fits. A module of this package
    that holds a list `OVERLAYS` brings its overlays.

    Attributes:
        stem: of its files.
        words: what it shows, for readers who cannot see it.
        draw: writes it to a path without suffix.
        table, columns: what it is drawn from beside networks.csv, if anything.
        fits: whether it has something to say of a sweep.
    """

    stem: str
    words: str
    draw: Callable[[Path, Overlaid], None]
    table: str = "networks.csv"
    columns: list[str] = field(default_factory=lambda: list(KEY))
    fits: Callable[[Overlaid], bool] = lambda overlaid: True


@cache
def kinds() -> list[Kind]:
    """Every figure of one condition, in the page's order."""
    return sorted((kind for module in _modules() for kind in getattr(module, "KINDS", [])), key=lambda kind: kind.rank)


@cache
def overlays() -> list[Overlay]:
    """Every figure over conditions."""
    return [overlay for module in _modules() for overlay in getattr(module, "OVERLAYS", [])]


def _modules() -> list[Any]:
    return [
        importlib.import_module(f"{figures.__name__}.{found.name}") for found in pkgutil.iter_modules(figures.__path__)
    ]
