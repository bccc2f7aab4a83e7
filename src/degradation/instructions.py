"""The instructions that the CPU's kernels use: AVX2 at most, so that x86 machines with and without AVX-512 agree.

AVX-512 sums convolutions in another order, and training on images is chaotic in float32: the last digit of a step is
all of the result after some hundred. AVX2 costs nothing here: four networks of 32 layers on the digits took 27.9 CPU
seconds with it and 28.0 with AVX-512, two of 20 layers on CIFAR-10 at 16x16 pixels 61 to 64 and 63 to 65 (AMD EPYC,
torch 2.15).
"""

import os
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
LIMITS = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "MKL_CBWR": "AVX2",
}


def limit_instructions(cpuinfo: Path = CPUINFO) -> None:
    """Set the variables that torch and its libraries read when they first compute, for this process and its children.

    Nothing is set on a machine without AVX-512, nor where the user has set one of them.

    Args:
        cpuinfo: what Linux says of the processor; elsewhere there is none, and nothing is set.
    """
    if not cpuinfo.exists() or "avx512f" not in cpuinfo.read_text():
        return
    if not any(name in os.environ for name in LIMITS):
        os.environ.update(LIMITS)


def instructions() -> str:
    """What the records say of it."""
    return os.environ.get("ATEN_CPU_CAPABILITY", "those of the machine")
