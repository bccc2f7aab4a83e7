"""Families beside `mlp` and `cifar` train on the engines: the graph engine's step, and what is matched with plain."""

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from degradation.training.engines import Engine
from degradation.training.graph import GraphEngine
from degradation.training.members import Member, load_task, matched
from tests.training.conftest import with_runtime
from tests.training.test_engines import assert_same, tensors

SHORT = [
    *[
        "task=digits",
        "recipe=digits",
        "recipe.batch_size=16",
        "recipe.max_steps=6",
        "recipe.lr=0.125",
        "recipe.gamma=0.5",
    ],
    *["recipe.milestones=[3]", "recipe.warmup_steps=2", "seeds=[3]", "runtime.segment_steps=4", "network.width=2"],
]
FAMILIES = {
    "bottleneck": ["task=digits", "network=bottleneck", "depth=11", "variants=[plain,residual,full_preactivation]"],
    "resnext": ["task=digits", "network=bottleneck", "depth=11", "network.groups=2", "network.shortcut=B"],
    "densenet": [
        "task=digits",
        "network=densenet",
        "depth=10",
        "network.bottleneck=true",
        "variants=[plain,concatenated]",
    ],
    "unet": ["network=unet", "depth=8", "task=digits_denoising", "variants=[plain,concatenated]"],
    "conv": ["network=conv", "depth=4", "task=identity", "network.width=8"],
}
each = pytest.mark.parametrize("name", FAMILIES)


def built(config, engine_class):
    engine = engine_class(config, load_task(config))
    engine.to_device(torch.device("cpu"))
    engine.configure_optimizers()
    return engine


@each
def test_the_graph_engines_step_is_the_sequential_one_bitwise(compose_config, called, name):
    config = compose_config(*SHORT, *FAMILIES[name])
    assert config.runtime.engine == "sequential"
    sequential, graph = built(config, Engine), built(called(config), GraphEngine)
    before = {key: tensor.clone() for key, tensor in tensors(graph).items()}
    for engine in (sequential, graph):
        engine.run(0, 6)
    assert_same(tensors(sequential), tensors(graph), rtol=0, atol=0)
    assert not all(torch.equal(before[key], now) for key, now in tensors(graph).items() if key.endswith("weight"))
    assert repr(graph.evaluate()) == repr(sequential.evaluate())


@each
def test_a_step_on_a_pretended_gpu_stays_there(compose_config, monkeypatch, name):
    """Operations on two devices fail, and so does reading a number; see test_graph."""
    config = with_runtime(compose_config(*SHORT, *FAMILIES[name]), device="cuda", engine="graph")
    engine = GraphEngine(config, load_task(config))

    def backward(loss):
        assert loss.is_cuda
        for lane in engine.all_lanes():
            for parameter in lane.network.parameters():
                parameter.grad = torch.empty_like(parameter)

    steps = []
    monkeypatch.setattr(torch.Tensor, "backward", backward)
    monkeypatch.setattr(torch.optim.SGD, "step", steps.append)
    with FakeTensorMode(allow_non_fake_inputs=True):
        for module in engine.modules():
            for named in (module._parameters, module._buffers):
                for key, tensor in named.items():
                    if tensor is not None:
                        moved = torch.empty_like(tensor, device="cuda")
                        named[key] = nn.Parameter(moved) if isinstance(tensor, nn.Parameter) else moved
        engine.to_device(torch.device("cuda"))
        engine.configure_optimizers()
        engine._fill(0, 4)
        engine.warm_up()
        engine.step()
    assert len(steps) == (3 + 1) * len(config.variants)


@pytest.mark.parametrize(
    ("name", "expected"), [("bottleneck", {"plain": True, "residual": True, "full_preactivation": False}),
                           ("resnext", {"plain": True, "residual": False}),
                           ("densenet", {"plain": True, "concatenated": False}),
                           ("unet", {"plain": True, "concatenated": True}),
                           ("conv", {"plain": True, "residual": True})]
)  # fmt: skip
def test_what_is_matched_with_plain(compose_config, name, expected):
    config = compose_config(*SHORT, *FAMILIES[name])
    assert {name: matched(Member(config.depths[0], name, 0), config) for name in config.variants} == expected
