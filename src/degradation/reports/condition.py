"""Conditions: the records of an experiment that are drawn together."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from degradation.analysis.outcomes import is_classification
from degradation.analysis.statistics import summary
from degradation.config import Config
from degradation.records.columns import BASE, CONDITION, NETWORKS
from degradation.records.identity import OwnCondition, own_conditions
from degradation.records.tables import read

KEY_WORDS = {
    "recipe.lr": "learning rate",
    "recipe.max_steps": "steps",
    "network.span": "layers a shortcut passes over",
    "network.init": "initialisation",
    "network.norm": "normalisation",
    "network.gain": "gain of the initialisation",
}


def key_words(key: str) -> str:
    """A swept key, such as `recipe.lr`, in words."""
    return KEY_WORDS.get(key, key.split(".")[-1].replace("_", " "))


@dataclass
class Condition:
    """Records that are drawn together: those of the experiment as its file has it, or of one variation of it.

    Attributes:
        label: empty for the experiment as its file has it.
        networks: its rows of networks.csv.
        summary: statistics over their seeds.
        own: what it is in the experiment's own sweep; None for a variation that was tried beside it.
    """

    label: str
    networks: pd.DataFrame
    summary: pd.DataFrame
    own: OwnCondition | None = None

    @property
    def words(self) -> str:
        """What tells it from the experiment's other conditions, for titles."""
        if self.own is None:
            return self.label
        return ", ".join(f"{key_words(key)} {value}" for key, value in self.own.changed.items())

    @property
    def classification(self) -> bool:
        """Whether there are errors in percent beside the losses."""
        return is_classification(self.networks)

    @property
    def digests(self) -> set[str]:
        """Those of its networks, one a variant."""
        return set(self.networks["digest"])

    def file(self, stem: str) -> str:
        return f"{stem},{self.label}" if self.label else stem


def read_conditions(results: Path, defaults: Config) -> list[Condition]:
    """The experiment as its file has it, the other conditions of its sweep in their order, then variations by label."""
    own = own_conditions(defaults)
    networks = read(results / "networks.csv", NETWORKS)
    rows_of = dict(list(networks.groupby(labelled(networks, own), sort=True)))
    order = [label for label in ["", *own] if label in rows_of]
    order += [label for label in rows_of if label not in own]
    return [Condition(label, rows_of[label], summary(rows_of[label]), own.get(label)) for label in dict.fromkeys(order)]


def labelled(networks: pd.DataFrame, own: dict[str, OwnCondition]) -> pd.Series:
    """The label under which each network is drawn: its condition, with a digest where the condition alone is ambiguous.

    It is ambiguous if the experiment's file or a variant's file has changed since the network was trained.

    Args:
        networks: rows of networks.csv.
        own: the conditions of the experiment's sweep now.
    """
    condition = networks[CONDITION]
    of_today = networks[BASE] == condition.map({label: now.base for label, now in own.items()})
    several = networks.groupby(CONDITION)[BASE].transform("nunique") > 1
    other_file = (condition.isin(list(own)) & ~of_today) | (~condition.isin(list(own)) & several)
    other_variant = of_today & ~is_own(networks, own)
    digests = networks[BASE].where(other_file, "").mask(other_variant, networks["digest"])
    named = (condition + ",digest=" + digests).str.lstrip(",")
    return condition.where(digests == "", named)


def is_own(networks: pd.DataFrame, own: dict[str, OwnCondition]) -> pd.Series:
    """Whether a row's network is of one of the conditions, with the experiment's and its variant's file as they are."""
    digests = {(label, variant): digest for label, now in own.items() for variant, digest in now.digests.items()}
    keys = zip(networks[CONDITION], networks["variant"], networks["digest"], strict=True)
    return pd.Series([digests.get((label, variant)) == digest for label, variant, digest in keys], networks.index)
