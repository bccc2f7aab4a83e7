"""3x3 convolutions of few channels as Triton kernels: stride 1, zero padding 1, as many outputs as inputs.

cuDNN's kernels for 16, 32 and 64 channels leave most of a GPU idle: their tiles are wider than that, and the weight
gradient of bfloat16 goes through float32. Here a program computes the outputs of a run of pixels as nine products, one
a tap of the filter, with float32 sums; the weight gradient is summed in a fixed order, so it is the same every time.

On an H200 (128 images of 32, 16 and 8 pixels a side; torch 2.11, Triton 3.6, cuDNN 9.19; medians of one call of
`triton.testing.do_bench` each, over 10 ms) output, gradient of the input and gradient of the weight take 12, 12, 16 us
with 16 channels, where cuDNN takes 24, 29, 47; 10, 11, 18 with 32 (11, 13, 59); 8, 8, 19 with 64 (12, 10, 22).

Images lie with channels last. Importing this needs Triton; `TRITON_INTERPRET=1` runs it on the CPU.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

# By channels: pixels a program, whether the taps are unrolled (reads go through the L1 cache; else they are pipelined).
FORWARD = {
    16: {"BLOCK": 128, "UNROLLED": True, "num_warps": 4, "num_stages": 1},
    32: {"BLOCK": 128, "UNROLLED": True, "num_warps": 4, "num_stages": 1},
    64: {"BLOCK": 64, "UNROLLED": False, "num_warps": 4, "num_stages": 3},
}
# Pixels a program sums over, and pixels a product.
GRADIENT = {
    16: {"CHUNK": 1024, "BLOCK": 64, "num_warps": 4, "num_stages": 3},
    32: {"CHUNK": 512, "BLOCK": 64, "num_warps": 4, "num_stages": 3},
    64: {"CHUNK": 512, "BLOCK": 64, "num_warps": 8, "num_stages": 3},
}
SUMMED = 64  # weights whose parts a program sums; it divides 9 C C


@triton.jit
def _one_tap(x, taps, tap, pixel, pixels, total, H: tl.constexpr, W: tl.constexpr, C: tl.constexpr, FLIP: tl.constexpr):
    """`total` (BLOCK, C) and the product of the pixels' neighbours at `tap` with its weights."""
    first, second = tl.arange(0, C), tl.arange(0, C)
    row, column = pixel // W % H + tap // 3 - 1, pixel % W + tap % 3 - 1
    inside = (row >= 0) & (row < H) & (column >= 0) & (column < W) & (pixel < pixels)
    neighbour = pixel + (tap // 3 - 1) * W + tap % 3 - 1
    a = tl.load(x + neighbour[:, None] * C + first[None, :], mask=inside[:, None], other=0.0)
    if FLIP:
        b = tl.load(taps + (8 - tap) * C * C + second[None, :] * C + first[:, None])
    else:
        b = tl.load(taps + tap * C * C + first[:, None] * C + second[None, :])
    return tl.dot(a, b, total)


@triton.jit
def _convolve(
    x,  # (pixels, C)
    taps,  # (9, C, C): tap, input, output
    out,  # (pixels, C)
    pixels,
    H: tl.constexpr,
    W: tl.constexpr,
    C: tl.constexpr,
    FLIP: tl.constexpr,  # the transposed convolution, which the gradient of the input is
    BLOCK: tl.constexpr,
    UNROLLED: tl.constexpr,
):
    pixel = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    total = tl.zeros((BLOCK, C), tl.float32)
    if UNROLLED:
        for tap in tl.static_range(9):
            total = _one_tap(x, taps, tap, pixel, pixels, total, H, W, C, FLIP)
    else:
        for tap in range(9):
            total = _one_tap(x, taps, tap, pixel, pixels, total, H, W, C, FLIP)
    channel = tl.arange(0, C)
    tl.store(
        out + pixel[:, None] * C + channel[None, :], total.to(out.dtype.element_ty), mask=(pixel < pixels)[:, None]
    )


@triton.jit
def _weight_gradient(
    x,  # (pixels, C)
    gradient,  # (pixels, C), of the output
    parts,  # (splits, 9, C, C): tap, input, output
    pixels,
    H: tl.constexpr,
    W: tl.constexpr,
    C: tl.constexpr,
    CHUNK: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """What CHUNK pixels add to the three taps of one row of the filter; a fourth, of zeros, makes a power of two."""
    down = tl.program_id(1) - 1
    index, outputs = tl.arange(0, 4 * C), tl.arange(0, C)
    right, inputs = index // C - 1, index % C
    total = tl.zeros((4 * C, C), tl.float32)
    for start in range(0, CHUNK, BLOCK):
        pixel = tl.program_id(0) * CHUNK + start + tl.arange(0, BLOCK)
        row, column = pixel // W % H + down, (pixel % W)[:, None] + right[None, :]
        rows = (row >= 0) & (row < H) & (pixel < pixels)
        inside = rows[:, None] & (column >= 0) & (column < W) & (right[None, :] < 2)
        neighbour = pixel[:, None] + down * W + right[None, :]
        a = tl.load(x + neighbour * C + inputs[None, :], mask=inside, other=0.0)
        b = tl.load(gradient + pixel[:, None] * C + outputs[None, :], mask=(pixel < pixels)[:, None], other=0.0)
        total = tl.dot(tl.trans(a), b, total)
    place = (tl.program_id(0) * 9 + (down + 1) * 3) * C + index
    tl.store(parts + place[:, None] * C + outputs[None, :], total, mask=(right < 2)[:, None])


@triton.jit
def _place(index, stride_out, stride_in, stride_row, stride_column, C: tl.constexpr):
    """Where the weight of an index into (9, C, C) lies in (C, C, 3, 3): output, input, row, column."""
    outputs, inputs, tap = index % C, index // C % C, index // (C * C)
    return outputs * stride_out + inputs * stride_in + tap // 3 * stride_row + tap % 3 * stride_column


@triton.jit
def _sum_parts(
    parts,
    gradient,
    stride_out,
    stride_in,
    stride_row,
    stride_column,
    SPLITS: tl.constexpr,
    C: tl.constexpr,
    BLOCK: tl.constexpr,
    ROWS: tl.constexpr,
):
    index = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    total = tl.zeros((BLOCK,), tl.float32)
    for start in tl.static_range(0, SPLITS, ROWS):
        split = start + tl.arange(0, ROWS)
        part = parts + split[:, None] * (9 * C * C) + index[None, :]
        total += tl.sum(tl.load(part, mask=(split < SPLITS)[:, None], other=0.0), 0)
    tl.store(gradient + _place(index, stride_out, stride_in, stride_row, stride_column, C), total)


@triton.jit
def _to_taps(weight, taps, stride_out, stride_in, stride_row, stride_column, C: tl.constexpr, BLOCK: tl.constexpr):
    index = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)  # BLOCK divides 9 C C
    value = tl.load(weight + _place(index, stride_out, stride_in, stride_row, stride_column, C))
    tl.store(taps + index, value.to(taps.dtype.element_ty))


def to_taps(weight: Tensor, dtype: torch.dtype) -> Tensor:
    """A filter (C, C, 3, 3) as (9, C, C): tap, input, output."""
    channels = len(weight)
    taps = torch.empty(9, channels, channels, dtype=dtype, device=weight.device)
    _to_taps[(9 * channels * channels // 256,)](weight, taps, *weight.stride(), C=channels, BLOCK=256)
    return taps


def convolve(x: Tensor, taps: Tensor, *, flip: bool) -> Tensor:
    """(B, C, H, W) with channels last -> same; `flip`: from the gradient of the output to that of the input."""
    count, channels, height, width = x.shape
    pixels = count * height * width
    out, how = torch.empty_like(x), FORWARD[channels]
    grid = (triton.cdiv(pixels, how["BLOCK"]),)
    _convolve[grid](x, taps, out, pixels, H=height, W=width, C=channels, FLIP=flip, **how)
    return out


def weight_gradient(x: Tensor, gradient: Tensor, weight: Tensor) -> Tensor:
    """Of inputs and the output's gradient, both (B, C, H, W) with channels last: shape and layout of `weight`."""
    count, channels, height, width = x.shape
    pixels, how = count * height * width, GRADIENT[channels]
    splits = triton.cdiv(pixels, how["CHUNK"])
    parts = torch.empty(splits, 9, channels, channels, dtype=torch.float32, device=x.device)
    _weight_gradient[(splits, 3)](x, gradient, parts, pixels, H=height, W=width, C=channels, **how)
    summed = torch.empty_like(weight)
    block = {"SPLITS": splits, "C": channels, "BLOCK": SUMMED, "ROWS": min(128, triton.next_power_of_2(splits))}
    _sum_parts[(9 * channels * channels // SUMMED,)](parts, summed, *summed.stride(), **block)
    return summed
