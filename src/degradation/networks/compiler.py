"""What kernels made here need of a machine beside torch: a compiler and Python's headers. Imports no torch."""

import os
import shutil
import sysconfig
from importlib.util import find_spec
from pathlib import Path


def missing_for_compilation(device: str, key: str = "compile_blocks") -> str | None:
    """What keeps blocks from being compiled here, as a sentence on the `runtime` key, or None. The CPU's loops need
    C++, Triton needs C.
    """
    variable, names = ("CXX", ["g++"]) if device == "cpu" else ("CC", ["gcc", "clang"])
    names = [os.environ[variable]] if variable in os.environ else names
    if not any(map(shutil.which, names)):
        return f"runtime.{key} needs a compiler and there is no {' or '.join(names)}; install one, or set {variable}."
    headers = Path(sysconfig.get_path("include"))
    if not (headers / "Python.h").exists():
        return f"runtime.{key} needs Python's headers and there is no Python.h in {headers}."
    return None


def missing_for_kernels() -> str | None:
    """What keeps our own Triton kernels from being built here, as a sentence, or None."""
    if find_spec("triton") is None:
        return "runtime.small_convolutions needs Triton, which torch's builds for CUDA bring along; use auto or false."
    return missing_for_compilation("cuda", "small_convolutions")
