"""Disks that are full, files that may not grow, folders that may not be written to."""

import contextlib
import os
import random
import resource
import subprocess
import time
from functools import partial
from pathlib import Path

import pytest

from tests.faults.sweeps import Folder, answer

needs_mount = pytest.mark.skipif(
    os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode != 0,
    reason="mounting a small disk needs root",
)


@contextlib.contextmanager
def small_disk(path: Path, size: int):
    """A disk of `size` bytes at `path`."""
    path.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", path], check=True)


def remount(path: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", path], check=True)


def bytes_of(folder: Folder) -> int:
    return sum(file.stat().st_size for file in folder.path.rglob("*") if file.is_file())


def assert_whole_or_not_there(folder: Folder) -> None:
    """No write that failed has left a part of itself."""
    assert not list(folder.path.rglob("*.partial"))


@needs_mount
def test_a_disk_that_fills_up_at_a_random_write(campaign, undisturbed, tmp_path, experiment):
    fault = f"disk full at a random write, {experiment}"
    whole = bytes_of(undisturbed(experiment))

    def trial(number):
        size = random.Random(f"{experiment} {number}").randrange(4096, whole)
        folder = Folder(tmp_path / str(number), experiment)
        with small_disk(folder.path, size):
            ended = folder.run()
            campaign.note(fault, answer(ended))
            if answer(ended) != "finished":
                assert "No space left on device" in ended.said, ended.said
            assert_whole_or_not_there(folder)
            remount(folder.path, f"size={4 * whole}")
            folder.finish()
            campaign.compare(fault, folder)

    campaign.each(trial, range(campaign.trials(1, 5)))


@needs_mount
@pytest.mark.usefixtures("in_campaign_alone")
def test_a_disk_that_fills_up_with_tables_and_figures(campaign, undisturbed, tmp_path, experiment):
    """The runs are kept on another disk."""
    fault = f"disk of the results full at a random write, {experiment}"
    files = [path for path in (undisturbed(experiment).path / "results").rglob("*") if path.is_file()]
    whole = sum(path.stat().st_size for path in files)

    def trial(number):
        size = random.Random(f"{experiment} {number}").randrange(4096, whole)
        folder = Folder(tmp_path / str(number), experiment)
        with small_disk(folder.path / "results", size):
            ended = folder.run()
            campaign.note(fault, answer(ended))
            assert ended.code == 1
            assert "No space left on device" in ended.said, ended.said
            remount(folder.path / "results", f"size={4 * whole}")
            ended = folder.run()
            assert answer(ended) == "finished"
            assert "to train" not in ended.said
            campaign.compare(fault, folder)

    campaign.each(trial, range(3))


@pytest.mark.usefixtures("in_campaign_alone")
def test_files_that_cannot_grow_beyond_a_random_size(campaign, undisturbed, tmp_path, experiment):
    fault = f"file-size limit, {experiment}"
    largest = max(file.stat().st_size for file in undisturbed(experiment).run_files)

    def trial(number):
        size = int(largest ** random.Random(f"{experiment} {number}").uniform(0.4, 1))
        folder = Folder(tmp_path / str(number), experiment)
        ended = folder.run(prepare=partial(resource.setrlimit, resource.RLIMIT_FSIZE, (size, size)))
        campaign.note(fault, answer(ended))
        if answer(ended) != "finished":
            assert "File too large" in ended.said, ended.said
        assert_whole_or_not_there(folder)
        folder.finish()
        campaign.compare(fault, folder)

    campaign.each(trial, range(4))


@needs_mount
@pytest.mark.usefixtures("in_campaign_alone")
def test_a_results_folder_that_cannot_be_written_to(campaign, undisturbed, tmp_path):
    """Before the sweep: nothing is trained. While it trains: the runs are kept, and the tables come later."""
    experiment = "sine_smoke"
    folder = Folder(tmp_path / "before", experiment)
    with small_disk(folder.path / "results", 1 << 24):
        remount(folder.path / "results", "ro")
        ended = folder.run()
        assert ended.code == 2
        assert "results cannot be written to (Read-only file system); set runtime.results_dir" in ended.said
        assert not folder.run_files
        campaign.note("results folder read-only before the sweep", answer(ended))
        remount(folder.path / "results", "rw")
        folder.finish()
        campaign.compare("results folder read-only before the sweep", folder)
    folder = Folder(tmp_path / "meanwhile", experiment)
    fault = "results folder read-only from the middle of the sweep"
    with small_disk(folder.path / "results", 1 << 24):
        sweep = folder.start()
        while not folder.run_files:
            assert sweep.process.is_alive(), sweep.end().said
            time.sleep(0.01)
        remount(folder.path / "results", "ro")
        ended = sweep.end()
        assert ended.code == 1
        assert "Read-only file system" in ended.said
        campaign.note(fault, answer(ended))
        before = {file: file.stat().st_mtime_ns for file in folder.run_files}
        remount(folder.path / "results", "rw")
        folder.finish()
        assert {file: file.stat().st_mtime_ns for file in folder.run_files} == before  # nothing was trained again
        campaign.compare(fault, folder)
