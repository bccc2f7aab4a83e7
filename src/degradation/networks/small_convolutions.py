"""The operator of the 3x3 layers that `degradation.networks.triton_kernels` computes, with its gradients.

torch.compile and CUDA graphs take it as they take a library's. Importing this needs no Triton; calling it does.
"""

import torch
from torch import Tensor, library

CHANNELS = (16, 32, 64)
MOST = 2**31  # numbers of an image batch, whose places the kernels count in 32 bits


def fits(x: Tensor, inputs: int, outputs: int, stride: tuple[int, ...]) -> bool:
    """Whether the kernels can take x (B, inputs, H, W) through a 3x3 layer."""
    of_kind = x.is_cuda and x.dtype == torch.bfloat16 and x.numel() < MOST
    return of_kind and inputs == outputs and inputs in CHANNELS and stride == (1, 1)


@library.custom_op("degradation::conv3x3", mutates_args=())
def conv3x3(x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Convolve x (B, C, H, W) with weight (C, C, 3, 3), stride 1, padding 1.

    Returns:
        The output, like x with channels last, and the weights as the kernels take them, for the gradients.
    """
    from degradation.networks.triton_kernels import convolve, to_taps

    taps = to_taps(weight, x.dtype)
    return convolve(x.contiguous(memory_format=torch.channels_last), taps, flip=False), taps


@library.custom_op("degradation::conv3x3_gradients", mutates_args=())
def gradients(gradient: Tensor, x: Tensor, taps: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Of x and of the weight, from the output's (B, C, H, W)."""
    from degradation.networks.triton_kernels import convolve, weight_gradient

    gradient, x = (tensor.contiguous(memory_format=torch.channels_last) for tensor in (gradient, x))
    return convolve(gradient, taps, flip=True), weight_gradient(x, gradient, weight)


@conv3x3.register_fake
def _(x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    return torch.empty_like(x, memory_format=torch.channels_last), x.new_empty(9, len(weight), len(weight))


@gradients.register_fake
def _(gradient: Tensor, x: Tensor, taps: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    return torch.empty_like(x, memory_format=torch.channels_last), torch.empty_like(weight)


def _keep(ctx, inputs, output) -> None:  # type: ignore[no-untyped-def]
    x, weight = inputs
    ctx.set_materialize_grads(False)  # there is none of the second output
    ctx.save_for_backward(x, output[1], weight)


def _backward(ctx, gradient: Tensor, of_taps: Tensor | None) -> tuple[Tensor, Tensor]:  # type: ignore[no-untyped-def]
    x, taps, weight = ctx.saved_tensors
    return gradients(gradient, x, taps, weight)


conv3x3.register_autograd(_backward, setup_context=_keep)
