"""What tests compare forward and backward passes with: tensors, tolerances, everything that a pass leaves behind."""

import pytest
import torch

MODES = pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])


def shaken(network, seed=0):
    """The network in float64 with every tensor drawn anew: no scale is one, no shift or running mean is zero."""
    network, draw = network.double(), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if name.endswith("running_var") or ("norm" in name and name.endswith("weight")):
                tensor.uniform_(0.5, 1.5, generator=draw)
            elif tensor.is_floating_point():
                tensor.add_(torch.randn(tensor.shape, generator=draw, dtype=tensor.dtype), alpha=0.2)
    return network


def assert_close(ours, theirs, name=""):
    """Equal but for rounding, relative to the largest entry or to one: gradients before a normalisation are zero."""
    scale = max(theirs.abs().max().item(), 1.0)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12 * scale, msg=lambda text: f"{name}: {text}")


def assert_same_passes(ours, theirs, x, renamed):
    """Outputs, gradients of input and parameters, and running statistics."""
    given = [x.clone().requires_grad_(), x.clone().requires_grad_()]
    outputs = ours(given[0]), theirs(given[1])
    assert_close(*outputs, "output")
    upstream = torch.randn(outputs[0].shape, dtype=x.dtype, generator=torch.Generator().manual_seed(1))
    for output in outputs:
        output.backward(upstream)
    assert_close(given[0].grad, given[1].grad, "input")
    their_parameters = dict(theirs.named_parameters())
    gradients = renamed({name: parameter.grad for name, parameter in ours.named_parameters()})
    assert gradients.keys() == their_parameters.keys()
    for name, gradient in gradients.items():
        assert_close(gradient, their_parameters[name].grad, name)
    their_buffers = dict(theirs.named_buffers())
    for name, buffer in renamed(dict(ours.named_buffers())).items():
        assert_close(buffer.double(), their_buffers[name].double(), name)


def images(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))


def outputs_of(modules, forward):
    """What the modules put out in one forward pass, in order; kept as it was before the next layer worked in place."""
    found = []
    hooks = [
        module.register_forward_hook(lambda _module, _x, output: found.append(output.clone())) for module in modules
    ]
    forward()
    for hook in hooks:
        hook.remove()
    return found
