"""What a run was made with: versions, device, commit. No host name, no path, no environment variable."""

import platform
import shutil
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from degradation.config import Runtime

PACKAGES = ("torch", "pytorch-lightning", "numpy", "hydra-core")


@cache
def commit() -> str:
    """The source's git commit, `-dirty` if tracked files differ from it, empty outside a checkout or without git."""
    if shutil.which("git") is None:
        return ""
    here = Path(__file__).parent
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--exclude=*", "--abbrev=12"],
        cwd=here,
        capture_output=True,
        text=True,
        check=False,
    )
    return described.stdout.strip()


def environment(runtime: Runtime, device_name: str) -> dict[str, Any]:
    """The content of environment.json.

    Args:
        runtime: engine, threads, memory format and compilation.
        device_name: `cpu`, or the GPU's name.
    """
    return {
        "commit": commit(),
        "device": device_name,
        "engine": runtime.engine,
        "threads": runtime.threads,
        "memory_format": runtime.memory_format,
        "compile_blocks": runtime.compile_blocks,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        **{package: version(package) for package in PACKAGES},
    }
