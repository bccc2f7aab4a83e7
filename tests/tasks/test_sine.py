import math

import pytest
import torch

from degradation.training.members import load_task


def load(config):
    return load_task(config)


def test_points_and_targets(config):
    task = load(config)
    assert task.train.inputs.shape == task.train.targets.shape == (256, 1)
    assert task.test.inputs.shape == (512, 1)
    assert task.test.inputs[[0, -1]].flatten().tolist() == pytest.approx([-2 * math.pi, 2 * math.pi])
    assert torch.equal(task.train.targets, task.train.inputs.sin())
    assert task.train.inputs.min() >= -2 * math.pi
    assert task.train.inputs.max() <= 2 * math.pi
    # uniform on an interval of length 4 pi: mean 0, standard deviation 4 pi / sqrt(12)
    assert task.train.inputs.std().item() == pytest.approx(4 * math.pi / math.sqrt(12), rel=0.1)


def test_training_set_is_fixed_by_its_seed(compose_config):
    first, again, other = (load(compose_config(f"task.data_seed={seed}")).train.inputs for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_noise_is_on_the_training_targets_only(compose_config):
    noisy = load(compose_config("task.noise=0.1"))
    assert (noisy.train.targets - noisy.train.inputs.sin()).std().item() == pytest.approx(0.1, rel=0.15)
    assert torch.equal(noisy.test.targets, noisy.test.inputs.sin())


def test_domain_and_numbers(compose_config):
    task = load(compose_config("task.low=0", "task.high=1", "task.train_points=50", "task.test_points=3"))
    assert task.test.inputs.flatten().tolist() == pytest.approx([0, 0.5, 1])
    assert len(task.train) == 50
    assert 0 <= task.train.inputs.min() <= task.train.inputs.max() <= 1


def test_loss_is_the_mean_squared_error_of_each_network(config):
    task = load(config)
    predictions, targets = torch.tensor([[[1.0], [2.0]], [[0.0], [0.0]]]), torch.tensor([[1.0], [4.0]])
    assert task.loss(predictions, targets).tolist() == [2.0, 8.5]


def test_mean_loss_predicts_the_training_mean_on_both_sets(config):
    task = load(config)
    mean = task.train.targets.mean()
    assert task.mean_loss(task.train) == pytest.approx(task.train.targets.var(correction=0).item())
    assert task.mean_loss(task.test) == pytest.approx((task.test.targets - mean).square().mean().item())
