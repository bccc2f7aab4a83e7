"""What torch.compile needs of a machine beside torch: a compiler and Python's headers. Imports no torch."""

import os
import shutil
import sysconfig
from importlib.util import find_spec
from pathlib import Path


def missing_for_compilation(device: str) -> str | None:
    """What keeps blocks from being compiled here, as a sentence, or None. The CPU's loops need C++, Triton needs C."""
    variable, names = ("CXX", ["g++"]) if device == "cpu" else ("CC", ["gcc", "clang"])
    names = [os.environ[variable]] if variable in os.environ else names
    if not any(map(shutil.which, names)):
        return (
            f"runtime.compile_blocks needs a compiler and there is no {' or '.join(names)}; install one, or set "
            f"{variable}."
        )
    headers = Path(sysconfig.get_path("include"))
    if not (headers / "Python.h").exists():
        return f"runtime.compile_blocks needs Python's headers and there is no Python.h in {headers}."
    return None


def missing_triton() -> str | None:
    """What keeps Triton's kernels from being built here, as a sentence, or None."""
    if find_spec("triton") is None:
        return "runtime.small_convolutions needs Triton, which torch brings along on Linux alone."
    return None
