"""The switches of the bench on the CPU: the same numbers, bitwise, and the same names in a checkpoint."""

import pytest
import torch
from torch import nn

from degradation.training.graph import GraphEngine
from degradation.training.members import load_task
from degradation.training.switches import NativeNorm, Switches, counted, cudnn_benchmark, use_native_norms
from tests.training.test_engines import assert_same, tensors
from tests.training.test_graph import EXACT

CHANGES = [
    Switches(streams=False),
    Switches(counts="together"),
    Switches(counts="none"),
    Switches(cudnn_norm=False),
    Switches(benchmark=True),
    Switches(deepest_first=True),
]


def built(config, switches=None):
    engine = GraphEngine(config, load_task(config), switches=switches)
    engine.to_device(torch.device("cpu"))
    engine.configure_optimizers()
    return engine


def without_counts(engine):
    return {name: tensor for name, tensor in tensors(engine).items() if not name.endswith("num_batches_tracked")}


@pytest.mark.parametrize("switches", CHANGES, ids=str)
def test_a_switch_changes_no_number_and_checkpoints_fit(compose_config, called, switches):
    config = called(compose_config(*EXACT, "depth=[8,14]"))
    usual, other = built(config), built(config, switches)
    for engine in (usual, other):
        engine.run(0, 24)
    assert tensors(usual).keys() == tensors(other).keys()
    assert_same(without_counts(usual), without_counts(other), rtol=0, atol=0)
    counts = {int(tensor) for name, tensor in tensors(other).items() if name.endswith("num_batches_tracked")}
    assert counts == ({0} if switches.counts == "none" else {24})
    assert repr(usual.evaluate()) == repr(other.evaluate())
    again = built(config)
    again.load_member_states(other.member_states())
    assert_same(tensors(other), tensors(again), rtol=0, atol=0)


def test_native_norms_hold_the_tensors_of_those_they_replace():
    network = nn.Sequential(nn.BatchNorm2d(3), nn.Sequential(nn.BatchNorm2d(2)))
    before = network.state_dict(keep_vars=True)
    use_native_norms(network)
    assert [type(module) for module in network.modules()].count(NativeNorm) == 2
    assert all(tensor is before[name] for name, tensor in network.state_dict(keep_vars=True).items())


def test_counts_are_put_back_when_a_step_fails():
    norm = nn.BatchNorm2d(3)
    with pytest.raises(ValueError, match="expected 4D input"), counted(norm, "together"):
        norm(torch.zeros(1))
    assert norm.num_batches_tracked == 0


def test_cudnn_chooses_by_time_in_the_warm_up_alone():
    with cudnn_benchmark(True):
        assert torch.backends.cudnn.benchmark
    assert not torch.backends.cudnn.benchmark


def test_the_deepest_networks_come_first(compose_config, called, monkeypatch):
    order = []
    monkeypatch.setattr(
        "degradation.training.graph.Lane.device_step", lambda lane, *args: order.append(lane.members[0].depth)
    )
    built(called(compose_config(*EXACT, "depth=[8,20,14]")), Switches(deepest_first=True)).step()
    assert order == [20, 20, 14, 14, 8, 8]
