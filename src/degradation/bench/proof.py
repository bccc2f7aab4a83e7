"""Stages of commands that run unattended within a limit of minutes, and go on where the last call stopped."""

import csv
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from degradation.records.columns import Row, to_csv
from degradation.records.files import write_text
from degradation.training import deadline

ROOT = Path(__file__).parents[3]
FINISHED = ("ok", "failed", "out of time")  # what another call does not repeat
COLUMNS = ["case", "outcome", "seconds", "why"]
LEAST_SHARE = 0.5  # of a case's minutes must be left for it to be started, unless nothing else was
LEAST_SLICE = 2.0  # minutes: compilation comes first
FINISHING = 0.75  # minutes that a sweep takes to start, and to write its tables when its time is up
SECONDS_TO_STOP = 20  # after SIGTERM
LEFT = 75  # exit code: call again, as a sweep says it


@dataclass(frozen=True)
class Case:
    """One command of a stage.

    Attributes:
        name: of its log and its line in the table; unique among all stages.
        command: arguments of the interpreter.
        minutes: that it may take at most.
        environment: variables beside the inherited ones.
        expected: the exit code of success.
        sliced: a sweep that stops by itself when its minutes are up, and goes on in the next call.
        unless: a case of the same stage; if that was ok, this one is not needed.
        fresh: a folder that is removed first.
        absent: what keeps it from being run here, in words.
    """

    name: str
    command: list[str]
    minutes: float
    environment: dict[str, str] = field(default_factory=dict)
    expected: int = 0
    sliced: bool = False
    unless: str | None = None
    fresh: Path | None = None
    absent: str | None = None


class Proof:
    """Runs stages below a folder, each with its table `<stage>.csv`, and a log a case in `logs/`.

    Args:
        out: the folder.
        minutes: that all of this call may take.
    """

    def __init__(self, out: Path, minutes: float) -> None:
        self.out = out
        self.end = time.monotonic() + 60 * minutes
        self.begun = False  # whether this call has started a case

    def run(self, stages: dict[str, list[Case]], *, again: bool) -> int:
        """Run the cases that are not finished, or all if `again`; print a line each.

        Returns:
            The exit code: 75 if cases are left for another call, 1 if one failed in this or an earlier call, else 0.
        """
        failed, left = [], []
        for stage, cases in stages.items():
            rows = {} if again else self._rows(stage)
            for case in cases:
                if rows.get(case.name, {}).get("outcome") not in FINISHED:
                    rows[case.name] = self._row(case, rows)
                    self._write(stage, rows)
                    print(line(stage, rows[case.name]), flush=True)
                outcome = rows[case.name]["outcome"]
                failed += [case.name] if outcome in ("failed", "out of time") else []
                left += [case.name] if outcome == "unfinished" else []
        if failed:
            print(f"failed: {', '.join(failed)}; the logs lie in {self.out / 'logs'}")
        if left:
            print(f"left for another call: {', '.join(left)}")
        return LEFT if left else 1 if failed else 0

    def _row(self, case: Case, rows: dict[str, Row]) -> Row:
        if case.absent:
            return row(case, "left out", 0, case.absent)
        if case.unless and rows.get(case.unless, {}).get("outcome") in ("ok", "left out"):
            return row(case, "left out", 0, f"{case.unless} did not fail")
        if case.unless and rows.get(case.unless, {}).get("outcome") == "unfinished":
            return row(case, "unfinished", 0, f"waits for {case.unless}")
        left = (self.end - time.monotonic()) / 60
        least = LEAST_SLICE if case.sliced else LEAST_SHARE * case.minutes
        if left <= 0 or (left < least and (self.begun or case.sliced)):
            return row(case, "unfinished", 0, f"{max(0, left):.1f} minutes are left and it may take {case.minutes:g}")
        self.begun = True
        return self._start(case, min(left, case.minutes), own_limit=left >= case.minutes)

    def _start(self, case: Case, minutes: float, *, own_limit: bool) -> Row:
        if case.fresh is not None:
            shutil.rmtree(case.fresh, ignore_errors=True)
        command = [sys.executable, *case.command]
        if case.sliced:
            command.append(f"runtime.max_minutes={max(0.05, minutes - FINISHING):.2f}")
        log = self.out / "logs" / f"{case.name}.txt"
        log.parent.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        code = limited(command, log, 60 * minutes, case.environment)
        seconds = time.monotonic() - began
        said = reason(log.read_text(errors="replace"))
        if code is None:
            limit = f"stopped after {minutes:.1f} minutes; {said}"
            return row(case, "out of time" if own_limit and not case.sliced else "unfinished", seconds, limit)
        if case.sliced and code == deadline.EXIT_CODE:
            return row(case, "unfinished", seconds, said)
        if code == case.expected:
            return row(case, "ok", seconds, said)
        return row(case, "failed", seconds, f"exit code {code} and not {case.expected}: {said}")

    def _rows(self, stage: str) -> dict[str, Row]:
        path = self.out / f"{stage}.csv"
        if not path.exists():
            return {}
        with open(path, newline="") as file:
            return {held["case"]: held for held in csv.DictReader(file)}

    def _write(self, stage: str, rows: dict[str, Row]) -> None:
        write_text(self.out / f"{stage}.csv", to_csv(list(rows.values()), COLUMNS))


def row(case: Case, outcome: str, seconds: float, why: str) -> Row:
    """A line of a stage's table."""
    return {"case": case.name, "outcome": outcome, "seconds": round(seconds, 1), "why": why}


def line(stage: str, held: Row) -> str:
    """What is printed of a case."""
    return f"{stage}/{held['case']}: {held['outcome']} after {held['seconds']} s: {held['why']}"


def reason(log: str) -> str:
    """The line of a log that says best how it ended: the last error, or the last line."""
    lines = [text.strip() for text in log.splitlines() if text.strip()]
    errors = [text for text in lines if re.match(r"(FAILED |ERROR |error: |[\w.]*(Error|Exception)\b)", text)]
    return (errors or lines or ["it printed nothing"])[-1][:300]


def limited(command: list[str], log: Path, seconds: float, environment: dict[str, str]) -> int | None:
    """Run a command with its output in `log`; its exit code, or None if it had to be stopped.

    It runs in a process group of its own, so that workers end with it: SIGTERM first, for a sweep to save its state.
    """
    paths = [str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
    given = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"}
    with open(log, "w") as file:
        process = subprocess.Popen(
            command, cwd=ROOT, env=given | environment, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            return process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return None
        finally:
            if process.poll() is None:
                stop(process)


def stop(process: subprocess.Popen) -> None:
    """End a process and those that it started."""
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(timeout=SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
