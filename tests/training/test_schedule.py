"""The learning rate of every step against closed forms and PyTorch's own schedulers."""

import math

import pytest
import torch

from degradation.training.schedule import learning_rate


def rates(recipe, depth=10):
    return [learning_rate(recipe, step, depth) for step in range(recipe.max_steps)]


def test_constant(compose_config):
    assert rates(compose_config("recipe.schedule=constant").recipe) == [0.001] * 40


def test_linear_to_zero(compose_config):
    recipe = compose_config("recipe.schedule=linear").recipe
    assert rates(recipe) == pytest.approx([0.001 * (40 - step) / 40 for step in range(40)])
    assert learning_rate(recipe, 40, depth=10) == 0


def test_cosine_to_zero(compose_config):
    recipe = compose_config("recipe.schedule=cosine").recipe
    assert rates(recipe) == pytest.approx([0.0005 * (1 + math.cos(math.pi * step / 40)) for step in range(40)])
    assert learning_rate(recipe, 20, depth=10) == pytest.approx(0.0005)


def test_steps_change_at_the_milestone_itself(compose_config):
    recipe = compose_config("recipe.schedule=steps", "recipe.milestones=[10,30]", "recipe.gamma=0.1").recipe
    assert rates(recipe) == pytest.approx([1e-3] * 10 + [1e-4] * 20 + [1e-5] * 10)


def test_warm_up_rises_linearly_and_then_leaves_the_schedule_alone(compose_config):
    recipe = compose_config("recipe.schedule=constant", "recipe.warmup_steps=4").recipe
    assert rates(recipe) == pytest.approx([0.00025, 0.0005, 0.00075] + [0.001] * 37)
    with_steps = ["recipe.schedule=steps", "recipe.milestones=[2]", "recipe.warmup_steps=4"]
    assert rates(compose_config(*with_steps).recipe)[:5] == pytest.approx([2.5e-4, 5e-4, 7.5e-5, 1e-4, 1e-4])


@pytest.mark.parametrize(
    ("overrides", "scheduler"),
    [
        (["recipe.schedule=linear"], lambda o: torch.optim.lr_scheduler.LinearLR(o, 1.0, 0.0, 40)),
        (["recipe.schedule=cosine"], lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 40)),
        (
            ["recipe.schedule=steps", "recipe.milestones=[7,9]", "recipe.gamma=0.5"],
            lambda o: torch.optim.lr_scheduler.MultiStepLR(o, [7, 9], 0.5),
        ),
    ],
)
def test_against_pytorch(compose_config, overrides, scheduler):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.001)
    reference, expected = scheduler(optimizer), []
    for _ in range(40):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        reference.step()
    assert rates(compose_config(*overrides).recipe) == pytest.approx(expected, abs=1e-12)


def test_he2015_returns_to_its_rate_after_the_warm_up(compose_config):
    """Every step: 0.01 for 400 steps at 110 layers, then 0.1, 0.01 from 32k, 0.001 from 48k."""
    paper = ["recipe=he2015", "recipe.max_steps=64000", "recipe.evaluations=32"]
    recipe = compose_config("experiment=cifar10_depth", "depth=20", *paper).recipe
    shallow = [0.1] * 32000 + [0.01] * 16000 + [0.001] * 16000
    assert rates(recipe, depth=56) == pytest.approx(shallow)
    assert rates(recipe, depth=110) == pytest.approx([0.01] * 400 + shallow[400:])
    assert rates(recipe, depth=1202) == rates(recipe, depth=110)
    assert {0, 2000, 32000, 48000, 64000} <= set(recipe.evaluation_steps)
    assert len(recipe.evaluation_steps) <= 40


def test_a_warm_up_that_ended_early(compose_config):
    warmup = ["recipe.warmup=constant", "recipe.warmup_steps=10", "recipe.schedule=constant"]
    recipe = compose_config(*warmup).recipe
    assert [learning_rate(recipe, step, depth=10, warmup_ended=4) for step in (3, 4, 9)] == [1e-4, 1e-3, 1e-3]
