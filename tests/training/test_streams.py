"""On a GPU: networks on streams of their own have, bit for bit, the losses that they have one after another."""

import pytest
import torch

from degradation.bench.engines import random_images
from degradation.bench.replay import graph_engine
from degradation.training.switches import Switches
from tests.training.test_engines import assert_same, tensors

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]

TEN = [
    *["experiment=cifar10_depth", "task=cifar10", "network=cifar", "recipe=he2015", "runtime=gpu", "seeds=[0]"],
    *["depth=[20,32,44,56,110]", "recipe.max_steps=64000", "recipe.evaluations=32", "recipe.lr=0.0009765625"],
    "runtime.compile_blocks=false",
]
REPLAYS = 200


@pytest.fixture
def deterministic():
    """cuDNN's kernels without atomic sums; torch's settings are put back."""
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = cudnn.deterministic, cudnn.allow_tf32, matmul.allow_tf32
    cudnn.deterministic = True
    yield
    cudnn.deterministic, cudnn.allow_tf32, matmul.allow_tf32 = before


@pytest.mark.parametrize(
    ("precision", "memory_format"),
    [("fp32", "contiguous"), ("tf32", "contiguous"), ("bf16", "contiguous"), ("bf16", "channels_last")],
)
def test_streams_change_no_loss(compose_config, deterministic, precision, memory_format):
    config = compose_config(*TEN, f"recipe.precision={precision}", f"runtime.memory_format={memory_format}")
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    task, engines = random_images(), []
    for streams in (True, False):
        engine = graph_engine(config, task, Switches(streams=streams))
        engine.run(0, REPLAYS)
        assert len(engine.streams) == (10 if streams else 0)
        engines.append(engine)
    losses = [[group.loss_sum.item() for group in engine.all_groups()] for engine in engines]
    assert losses[0] == losses[1]
    assert_same(*map(tensors, engines), rtol=0, atol=0)
