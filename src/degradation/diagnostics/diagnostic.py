"""The contract of a diagnostic, and the registry of diagnostics."""

import copy
import importlib
import pkgutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from torch import nn

from degradation import diagnostics
from degradation.checks import ConfigError
from degradation.diagnostics.begun import Begun, Name
from degradation.records.columns import Row
from degradation.tasks.task import Task
from degradation.training.cohort import Cohort
from degradation.training.members import Member

INIT, FINAL = "init", "final"  # moments
SIGNIFICANT = 4  # digits of what is measured


@dataclass
class Copied:
    """A copy of networks that are computed together, with which a diagnostic may do what it likes.

    Attributes:
        network: one network, or a stack of S of them; see `degradation.networks.family.Network`.
        members: which they are, in the order of the stack.
        stacked: whether inputs and outputs have a leading dimension S.
        seeds: the cohort's, for diagnostics that look at some of them.
        done: rows that an interrupted measurement left, by network and the values of `key`; a long one leaves them out.
    """

    network: nn.Module
    members: list[Member]
    stacked: bool
    seeds: list[int]
    done: Collection[Name] = ()


class Diagnostic(Protocol):
    """One measurement and the table that it leaves.

    Attributes:
        table: the name of its file.
        moments: when it is made, of `init` (before the first step) and `final` (after the last).
        key: columns that identify a row beside the network's.
        columns: what is measured.
    """

    table: str
    moments: tuple[str, ...]
    key: list[str]
    columns: list[str]

    def fits(self, task: Task) -> bool:
        """Whether it can be made on networks of this task."""

    def measure(self, copied: Copied, task: Task, moment: str) -> Iterator[tuple[Member, Row]]:
        """Rows of `key` and `columns`, each with the network that it is about. Networks and data are on one device."""


@cache
def registry() -> dict[str, Diagnostic]:
    """Every diagnostic by name."""
    found = {}
    for module in pkgutil.iter_modules(diagnostics.__path__):
        content = importlib.import_module(f"{diagnostics.__name__}.{module.name}")
        if hasattr(content, "DIAGNOSTIC"):
            found[module.name] = content.DIAGNOSTIC
    return found


def diagnostic(name: str) -> Diagnostic:
    """The diagnostic of that name.

    Raises:
        ConfigError: there is none.
    """
    if name not in registry():
        raise ConfigError(f"diagnostic is {name!r}; allowed: {', '.join(registry())}.")
    return registry()[name]


def rows(which: Diagnostic, cohort: Cohort, moment: str, begun: Begun | None = None) -> list[Row]:
    """A diagnostic's rows on copies of all networks of a cohort, which stays as it is.

    Args:
        begun: what was measured before, on this cohort; its rows come first.
    """
    task = cohort.engine.task
    found = begun or Begun(which.key)
    for group in cohort.engine.all_groups():
        network = copy.deepcopy(group.network).to(task.train.targets.device)  # Lightning has moved it to the CPU
        copied = Copied(network, group.members, group.stacked, cohort.config.seeds, set(found.rows))
        for member, row in which.measure(copied, task, moment):
            found.add(member, row)
    return [cohort.key(member) | row for member, row in found.rows.values()]


def rounded(value: float) -> float:
    """With the digits that a diagnostic's table keeps."""
    return float(f"{value:.{SIGNIFICANT}g}")
