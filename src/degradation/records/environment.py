"""What a run was made with: versions, device, commit, command. No host name, no path that was not typed."""

import platform
import shutil
import subprocess
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from degradation.config import Runtime
from degradation.instructions import instructions

PACKAGES = ("torch", "pytorch-lightning", "numpy", "hydra-core")


@dataclass(frozen=True)
class Called:
    """How a run came about: the command as it was typed, and the overrides of this one cohort of it."""

    command: str = ""
    overrides: list[str] = field(default_factory=list)


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


def environment(runtime: Runtime, device_name: str, called: Called | None = None) -> dict[str, Any]:
    """The content of environment.json.

    Args:
        runtime: engine, threads, memory format and compilation.
        device_name: `cpu`, or the GPU's name.
        called: None: by no command.
    """
    return {
        **(asdict(called) if called else {}),
        "commit": commit(),
        "device": device_name,
        "engine": runtime.engine,
        "threads": runtime.threads,
        "instructions": instructions(),
        "memory_format": runtime.memory_format,
        "compile_blocks": runtime.compile_blocks,
        "small_convolutions": runtime.small_convolutions,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        **{package: version(package) for package in PACKAGES},
    }
