"""Our convolutions: in Triton's interpreter against float64, and where they are taken. On a GPU: test_cuda.py."""

import json
import subprocess
import sys

import pytest
import torch

from degradation.networks.blocks import Conv3x3, use_small_convolutions
from degradation.networks.compiler import missing_for_kernels
from degradation.networks.small_convolutions import conv3x3, fits
from degradation.training.engines import Engine
from tests.conftest import ROOT
from tests.training.test_engines import trained

needs_triton = pytest.mark.skipif(missing_for_kernels() is not None, reason=missing_for_kernels() or "")
DIGITS = ["experiment=digits_depth", "recipe=digits", "task=digits", "network=cifar", "depth=8", "recipe.max_steps=150"]


@needs_triton
def test_the_kernels_compute_the_convolution_and_its_gradients():
    command = [sys.executable, "-m", "tests.networks.interpreted"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert len(found) == 4 * 2 + 3
    for case, errors in found.items():
        assert all(error < 1e-5 for error in errors), case  # NaN is not
    assert any(max(found[name]) > 0 for name in ("network", "compiled network"))  # it was another computation
    assert found["network"] == found["compiled network"]


class Image:
    """What `fits` looks at."""

    def __init__(self, is_cuda=True, dtype=torch.bfloat16, numbers=2**31 - 1):
        self.is_cuda, self.dtype, self.numbers = is_cuda, dtype, numbers

    def numel(self):
        return self.numbers


@pytest.mark.parametrize(
    ("x", "inputs", "outputs", "stride", "taken"),
    [
        *((Image(), channels, channels, (1, 1), True) for channels in (16, 32, 64)),
        (Image(), 8, 8, (1, 1), False),
        (Image(), 128, 128, (1, 1), False),
        (Image(), 3, 16, (1, 1), False),
        (Image(), 16, 32, (1, 1), False),
        (Image(), 32, 32, (2, 2), False),
        (Image(is_cuda=False), 16, 16, (1, 1), False),
        (Image(dtype=torch.float32), 16, 16, (1, 1), False),
        (Image(dtype=torch.float16), 16, 16, (1, 1), False),
        (Image(numbers=2**31), 16, 16, (1, 1), False),
    ],
)
def test_which_layers_they_take(x, inputs, outputs, stride, taken):
    assert fits(x, inputs, outputs, stride) is taken


def test_only_layers_that_were_told_to_take_them(monkeypatch):
    asked = []
    monkeypatch.setattr("degradation.networks.blocks.fits", lambda *layer: asked.append(layer[1:]) or False)
    layers = torch.nn.Sequential(Conv3x3(16, 16), torch.nn.Sequential(Conv3x3(16, 32, 2)))
    x = torch.zeros(1, 16, 4, 4)
    layers(x)
    assert not asked
    use_small_convolutions(layers)
    layers(x)
    assert asked == [(16, 16, (1, 1)), (16, 32, (2, 2))]


def test_networks_of_a_cohort_are_told(compose_config, monkeypatch):
    config = compose_config(*DIGITS)
    told = []
    monkeypatch.setattr("degradation.training.group.use_small_convolutions", told.append)
    engine = trained(config, steps=1)
    assert isinstance(engine, Engine)
    assert not told
    config.runtime.small_convolutions = True
    engine = trained(config, steps=1)
    assert told == [group.network for group in engine.all_groups()]


def test_shapes_and_layouts_are_known_without_computing():
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        x, weight = torch.empty(2, 16, 4, 6), torch.empty(16, 16, 3, 3)
        output, taps = conv3x3(x, weight)
        of_x, of_weight = torch.ops.degradation.conv3x3_gradients(output, x, taps, weight)
    assert output.shape == of_x.shape == x.shape
    assert output.is_contiguous(memory_format=torch.channels_last)
    assert of_x.is_contiguous(memory_format=torch.channels_last)
    assert taps.shape == (9, 16, 16)
    assert of_weight.stride() == weight.stride()
