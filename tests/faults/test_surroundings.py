"""What else goes wrong around a sweep: the clock, another sweep, workers, shared memory, W&B."""

import contextlib
import os
import random
import signal
import socket
import time
from functools import partial
from pathlib import Path

import pytest

from tests.faults.sweeps import JOBLIB, Folder, answer, command
from tests.faults.test_disk import needs_mount
from tests.processes import Forked, run_anew

pytestmark = pytest.mark.usefixtures("in_campaign_alone")

DAY = 86_400
CGROUPS = Path("/sys/fs/cgroup/memory")  # version 1; version 2 has one tree


def set_clock_back() -> None:
    """For this process: a day every 20 ms, starting with the third second."""
    real, began = time.time, time.monotonic()
    time.time = lambda: real() - DAY * max(0, (time.monotonic() - began - 2) // 0.02)


def test_a_clock_that_is_set_back(campaign, interrupted, tmp_path, experiment):
    """While it trains, and before it goes on: all files come from the future then."""
    fault = f"clock set back, {experiment}"

    def trial(number):
        folder = interrupted(experiment).copy(tmp_path / str(number))
        for path in folder.path.rglob("*"):
            os.utime(path, (time.time() + number * DAY,) * 2)
        ended = folder.run(prepare=set_clock_back)
        assert answer(ended) == "finished"
        campaign.note(fault, answer(ended))
        campaign.compare(fault, folder)

    campaign.each(trial, range(1, 4))


def test_two_sweeps_on_one_folder(campaign, tmp_path, experiment):
    fault = f"two sweeps on one folder, {experiment}"

    def trial(number):
        folder = Folder(tmp_path / str(number), experiment)
        first = folder.start()
        first.process.join(random.Random(f"{experiment} {number}").uniform(0, 4))
        second = folder.start()
        ends = [first.end(), second.end()]
        for ended in ends:
            campaign.note(fault, answer(ended))
            assert ended.code == 0 or "another sweep is running in runs/" in ended.said, ended.said
        assert "finished" in [answer(ended) for ended in ends]
        campaign.compare(fault, folder)

    campaign.each(trial, range(5))


def workers(sweep: Forked) -> list[int]:
    """The processes of a sweep's group that train."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            training = (
                b"loky" in (folder / "cmdline").read_bytes() and b"tracker" not in (folder / "cmdline").read_bytes()
            )
            if training and os.getpgid(int(folder.name)) == sweep.pid:
                found.append(int(folder.name))
    return found


def kill_a_worker(sweep: Forked, chance: random.Random) -> None:
    """As the kernel does when memory runs out."""
    while not workers(sweep):
        assert sweep.process.is_alive()
        time.sleep(0.05)
    time.sleep(chance.uniform(0, 8))
    os.kill(chance.choice(workers(sweep)), signal.SIGKILL)


def test_a_worker_that_is_killed(campaign, tmp_path, experiment):
    fault = f"one of two workers killed, {experiment}"
    for number in range(2):
        folder = Folder(tmp_path / str(number), experiment)
        sweep = folder.start(launcher=JOBLIB)
        kill_a_worker(sweep, random.Random(f"{experiment} {number}"))
        ended = sweep.end()
        campaign.note(fault, answer(ended))
        if ended.code:
            assert "The same command trains only what is missing." in ended.said
        folder.finish()
        campaign.compare(fault, folder)


def test_memory_that_runs_out(campaign, tmp_path):
    """The kernel's own doing, by a control group that is too small for the workers."""
    group = CGROUPS / f"degradation-faults-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no memory control group can be made here: {error}")
    fault, folder = "out of memory, sine_smoke", Folder(tmp_path / "folder", "sine_smoke")
    folder.path.mkdir()
    try:
        (group / "memory.limit_in_bytes").write_text(str(300 << 20))
        enter = ["sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh"]
        ended = run_anew(folder.path, *command("sine_smoke", JOBLIB), prefix=enter)
        killed = int((group / "memory.oom_control").read_text().split("oom_kill ")[1])
    finally:
        wait_until_empty(group)
        group.rmdir()
    assert killed > 0
    campaign.note(fault, answer(ended))
    assert "The same command trains only what is missing." in ended.said
    folder.finish()
    campaign.compare(fault, folder)


def wait_until_empty(group: Path) -> None:
    """The last workers end a moment after their sweep."""
    for _ in range(100):
        if not (group / "cgroup.procs").read_text():
            return
        time.sleep(0.1)


@needs_mount
def test_shared_memory_that_is_full(campaign, tmp_path):
    """joblib's workers have their semaphores there; without them it trains one cohort after another."""
    fault, folder = "/dev/shm full, sine_smoke", Folder(tmp_path / "folder", "sine_smoke")
    folder.path.mkdir()
    fill = "mount -t tmpfs -o size=16k tmpfs /dev/shm && { cat /dev/zero > /dev/shm/full 2> /dev/null; true; }"
    own_mounts = ["unshare", "-m", "sh", "-c", fill + ' && exec "$@"', "sh"]
    ended = run_anew(folder.path, *command("sine_smoke", JOBLIB), prefix=own_mounts)
    assert "No space left on device" in ended.said
    campaign.note(fault, answer(ended))
    folder.finish()
    campaign.compare(fault, folder)


def set_variables(variables: dict[str, str]) -> None:
    os.environ.update(variables)


@contextlib.contextmanager
def address(answers: str):
    """A port that refuses, or one that takes connections and never says anything."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if answers == "never answers":
            server.listen(64)
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("answers", ["never answers", "refuses"])
def test_a_wandb_server_that_cannot_be_reached(campaign, tmp_path, answers):
    fault, folder = f"W&B's server {answers}", Folder(tmp_path / "folder", "sine_smoke")
    waiting = ["logger.init_timeout_seconds=3", "logger.finish_timeout_seconds=3"]
    began = time.monotonic()
    with address(answers) as url:
        variables = {"WANDB_BASE_URL": url, "WANDB_API_KEY": "0" * 40, "WANDB_ERROR_REPORTING": "false"}
        ended = folder.run("logger=wandb_online", *waiting, prepare=partial(set_variables, variables))
    seconds = time.monotonic() - began
    assert answer(ended) == "finished", ended.said
    campaign.note(fault, answer(ended))
    campaign.compare(fault, folder)
    assert seconds < 60, ended.said
