"""The campaign: how often every fault is tried, and the table of what came of it."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from degradation.records.columns import to_csv
from degradation.records.environment import commit
from degradation.records.files import write_text
from degradation.reports.markdown import aligned
from tests.faults.sweeps import SWEEPS, Folder, answer

CORES = 2  # trials at a time
ALONE = "in the whole campaign alone: make test-faults"


@dataclass
class Tried:
    """What came of one fault."""

    outcomes: Counter[str] = field(default_factory=Counter)
    compared: int = 0
    equal: int = 0


class Campaign:
    """Counts trials by fault; `full` makes it long enough to be evidence."""

    def __init__(self, full: bool, undisturbed: Callable[[str], Folder]) -> None:
        self.full = full
        self.undisturbed = undisturbed
        self.tried: dict[str, Tried] = {}
        self.counting = threading.Lock()

    def trials(self, short: int, full: int) -> int:
        return full if self.full else short

    def note(self, fault: str, outcome: str) -> None:
        """Count a trial."""
        with self.counting:
            self.tried.setdefault(fault, Tried()).outcomes[outcome] += 1

    def compare(self, fault: str, folder: Folder) -> None:
        """The results after the fault must be those of a sweep without it, in every digit."""
        equal = folder.results() == self.undisturbed(folder.experiment).results()
        with self.counting:
            tried = self.tried.setdefault(fault, Tried())
            tried.compared += 1
            tried.equal += equal
        assert equal, f"{fault}: {folder.path} has other results"

    def each(self, trial: Callable[[Any], None], values: Any) -> None:
        """Call `trial` for all values, several at a time; the first that fails is raised in the end."""
        with ThreadPoolExecutor(CORES) as pool:
            for future in [pool.submit(trial, value) for value in values]:
                future.result()

    def write(self, folder: Path, commit: str, minutes: float) -> None:
        """The table of a campaign in which no test failed."""
        rows = [
            {
                "fault": fault,
                "times": tried.outcomes.total(),
                "outcomes": ", ".join(f"{outcome}: {count}" for outcome, count in sorted(tried.outcomes.items())),
                "compared": tried.compared,
                "equal": tried.equal,
            }
            for fault, tried in self.tried.items()
        ]
        columns = ["fault", "times", "outcomes", "compared", "equal"]
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / "faults.csv", to_csv(rows, columns))
        table = aligned(columns, [[str(row[name]) for name in columns] for row in rows])
        write_text(folder / "README.md", ABOUT.format(commit=commit, minutes=minutes) + table + "\n")


ABOUT = """# What was done to sweeps, and what they lost

`make test-faults` at commit {commit}, {minutes:.0f} minutes. Each fault was tried `times` times on short sweeps of
sine and digits (tests/faults), which then were continued by the same command; `outcomes` says how the disturbed command
ended. A refused checkpoint was discarded as the sentence says (`runtime.restart=true`), a refused folder deleted. Of
the `compared` sweeps that were finished afterwards, `equal` have the results of an undisturbed sweep in every digit of
networks.csv, curves.csv, layers.csv and predictions.csv (times and commits apart). No result was lost or changed if the
two are the same.

"""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--campaign", metavar="FOLDER", type=Path, help="try every fault often, and write the table there")


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Folder]:
    """A finished sweep of an experiment. Read it, or work on a copy."""

    @cache
    def finished(experiment: str) -> Folder:
        folder = Folder(tmp_path_factory.mktemp("undisturbed") / experiment, experiment)
        folder.finish()
        return folder

    return finished


@pytest.fixture(scope="session")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Folder]:
    """A sweep of an experiment that was killed just after its first checkpoint. Work on a copy."""

    @cache
    def killed(experiment: str) -> Folder:
        folder = Folder(tmp_path_factory.mktemp("interrupted") / experiment, experiment)
        sweep = folder.start()
        folder.wait_for("last.ckpt", sweep)
        sweep.process.kill()
        assert answer(sweep.end()) == "killed"
        return folder

    return killed


@pytest.fixture(scope="session")
def campaign(request: pytest.FixtureRequest, undisturbed: Callable[[str], Folder]) -> Iterator[Campaign]:
    began, made_with = time.monotonic(), commit()
    folder = request.config.getoption("--campaign", default=None)
    counting = Campaign(folder is not None, undisturbed)
    yield counting
    if folder is not None and not request.session.testsfailed and not request.config.getoption("keyword"):
        counting.write(folder, made_with, (time.monotonic() - began) / 60)


@pytest.fixture(params=SWEEPS)
def experiment(request: pytest.FixtureRequest, campaign: Campaign) -> str:
    """Each experiment of the campaign; outside it the quickest."""
    if not campaign.full and request.param != "sine_smoke":
        pytest.skip(ALONE)
    return request.param


@pytest.fixture
def in_campaign_alone(campaign: Campaign) -> None:
    if not campaign.full:
        pytest.skip(ALONE)
