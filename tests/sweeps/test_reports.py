"""Reports beside workers: when the thread is waited for, and what becomes of its failures."""

import threading
import time

import pytest

from degradation.sweeps import reports as module
from degradation.sweeps.reports import reporting


class Slow:
    """Reports that take a while, and say when they are through."""

    def __init__(self, error=None, late=False):
        self.began, self.ended, self.error, self.late = threading.Event(), False, error, late

    def early(self, sweep):
        self.began.set()
        if self.error and not self.late:
            raise self.error
        time.sleep(0.3)
        if self.error:
            raise self.error
        self.ended = True


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(module, "POLL_SECONDS", 0.01)


def raised(slow, error):
    """Whatever a sweep ends with while a report is being written."""
    with reporting(slow, None):
        assert slow.began.wait(5)
        raise error


def test_a_report_that_is_being_written_is_waited_for():
    slow = Slow()
    with reporting(slow, None):
        assert slow.began.wait(5)
    assert slow.ended


def test_it_is_waited_for_when_the_launcher_fails():
    """The end writes reports, too, and two at a time would share files."""
    slow = Slow()
    with pytest.raises(RuntimeError, match="a worker was killed"):
        raised(slow, RuntimeError("a worker was killed"))
    assert slow.ended


def test_it_is_not_waited_for_when_the_sweep_is_stopped():
    slow = Slow()
    with pytest.raises(KeyboardInterrupt):
        raised(slow, KeyboardInterrupt())
    assert not slow.ended


def test_a_failure_is_said_and_stops_early_reports_alone(capsys):
    slow = Slow(KeyError("variant"))
    with reporting(slow, None):
        assert slow.began.wait(5)
        time.sleep(0.1)
    assert capsys.readouterr().err == "error: no early reports: KeyError: 'variant'\n"


def test_what_a_stopped_sweep_takes_away_from_a_report_is_not_said(capsys):
    slow = Slow(AssertionError(), late=True)
    with pytest.raises(KeyboardInterrupt):
        raised(slow, KeyboardInterrupt())
    time.sleep(0.5)
    assert capsys.readouterr().err == ""
