"""The contract of a figure on an experiment's page, and the list of all figures."""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd

from degradation import figures

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
    """

    title: str
    rows: pd.DataFrame
    networks: pd.DataFrame
    summary: pd.DataFrame
    classification: bool
    published: Published | None


@dataclass(frozen=True)
class Kind:
    """A figure: a module of this package that holds a list `KINDS` brings its kinds.

    Attributes:
        stem: of its files.
        words: what it shows, for readers who cannot see it.
        rank: its place on the page, from 1.
        table, columns: what it is drawn from; it is left out where there is no such table, or no row that `draws`.
        draw: writes it to a path without suffix.
        rows: those of the table that it draws.
        in_overview: whether the report on all experiments shows it too.
    """

    stem: str
    words: str
    rank: int
    table: str
    columns: list[str]
    draw: Callable[[Path, Drawn], None]
    rows: Callable[[pd.DataFrame, bool], pd.DataFrame] = lambda table, classification: table
    in_overview: bool = False


@cache
def kinds() -> list[Kind]:
    """Every figure of an experiment's page, in its order."""
    modules = [
        importlib.import_module(f"{figures.__name__}.{found.name}") for found in pkgutil.iter_modules(figures.__path__)
    ]
    found = [kind for module in modules for kind in getattr(module, "KINDS", [])]
    return sorted(found, key=lambda kind: kind.rank)
