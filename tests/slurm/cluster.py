"""A SLURM of one node on this machine, in a temporary folder, stopped with all that it runs."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "scontrol")
START_SECONDS, STOP_SECONDS = 60, 20

# No accounting, as on many small clusters: `sacct` answers with an error.
CONF = """\
ClusterName=degradation
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
ReturnToService=2
KillWait=120
UnkillableStepTimeout=300
InactiveLimit=0
SchedulerParameters=bf_interval=5,sched_min_interval=500000
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory_mb} State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=300 State=UP
"""


def missing() -> str | None:
    """Why no cluster can be started here, or None."""
    absent = [name for name in PROGRAMS if shutil.which(name, path=search_path()) is None]
    if absent:
        return f"SLURM is not installed ({', '.join(absent)} not found); make test-slurm installs it where it can"
    if os.geteuid() != 0:
        return "starting SLURM's daemons needs root"
    return None


def search_path() -> str:
    """The daemons lie in sbin, which is not on every user's path."""
    return os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


@contextmanager
def cluster() -> Iterator[dict[str, str]]:
    """Start the cluster; yields the environment variables with which SLURM's commands reach it."""
    with TemporaryDirectory(prefix="slurm-") as name, _cluster(Path(name)) as environment:
        yield environment


@contextmanager
def _cluster(folder: Path) -> Iterator[dict[str, str]]:
    folder.chmod(0o755)  # as munged wants the way to its socket
    for name in ("state", "spool", "log"):
        (folder / name).mkdir()
    (folder / "munge.key").write_bytes(os.urandom(128))
    (folder / "munge.key").chmod(0o600)
    (folder / "slurm.conf").write_text(_conf(folder))
    environment = {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": search_path()}
    with ExitStack() as started:
        _daemon(started, folder, environment, "munged", "--foreground", *_munge_files(folder))
        _wait("munged", (folder / "munge.socket").exists, folder)
        _daemon(started, folder, environment, "slurmctld", "-D", "-i")
        _daemon(started, folder, environment, "slurmd", "-D")
        _wait("the node", lambda: "idle" in _output(environment, "sinfo", "-h", "-o", "%t"), folder)
        started.callback(_cancel_all, environment)
        yield environment


def _conf(folder: Path) -> str:
    memory_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20 * 9 // 10
    return CONF.format(
        folder=folder,
        host=socket.gethostname().split(".")[0],
        cpus=os.cpu_count(),
        memory_mb=memory_mb,
        controller_port=_free_port(),
        node_port=_free_port(),
    )


def _munge_files(folder: Path) -> list[str]:
    names = {"key-file": "munge.key", "socket": "munge.socket", "pid-file": "munged.pid", "seed-file": "munged.seed"}
    return [f"--{option}={folder / name}" for option, name in names.items()] + [f"--log-file={folder}/log/munged.log"]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _daemon(started: ExitStack, folder: Path, environment: dict[str, str], *command: str) -> None:
    """A child in the foreground, so that it is ours to stop by its process."""
    program = shutil.which(command[0], path=environment["PATH"])
    assert program is not None
    with open(folder / "log" / f"{command[0]}.out", "w") as log:
        process = subprocess.Popen(
            [program, *command[1:]], env={**os.environ, **environment}, stdout=log, stderr=log, stdin=subprocess.DEVNULL
        )
    started.callback(_stop, process)


def _stop(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _cancel_all(environment: dict[str, str]) -> None:
    """End every job, so that no step outlives its slurmd."""
    _output(environment, "scancel", "--user=root")
    end = time.monotonic() + START_SECONDS
    while _output(environment, "squeue", "-h").strip() and time.monotonic() < end:
        time.sleep(0.2)


def _wait(what: str, ready: Callable[[], bool], folder: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while not ready():
        if time.monotonic() > end:
            logs = "\n".join(f"{log.name}: {log.read_text()[-2000:]}" for log in (folder / "log").iterdir())
            raise RuntimeError(f"{what} did not start within {START_SECONDS} seconds.\n{logs}")
        time.sleep(0.1)


def _output(environment: dict[str, str], *command: str) -> str:
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=START_SECONDS, check=False
    )
    return done.stdout
