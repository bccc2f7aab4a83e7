"""The `identity` task: which digits are an example, and that the target is the input."""

import pytest
import torch
from sklearn.datasets import load_digits

from degradation.checks import ConfigError
from degradation.tasks.digits import DigitsTask
from degradation.tasks.identity import IdentityTask


@pytest.mark.parametrize(("channels", "train", "test"), [(1, 1297, 500), (8, 162, 62), (500, 2, 1)])
def test_examples_are_digits_one_a_channel(channels, train, test):
    spec = IdentityTask("identity", channels)
    task, digits = spec.load(None, False), DigitsTask("digits").load(None, False)
    assert (len(task.train), len(task.test)) == (spec.train_size, spec.test_size) == (train, test)
    assert torch.equal(task.train.inputs.reshape(-1, 1, 8, 8) * 16, digits.train.inputs[: train * channels])
    assert torch.equal(task.test.inputs[-1, -1] * 16, digits.test.inputs[test * channels - 1, 0])
    assert torch.equal(task.train.targets, task.train.inputs.flatten(1))
    assert task.outputs == spec.outputs == 64 * channels


def test_pixels_are_what_relus_pass_on():
    images = IdentityTask("identity", 8).load(None, False).train.inputs
    assert images.dtype == torch.float64
    assert (images.min().item(), images.max().item()) == (0, 1)
    assert load_digits().images.max() == 16


def test_the_loss_is_the_mean_over_pixels():
    task = IdentityTask("identity", 8).load(None, False)
    targets = task.train.targets[:5]
    assert task.loss(targets + 0.1, targets).item() == pytest.approx(0.01)
    spread = task.train.targets.var(0, correction=0).mean().item()
    assert task.mean_loss(task.train) == pytest.approx(spread)


@pytest.mark.parametrize("channels", [0, -1, 501])
def test_channels_that_fill_no_example(channels):
    with pytest.raises(ConfigError, match=f"task.channels is {channels}; it must lie between 1 and 500, the digits of"):
        IdentityTask("identity", channels)
