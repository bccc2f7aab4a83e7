"""The memory estimate against what autograd keeps, and its sentences."""

import re

import pytest
import torch

from degradation.checks import ConfigError
from degradation.networks.build import count_parameters
from degradation.training.members import Member, build
from degradation.training.memory import FIXED, KEPT, check_memory, network_bytes, training_bytes

CIFAR = [
    *["experiment=cifar10_depth", "task=cifar10", "network=cifar", "recipe=he2015", "recipe.max_steps=64000"],
    *["recipe.evaluations=32", "recipe.precision=fp32", "runtime=gpu", "seeds=[0]"],
]


@pytest.mark.parametrize(("depth", "variant"), [(8, "plain"), (20, "plain"), (20, "residual"), (56, "residual")])
def test_layer_sizes_are_what_autograd_keeps(compose_config, depth, variant):
    config = compose_config(*CIFAR, f"depth={depth}")
    network, kept = build(Member(depth, variant, 0), config), {}
    own = {parameter.untyped_storage().data_ptr() for parameter in network.parameters()}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        output = network(torch.randn(4, 3, 32, 32))
    assert output.shape == (4, 10)
    numbers = sum(config.network.layer_sizes(depth, (3, 32, 32)))
    assert sum(kept.values()) == pytest.approx(4 * 4 * KEPT * numbers, rel=0.05)
    assert config.network.weights(depth) == pytest.approx(count_parameters(network), rel=0.05)


def test_the_engine_decides_what_is_held_at_once(compose_config):
    def needed(engine):
        return training_bytes(compose_config(*CIFAR, "depth=[20,56]", f"runtime.engine={engine}")) - FIXED

    config = compose_config(*CIFAR, "depth=20")
    shallow, deep = network_bytes(config, 20), network_bytes(config, 56)
    assert needed("sequential") == deep
    assert needed("graph") == 2 * (shallow + deep)
    half = compose_config(*CIFAR, "depth=20", "recipe.precision=bf16")
    assert network_bytes(half, 20) == pytest.approx(shallow / 2, rel=0.03)


def test_all_ten_networks_of_figure_6_need_less_than_20_gb(compose_config):
    assert 5e9 < training_bytes(compose_config(*CIFAR, "depth=[20,32,44,56,110]")) < 10e9


def test_a_cohort_that_does_not_fit_is_refused_with_the_number_that_does(compose_config):
    config = compose_config(*CIFAR, "depth=[20,110]", "seeds=[0,1,2,3]")
    check_memory(config, training_bytes(config))
    free = FIXED + 3.5 * network_bytes(config, 110)
    expected = (
        f"a cohort of 16 networks needs about {training_bytes(config) / 1e9:.1f} GB of GPU memory and "
        f"{free / 1e9:.1f} GB are free; 3 networks of depth 110 fit. Sweep over depth with a comma list"
    )
    with pytest.raises(ConfigError, match=re.escape(expected)):
        check_memory(config, free)
    with pytest.raises(ConfigError, match="1.0 GB are free, too little for one network of depth 110"):
        check_memory(config, 1e9)
