"""Highway networks: gates of the `mlp` family against equation 3 of Srivastava et al. 2015, written out in float64."""

import re

import pytest
import torch

from degradation.checks import ConfigError
from degradation.networks import build as networks
from degradation.networks.layers import TransformGate
from degradation.networks.mlp_spec import MLPNetwork
from degradation.networks.stack import layout, stack
from tests.networks.passes import assert_close, images, shaken


def settings(shortcut="gate", **changed):
    keys = {"width": 6, "span": 1, "init": "default", "norm": "none", "gate_bias": -2.0 if shortcut == "gate" else 0.0}
    return MLPNetwork(family="mlp", shortcut=shortcut, **(keys | changed))


def highway(depth=4, seed=0, inputs=2, **changed):
    return networks.build(settings(**changed), input_shape=(inputs,), outputs=3, depth=depth, seed=seed)


def written_out(x, state, blocks, span):
    """Outputs of all layers of networks whose samples are rows: y = H(x) T(x) + x (1 - T(x))."""

    def affine(name, x):
        return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]

    outputs = [affine("stem", x).clamp(min=0)]
    for block in range(blocks):
        x = outputs[-1]
        opened = 1 / (1 + (-affine(f"blocks.{block}.gate", x)).exp())
        for place in range(span):
            outputs.append(affine(f"blocks.{block}.layers.{place}", outputs[-1]).clamp(min=0))
        outputs[-1] = outputs[-1] * opened + x * (1 - opened)
    return [*outputs, affine("head", outputs[-1])]


@pytest.mark.parametrize("span", [1, 2])
def test_against_the_equation_written_out(span):
    ours, x = shaken(highway(depth=1 + 3 * span, span=span)), images(5, 2)
    leaves = {name: tensor.clone().requires_grad_() for name, tensor in ours.state_dict().items()}
    expected = written_out(x, leaves, blocks=3, span=span)
    predictions, outputs = ours.trace(x)
    assert len(outputs) == len(expected) == 2 + 3 * span
    for output, theirs in zip(outputs, expected, strict=True):
        assert_close(output.T, theirs)
    upstream = images(5, 3)
    predictions.backward(upstream)
    expected[-1].backward(upstream)
    for name, parameter in ours.named_parameters():
        assert parameter.grad.abs().max() > 0
        assert_close(parameter.grad, leaves[name].grad, name)


@pytest.mark.parametrize("init", ["default", "he", "he_default_bias", "orthogonal"])
def test_gates_begin_as_their_bias_has_it(init):
    network = highway(init=init, gate_bias=-3.0)
    gates = [module for module in network.modules() if isinstance(module, TransformGate)]
    assert len(gates) == 3
    for gate in gates:
        assert gate.bias.tolist() == [-3.0] * 6
        assert gate.weight.std() > 0
        assert gate(torch.zeros(6, 1)).flatten().tolist() == pytest.approx([0.04742587] * 6)


def test_all_other_tensors_are_those_of_the_plain_network():
    gated, plain = highway(init="he").state_dict(), highway(shortcut="none", init="he").state_dict()
    gates = {f"blocks.{block}.gate.{name}" for block in range(3) for name in ("weight", "bias")}
    assert gated.keys() - plain.keys() == gates
    assert all(torch.equal(gated[name], plain[name]) for name in plain)


def test_closed_gates_pass_a_block_by_and_open_ones_leave_the_plain_network():
    plain, x = highway(shortcut="none").double(), images(5, 2)
    stem_alone = highway(depth=1, shortcut="none").double()
    for bias, other in ((-1e3, stem_alone), (1e3, plain)):
        network = highway().double()
        for gate in (module for module in network.modules() if isinstance(module, TransformGate)):
            torch.nn.init.zeros_(gate.weight)
            torch.nn.init.constant_(gate.bias, bias)
        assert_close(network(x), other(x))


@pytest.mark.parametrize("depth", [10, 100])
def test_pinned_sizes_and_the_plain_width_of_as_many_parameters(depth):
    """Srivastava et al. compare 50 highway units with 71 plain ones."""
    gated = highway(depth, inputs=64, width=50)
    plain = highway(depth, inputs=64, width=71, shortcut="none")
    blocks = depth - 1
    assert networks.count_parameters(gated) == 65 * 50 + blocks * 2 * 51 * 50 + 51 * 3
    assert networks.count_parameters(plain) == 65 * 71 + blocks * 72 * 71 + 72 * 3
    assert networks.count_parameters(plain) == pytest.approx(networks.count_parameters(gated), rel=0.05)
    assert networks.count_multiply_adds(gated, (64,)) == 64 * 50 + blocks * 2 * 50 * 50 + 50 * 3


def test_what_is_said_of_it_without_building_it():
    for span, changed, a_layer in ((1, {}, 72), (2, {}, 54), (1, {"shortcut": "none"}, 36)):
        found = settings(span=span, **changed)
        network = found.module(shape=(2,), outputs=3, depth=5)
        gates = [module.weight for module in network.modules() if isinstance(module, TransformGate)]
        hidden = [*network.weights()[1:-1], *gates]
        assert len(network.weights()) == 6
        assert len(network.norms()) == 5
        assert found.layer_multiply_adds((2,)) == a_layer == sum(weight.numel() for weight in hidden) / 4
        assert found.weights(5) == 5 * a_layer


def test_networks_of_other_gate_biases_are_one_stack_and_plain_ones_another():
    nets = [highway(gate_bias=bias, seed=seed).double() for bias in (-1.0, -4.0) for seed in (0, 1)]
    assert len({layout(net) for net in nets}) == 1
    assert layout(highway(shortcut="none")) != layout(nets[0])
    x = images(4, 5, 2)
    assert_close(stack(nets)(x), torch.stack([net(part) for net, part in zip(nets, x, strict=True)]))


@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
def test_mixed_precision(norm):
    """Under autocast layer normalisation puts out float32 and the gate bfloat16."""
    network, x = highway(norm=norm), images(5, 2).float()
    with torch.autocast("cpu", torch.bfloat16):
        found = network.eval()(x)
    torch.testing.assert_close(found.float(), network(x), rtol=0.05, atol=0.05)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"shortcut": "gates"}, "network.shortcut is 'gates'; allowed: none, identity, gate."),
        ({"branch_scale": 0.5}, "network.shortcut=gate mixes and has no sum to scale"),
        ({"shortcut_scale": 0.5}, "network.shortcut=gate mixes and has no sum to scale"),
        ({"init": "he_zero_last"}, "take another network.init than he_zero_last."),
        ({"shortcut": "identity", "gate_bias": -1.0}, "network.gate_bias is -1.0 with network.shortcut=identity"),
        ({"gate_bias": -20.1}, "network.gate_bias is -20.1; it must be between -20 and 20"),
        ({"gate_bias": float("nan")}, "network.gate_bias is nan; it must be between"),
    ],
)  # fmt: skip
def test_what_is_refused(changed, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        settings(**changed)
    assert [settings(gate_bias=bias).gate_bias for bias in (-20, 0.0, 20)] == [-20, 0, 20]
