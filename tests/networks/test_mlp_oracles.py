"""Forward and backward passes of the `mlp` family against formulas written out, given the same tensors, in float64.

The formulas are those of He et al. 2015, section 3.2, Ioffe and Szegedy 2015 and Ba et al. 2016.
"""

import math

import numpy as np
import pytest
import torch

from degradation.networks import build as networks
from degradation.networks.mlp_spec import MLPNetwork
from degradation.networks.stack import stack
from degradation.streams import generator
from tests.networks.passes import MODES, assert_close, images, outputs_of, shaken

NORMS = pytest.mark.parametrize("norm", ["none", "batch", "layer"])
EPS, MOMENTUM = 1e-5, 0.1  # of PyTorch's normalisations


def mlp(kind, norm="none", depth=7, width=6, span=3, seed=0, init="default", gain=1.0):
    """A network of the family with shortcuts `none` or `identity`, two inputs and three outputs."""
    settings = MLPNetwork("mlp", width, span, init, norm, "none" if kind == "none" else "identity", gain=gain)
    return networks.build(settings, input_shape=(2,), outputs=3, depth=depth, seed=seed)


def normalised(kind, h, state, name, training):
    """The normalisation of (B, units), and the running statistics that are left."""
    if kind == "none":
        return h
    if kind == "layer":
        mean, variance = h.mean(1, keepdim=True), h.var(1, correction=0, keepdim=True)
        return (h - mean) / (variance + EPS).sqrt()
    mean, variance = h.mean(0), h.var(0, correction=0)
    running = {"running_mean": mean, "running_var": variance * len(h) / (len(h) - 1)}
    if not training:
        mean, variance = state[f"{name}.running_mean"], state[f"{name}.running_var"]
    else:
        for key, value in running.items():
            state[f"{name}.{key}"] = (1 - MOMENTUM) * state[f"{name}.{key}"] + MOMENTUM * value.detach()
    return (h - mean) / (variance + EPS).sqrt()


def written_out(x, state, kind, norm, training, blocks, span):
    """He et al. 2015, section 3.2: y = relu(F(x) + x), F being `span` layers; samples are rows.

    Returns:
        The predictions, all layers' outputs, and all normalisations' outputs. `state` has the running statistics.
    """

    def layer(name, x):
        return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]

    responses = [normalised(norm, layer("stem", x), state, "stem_norm", training)]
    outputs = [responses[0].clamp(min=0)]
    for block in range(blocks):
        x = outputs[-1]
        for place in range(span):
            name = f"blocks.{block}"
            h = layer(f"{name}.layers.{place}", outputs[-1])
            h = normalised(norm, h, state, f"{name}.norms.{place}", training)
            responses.append(h)
            if place == span - 1 and kind == "identity":
                h = h + x
            outputs.append(h.clamp(min=0))
    outputs.append(layer("head", outputs[-1]))
    return outputs[-1], outputs, responses


def copy_of(state):
    return {
        name: tensor.detach().clone().requires_grad_(name.endswith(("weight", "bias")))
        for name, tensor in state.items()
    }


@MODES
@NORMS
@pytest.mark.parametrize("span", [1, 2, 3])
@pytest.mark.parametrize("kind", ["none", "identity"])
def test_mlp_against_the_formula(kind, norm, span, training):
    ours = shaken(mlp(kind, norm, span=span, depth=1 + 2 * span)).train(training)
    state, x = copy_of(ours.state_dict()), images(9, 2)
    written, outputs, responses = written_out(x, state, kind, norm, training, blocks=2, span=span)
    found = outputs_of(ours.norms(), lambda: ours.trace(x))
    for response, expected in zip(found, responses, strict=True):
        assert_close(response.T, expected)
    for name, buffer in ours.named_buffers():
        assert_close(buffer, state[name]) if "running" in name else None
    predictions, traced = ours.trace(x)
    for output, expected in zip(traced, outputs, strict=True):
        assert_close(output.T, expected)
        spread = math.sqrt(np.mean(expected.detach().numpy().std(axis=0) ** 2))
        assert ours.spread(output).item() == pytest.approx(spread, rel=1e-12)
    assert_close(predictions, written)
    assert torch.equal(ours.eval()(x), ours.trace(x)[0])
    upstream = images(9, 3)
    predictions.backward(upstream)
    written.backward(upstream)
    for name, parameter in ours.named_parameters():
        assert_close(parameter.grad, state[name].grad, name)
    names = ["stem", *(f"blocks.{block}.layers.{place}" for block in range(2) for place in range(span)), "head"]
    assert len(ours.weights()) == len(names)
    assert all(torch.equal(w, state[f"{name}.weight"]) for w, name in zip(ours.weights(), names, strict=True))


@MODES
@NORMS
def test_a_stack_of_mlps_against_the_formula(norm, training):
    kinds = ["none", "identity", "identity"]
    singles = [shaken(mlp(kind, norm), seed=number) for number, kind in enumerate(kinds)]
    stacked, x, upstream = stack(singles).train(training), images(3, 9, 2), images(3, 9, 3)
    predictions, traced = stacked.trace(x)
    predictions.backward(upstream)
    assert stacked.spread(traced[1]).shape == (3,)
    for number, (kind, single) in enumerate(zip(kinds, singles, strict=True)):
        state = copy_of(single.state_dict())
        written, outputs, _ = written_out(x[number], state, kind, norm, training, blocks=2, span=3)
        written.backward(upstream[number])
        assert_close(predictions[number], written)
        for output, expected in zip(traced, outputs, strict=True):
            assert_close(output[number].T, expected)
            spread = math.sqrt(np.mean(expected.detach().numpy().std(axis=0) ** 2))
            assert stacked.spread(output)[number].item() == pytest.approx(spread, rel=1e-12)
        for name, parameter in stacked.named_parameters():
            assert_close(parameter.grad[number], state[name].grad, name)
        for name, buffer in stacked.named_buffers():
            if "running" in name:
                assert_close(buffer[number], state[name], name)
        for weight, name in zip(stacked.weights(), ["stem", "blocks.0.layers.0"], strict=False):
            assert torch.equal(weight[number], state[f"{name}.weight"])


def test_initial_tensors_are_drawn_by_name():
    network = mlp("identity", seed=3)
    for name, fan_in in (("stem", 2), ("blocks.1.layers.2", 6), ("head", 6)):
        for tensor in ("weight", "bias"):
            values = network.get_parameter(f"{name}.{tensor}")
            uniform = torch.rand(values.shape, generator=generator(3, "init", f"{name}.{tensor}"))
            torch.testing.assert_close(values.detach(), (2 * uniform - 1) / math.sqrt(fan_in), rtol=1e-6, atol=1e-6)
    he = mlp("identity", seed=3, init="he").blocks[0].layers[1].weight
    normal = torch.randn(he.shape, generator=generator(3, "init", "blocks.0.layers.1.weight"))
    torch.testing.assert_close(he.detach(), normal * math.sqrt(2 / 6), rtol=1e-6, atol=0)


def test_multiply_adds_are_counted_on_one_example_even_where_batch_statistics_need_two():
    assert networks.count_multiply_adds(mlp("identity", "batch"), (2,)) == 2 * 6 + 6 * 6 * 6 + 6 * 3


@pytest.mark.parametrize("span", [1, 3])
def test_he_zero_last_empties_the_last_weight_of_a_block_alone(span):
    for block in mlp("identity", span=span, depth=1 + 2 * span, init="he_zero_last").blocks:
        assert [layer.weight.count_nonzero().item() for layer in block.layers] == [36] * (span - 1) + [0]


def test_orthogonal_layers_keep_norms_times_the_root_of_two():
    network, he = mlp("none", init="orthogonal"), mlp("none", init="he")
    for name, tensor in network.state_dict().items():
        if name.startswith("blocks") and name.endswith("weight"):
            torch.testing.assert_close(tensor @ tensor.T, 2 * torch.eye(6), rtol=0, atol=1e-5)
        else:  # stem, head and biases
            assert torch.equal(tensor, he.state_dict()[name])
    weights = [
        tensor for name, tensor in network.state_dict().items() if name.startswith("blocks") and tensor.ndim == 2
    ]
    assert not torch.allclose(weights[0], weights[1])


@pytest.mark.parametrize("init", ["he", "he_default_bias", "he_zero_last", "orthogonal"])
def test_the_gain_is_a_factor_of_every_weight_and_of_no_bias(init):
    usual, doubled = mlp("identity", init=init).state_dict(), mlp("identity", init=init, gain=2.0).state_dict()
    for name, tensor in usual.items():
        torch.testing.assert_close(doubled[name], tensor * (2 if name.endswith("weight") else 1), rtol=1e-6, atol=0)
