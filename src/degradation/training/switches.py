"""Ways to execute the captured step that the bench chooses between. A way that does not pay goes; one that does stays.

None of them changes what is computed, but for rounding where cuDNN chooses another kernel.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

Counts = Literal["each", "together", "none"]


@dataclass(frozen=True)
class Switches:
    """How the `graph` engine executes a step.

    Attributes:
        streams: every network on a stream of its own; otherwise one network after another.
        counts: how batch normalisation counts its batches, which a fixed momentum never reads: each layer its own, all
            of a network together in a few kernels, or not at all. The counts are in checkpoints either way.
        cudnn_norm: batch normalisation by cuDNN where it can; otherwise PyTorch's own kernels. With channels last
            cuDNN takes persistent kernels, which may wait for one another when other kernels hold the GPU.
        benchmark: cuDNN times its convolutions during the warm-up and takes the fastest.
        deepest_first: the deepest networks are captured first, so that the longest chains begin first.
    """

    streams: bool = True
    counts: Counts = "each"
    cudnn_norm: bool = True
    benchmark: bool = False
    deepest_first: bool = False


class NativeNorm(nn.BatchNorm2d):
    """Batch normalisation by PyTorch's own kernels: (B, C, H, W) -> same."""

    def forward(self, x: Tensor) -> Tensor:
        assert self.momentum is not None
        if self.training and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
        values = (self.weight, self.bias, self.running_mean, self.running_var)
        return torch.native_batch_norm(x, *values, self.training, self.momentum, self.eps)[0]


def use_native_norms(network: nn.Module) -> None:
    """Replace every BatchNorm2d by a NativeNorm with the same tensors under the same names."""
    for parent in network.modules():
        for name, child in parent.named_children():
            if type(child) is nn.BatchNorm2d:
                native = NativeNorm(child.num_features, child.eps, child.momentum)
                native._parameters, native._buffers = child._parameters, child._buffers
                native.train(child.training)
                setattr(parent, name, native)


@contextmanager
def counted(network: nn.Module, counts: Counts) -> Iterator[None]:
    """Run the body, a training forward pass of `network`, with its batches counted as `counts` says."""
    if counts == "each":
        yield
        return
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    tracked = [norm.num_batches_tracked for norm in norms]
    try:
        for norm in norms:
            norm.num_batches_tracked = None
        yield
    finally:
        for norm, count in zip(norms, tracked, strict=True):
            norm.num_batches_tracked = count
    if counts == "together":
        torch._foreach_add_([count for count in tracked if count is not None], 1)


@contextmanager
def cudnn_benchmark(enabled: bool) -> Iterator[None]:
    """Let cuDNN time its convolutions in the body, a warm-up and the capture that uses what it found."""
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = enabled
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before
