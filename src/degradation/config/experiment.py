"""What an experiment is called, says and answers to: written in its file alone, and looked up everywhere else."""

from dataclasses import dataclass
from typing import Any

from degradation.checks import one_of, require
from degradation.config.places import command
from degradation.config.runtime import RUN_PER


@dataclass
class Experiment:
    """The `experiment` keys of a file in conf/experiment/.

    Attributes:
        name: as the file's.
        title: in words, for figures and headings.
        statement: what the source states.
        run_per: the default of `logger.run_per`.
        device: where its sweep is meant to run, `cpu` or `cuda`.
        headline: its rank among the experiments whose figure opens the report, from 1; null: never.
        published: test errors in percent by variant and depth, drawn beside ours.
        reproductions: lowest and highest test error that others got with this recipe, by variant and depth.
        deviations: sentences: where this is not what the source did.
    """

    name: str
    title: str
    statement: str
    run_per: str
    device: str
    headline: int | None
    published: Any = None
    reproductions: Any = None
    deviations: Any = None

    def __post_init__(self) -> None:
        plain_name = self.name.replace("_", "").replace("-", "").isalnum()
        require(plain_name, f"experiment.name is {self.name!r}; use letters, digits, '_' and '-'.")
        sentences = isinstance(self.deviations, list | None)
        require(sentences, f"experiment.deviations is {self.deviations!r}; a list of sentences is expected.")
        one_of("experiment.run_per", self.run_per, RUN_PER)
        one_of("experiment.device", self.device, ("cpu", "cuda"))

    @property
    def command(self) -> str:
        """What runs its sweep."""
        where = " runtime=gpu" if self.device == "cuda" else ""
        return f"{command('train')} -m experiment={self.name}{where}"
