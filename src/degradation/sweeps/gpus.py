"""One GPU a worker process."""

import os
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from degradation.records.run import JobFailedError

CLAIM_SECONDS = 60.0  # joblib may replace a worker; the old one needs a moment to end


def visible_gpus() -> list[str]:
    """The GPUs that CUDA shows, as CUDA_VISIBLE_DEVICES names them."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [name.strip() for name in named.split(",") if name.strip()]
    import torch

    return [str(index) for index in range(torch.cuda.device_count())]


def on_own_gpu(gpus: tuple[str, ...], task_function: Callable[[Any], Any], composed: Any) -> Any:
    """Run a job on the GPU that this process has claimed; it sees no other."""
    os.environ["CUDA_VISIBLE_DEVICES"] = claim(gpus)[0]
    return task_function(composed)


@cache  # once a process, which keeps its GPU
def claim(gpus: tuple[str, ...]) -> tuple[str, FileLock]:
    """A GPU that no other process of this user has claimed. The claim is freed by the system when the process ends.

    Raises:
        JobFailedError: other processes hold them all.
    """
    end = time.monotonic() + CLAIM_SECONDS
    while True:
        for gpu in gpus:
            lock = FileLock(Path(tempfile.gettempdir()) / f"degradation-{os.getuid()}-gpu-{gpu}.lock", timeout=0)
            try:
                lock.acquire()
            except Timeout:
                continue
            return gpu, lock
        if time.monotonic() > end:
            raise JobFailedError(f"the GPUs {', '.join(gpus)} are in use by other jobs; wait for them or stop them")
        time.sleep(0.2)
