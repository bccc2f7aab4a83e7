"""Noisy digits: which noise, what is wanted, what is refused."""

import re

import pytest
import torch

from degradation.checks import ConfigError
from degradation.streams import generator
from degradation.tasks.digits import DigitsTask
from degradation.tasks.digits_denoising import DigitsDenoisingTask


def load(noise=0.5, data_seed=3):
    return DigitsDenoisingTask("digits_denoising", noise, data_seed).load(None, download=False)


def test_targets_are_the_clean_images_and_inputs_have_the_streams_noise():
    digits, task = DigitsTask("digits").load(None, download=False), load()
    for part in ("train", "test"):
        split, images = getattr(task, part), getattr(digits, part).inputs
        clean = (images - digits.train.inputs.mean()) / digits.train.inputs.std()
        assert split.inputs.shape == (len(images), 1, 8, 8)
        torch.testing.assert_close(split.targets, clean.reshape(len(images), 64), rtol=0, atol=0)
        noise = torch.randn(images.shape, dtype=torch.float64, generator=generator(3, "data", f"denoising/{part}"))
        torch.testing.assert_close(split.inputs, clean + 0.5 * noise, rtol=0, atol=1e-15)
        assert (split.inputs - clean).std().item() == pytest.approx(0.5, rel=0.02)


def test_the_noise_depends_on_its_seed_alone():
    once, again, other = load(), load(), load(data_seed=4)
    assert torch.equal(once.train.inputs, again.train.inputs)
    assert not torch.equal(once.train.inputs, other.train.inputs)
    assert torch.equal(once.train.targets, other.train.targets)
    assert not torch.equal(once.train.inputs[:500] - once.train.targets[:500].view(-1, 1, 8, 8),
                           once.test.inputs - once.test.targets.view(-1, 1, 8, 8))  # fmt: skip


def test_what_predicting_nothing_costs():
    """Predicting the noisy image costs the noise's variance, the mean image the clean images' variance about it."""
    task = load(noise=1.0)
    left = task.loss(task.test.inputs.flatten(1), task.test.targets).item()
    assert left == pytest.approx(1, rel=0.03)
    train = task.train.targets
    assert task.mean_loss(task.train) == pytest.approx(train.var(0, correction=0).mean().item(), rel=1e-12)


@pytest.mark.parametrize("noise", [0.0, -1.0, float("inf"), float("nan")])
def test_what_is_refused(noise):
    with pytest.raises(ConfigError, match=re.escape(f"task.noise is {noise}; it must be a positive number")):
        DigitsDenoisingTask("digits_denoising", noise, 0)
