"""Blocks through torch.compile: the same steps within float32's rounding, one graph a shape, evaluation untouched."""

import pytest
import torch
from torch._dynamo.utils import counters

from degradation.checks import ConfigError
from degradation.networks.compiler import missing_for_compilation
from degradation.sweeps.preflight import preflight
from degradation.training.engines import Engine
from degradation.training.graph import GraphEngine
from tests.training.test_engines import assert_same, tensors, trained
from tests.training.test_graph import EXACT, built

needs_compiler = pytest.mark.skipif(
    missing_for_compilation("cpu") is not None, reason=missing_for_compilation("cpu") or ""
)
SHAPES = 3  # a stage at this depth
CONFIG = [*EXACT, "depth=8", "variants=[residual]", "seeds=[3,4]", "recipe.lr=0.0009765625"]


@needs_compiler
def test_compiled_steps_are_those_of_eager_ones_and_every_shape_is_compiled_once(compose_config, called):
    config = compose_config(*CONFIG, "runtime.compile_blocks=true")
    torch._dynamo.reset()
    counters.clear()
    compiled = trained(config, steps=5)
    assert counters["stats"]["unique_graphs"] == SHAPES  # of 2 networks with 3 blocks each
    eager = trained(compose_config(*CONFIG), steps=5)
    assert_same(tensors(eager), tensors(compiled), rtol=1e-4, atol=1e-5)
    different = [name for name, tensor in tensors(eager).items() if not torch.equal(tensor, tensors(compiled)[name])]
    assert different  # it was another computation

    eager.load_member_states(compiled.member_states())
    assert repr(eager.evaluate()) == repr(compiled.evaluate())  # which is not compiled
    assert counters["stats"]["unique_graphs"] == SHAPES

    sequential, graph = built(config, Engine), built(called(config), GraphEngine)
    for engine in (sequential, graph):
        engine.run(0, 12)
    assert_same(tensors(sequential), tensors(graph), rtol=0, atol=0)
    assert counters["stats"]["unique_graphs"] == SHAPES


def test_without_a_compiler_nothing_is_trained(compose_config, monkeypatch):
    config = compose_config(*EXACT, "runtime.compile_blocks=true")
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(ConfigError, match="needs a compiler and there is no no-such-compiler; install one, or set CXX"):
        preflight([config])
    preflight([compose_config(*EXACT)])
