"""What a step consists of, by torch's profiler: kernels on a GPU, outermost operations on the CPU."""

import re
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from degradation.records.columns import Row

# The first pattern that is found in a kernel's name says what it is; compiled kernels are named after what they fuse.
KINDS = {
    "batch_norm": r"batch_?norm|bn_(fw|bw)",
    "transpose": r"nchwToNhwc|nhwcToNchw|transpose|convertTensor",
    "convolution": r"conv|gemm|xmma|cutlass|wgrad|dgrad|fprop|cudnn",
    "optimizer": r"multi_tensor|fused_?sgd|fused_?adam",
}
FROM_THE_HOST = "Memcpy HtoD"  # the tables of a segment, which a replay does not copy


class Kernel(NamedTuple):
    """One launch."""

    name: str
    microseconds: float


def kernels(run: Callable[[], object], device: str) -> list[Kernel]:
    """What `run` executes on `device`, `cuda` or `cpu`, in order."""
    cuda = device == "cuda"
    with profile(activities=[ProfilerActivity.CUDA if cuda else ProfilerActivity.CPU]) as measured:
        run()
        if cuda:
            torch.cuda.synchronize()
    events = measured.events() or []
    if cuda:
        chosen = [event for event in events if event.device_type == DeviceType.CUDA]
    else:
        chosen = [event for event in events if event.cpu_parent is None]
    found = [Kernel(event.name, event.time_range.elapsed_us()) for event in chosen]
    return [kernel for kernel in found if not kernel.name.startswith(FROM_THE_HOST)]


def kind(name: str) -> str:
    """`batch_norm`, `transpose`, `convolution`, `optimizer` or `other`."""
    return next((kind for kind, pattern in KINDS.items() if re.search(pattern, name, re.IGNORECASE)), "other")


def shares(found: list[Kernel]) -> Row:
    """Their number, the milliseconds of all, and by kind the number and the share of the time."""
    total = sum(kernel.microseconds for kernel in found)
    row: Row = {"kernels": len(found), "kernel_ms": total / 1000}
    for name in (*KINDS, "other"):
        own = [kernel.microseconds for kernel in found if kind(kernel.name) == name]
        row |= {f"{name}_kernels": len(own), f"{name}_share": sum(own) / total if total else None}
    return row


def by_name(found: list[Kernel]) -> list[Row]:
    """A row a kernel's name, the most expensive first: calls and milliseconds."""
    times: dict[str, list[float]] = {}
    for kernel in found:
        times.setdefault(kernel.name, []).append(kernel.microseconds)
    rows: list[Row] = [
        {"kind": kind(name), "calls": len(own), "milliseconds": sum(own) / 1000, "name": name}
        for name, own in times.items()
    ]
    return sorted(rows, key=lambda row: -row["milliseconds"])
