"""The learning rate as a function of the step."""

import math

from degradation.config import Recipe


def learning_rate(recipe: Recipe, step: int) -> float:
    """The learning rate of step `step` (0 is the first).

    constant: lr. linear: lr (1 - t). cosine: lr (1 + cos(pi t)) / 2, with t = step / max_steps. steps: lr times gamma
    for every milestone reached. During the first `warmup_steps` steps this is multiplied by (step + 1) / warmup_steps.
    """
    t = step / recipe.max_steps
    factor = {
        "constant": 1.0,
        "linear": 1 - t,
        "cosine": (1 + math.cos(math.pi * t)) / 2,
        "steps": recipe.gamma ** sum(milestone <= step for milestone in recipe.milestones),
    }[recipe.schedule]
    if step < recipe.warmup_steps:
        factor *= (step + 1) / recipe.warmup_steps
    return recipe.lr * factor
