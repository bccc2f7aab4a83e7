"""Conditions: the records of an experiment that are drawn together."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from degradation.analysis.outcomes import is_classification
from degradation.analysis.statistics import summary
from degradation.config import Config
from degradation.records.columns import BASE, CONDITION, NETWORKS
from degradation.records.identity import base_digest, own_digests
from degradation.records.tables import read


@dataclass
class Condition:
    """Records that are drawn together: those of the experiment as its file has it, or of one variation of it."""

    label: str  # empty for the experiment as its file has it
    networks: pd.DataFrame
    summary: pd.DataFrame

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
    """The experiment's own condition first, then its variations by label."""
    networks = read(results / "networks.csv", NETWORKS)
    labels = labelled(networks, base_digest(defaults), own_digests(defaults))
    return [Condition(str(label), rows, summary(rows)) for label, rows in networks.groupby(labels, sort=True)]


def labelled(networks: pd.DataFrame, base: str, own: dict[str, str]) -> pd.Series:
    """The label under which each network is drawn: its condition, with a digest where the condition alone is ambiguous.

    It is ambiguous if the experiment's file or a variant's file has changed since the network was trained.

    Args:
        networks: rows of networks.csv.
        base: the digest of the experiment's settings as its file has it now.
        own: the digest of each of its variants now.
    """
    condition, of_today = networks[CONDITION], networks[BASE] == base
    several = networks.groupby(CONDITION)[BASE].transform("nunique") > 1
    other_file = ((condition == "") & ~of_today) | ((condition != "") & several)
    other_variant = of_today & (networks["digest"] != networks["variant"].map(own))
    digests = networks[BASE].where(other_file, "").mask(other_variant, networks["digest"])
    named = (condition + ",digest=" + digests).str.lstrip(",")
    return condition.where(digests == "", named)
