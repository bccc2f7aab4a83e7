"""Our Triton kernels on the CPU, in Triton's interpreter, against float64; prints what is wrong, by case, as JSON.

A process of its own: the interpreter is chosen when Triton is imported.
"""

import json
import os

os.environ["TRITON_INTERPRET"] = "1"

import torch
from torch.nn import functional

from degradation.networks import blocks, triton_kernels
from degradation.networks.blocks import use_small_convolutions
from degradation.networks.cifar import CifarNet
from degradation.networks.cifar_spec import CifarNetwork
from degradation.networks.small_convolutions import conv3x3, fits

# Images, channels and pixels of a side: some fill no program, others several and not the last.
SHAPES = [(3, 32, 8, 8), (5, 64, 4, 8), (1, 16, 2, 2), (3, 16, 5, 7)]
FORMATS = [(torch.contiguous_format, torch.channels_last), (torch.channels_last, torch.contiguous_format)]


def off(found: torch.Tensor, expected: torch.Tensor) -> float:
    """The error's norm over that of what is expected."""
    return ((found.double() - expected).norm() / expected.norm()).item()


def errors(shape: tuple[int, ...], images: torch.memory_format, weights: torch.memory_format) -> list[float]:
    """Of the output and the gradients of input and weight, on float32."""
    draw = torch.Generator().manual_seed(0)
    x, gradient = (torch.randn(shape, generator=draw).contiguous(memory_format=images) for _ in range(2))
    weight = torch.randn(shape[1], shape[1], 3, 3, generator=draw).contiguous(memory_format=weights)
    for tensor in (x, weight):
        tensor.requires_grad_()
    output = conv3x3(x, weight)[0]
    output.backward(gradient)
    exact = [tensor.detach().double().requires_grad_() for tensor in (x, weight)]
    expected = functional.conv2d(*exact, padding=1)
    expected.backward(gradient.double())
    assert weight.grad is not None
    assert weight.grad.stride() == weight.stride()
    assert output.is_contiguous(memory_format=torch.channels_last)
    return [off(output, expected), off(x.grad, exact[0].grad), off(weight.grad, exact[1].grad)]  # type: ignore[arg-type]


def network(compiled: bool) -> list[float]:
    """Of predictions and all gradients of a residual network, some of whose layers are not of this kind."""
    grown = []
    for small in (False, True):
        torch.manual_seed(0)
        built = CifarNet(CifarNetwork("cifar", 16, "A"), channels=3, classes=10, depth=8)
        if small:
            use_small_convolutions(built)
            blocks.fits = lambda x, *layer: fits(_Claimed(x), *layer)  # type: ignore[assignment]
        torch._dynamo.reset()
        run = torch.compile(built, backend="aot_eager", dynamic=False, fullgraph=True) if compiled else built
        predictions = run(torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(1)))
        predictions.square().sum().backward()
        grown.append([predictions.detach(), *(parameter.grad for parameter in built.parameters())])
        blocks.fits = fits
    return [off(ours, library.double()) for library, ours in zip(*grown, strict=True)]


def many_parts() -> list[float]:
    """Of a weight's gradient in more parts than are summed at a time."""
    usual = triton_kernels.GRADIENT[16]
    triton_kernels.GRADIENT[16] = usual | {"CHUNK": 16, "BLOCK": 16}
    try:
        return errors((9, 16, 16, 16), *FORMATS[0])
    finally:
        triton_kernels.GRADIENT[16] = usual


class _Claimed:
    """A float32 tensor of the CPU that says that it is what the kernels take."""

    is_cuda, dtype = True, torch.bfloat16

    def __init__(self, x: torch.Tensor) -> None:
        self.numel = x.numel


if __name__ == "__main__":
    triton_kernels.SUMMED = 256  # the interpreter takes its time by the program
    found = {}
    for shape in SHAPES:
        for images, weights in FORMATS:
            found[f"{shape} {images} {weights}"] = errors(shape, images, weights)
    found["many parts"] = many_parts()
    found["network"] = network(compiled=False)
    found["compiled network"] = network(compiled=True)
    print(json.dumps(found))
