"""The learning rate as a function of the step."""

import math

from degradation.config import Recipe


def learning_rate(recipe: Recipe, step: int, depth: int, warmup_ended: int | None = None) -> float:
    """The learning rate of step `step` (0 is the first) for a network of `depth` layers.

    constant: lr. linear: lr (1 - t). cosine: lr (1 + cos(pi t)) / 2, with t = step / max_steps. steps: lr times gamma
    for every milestone reached. Networks of at least `warmup_min_depth` layers warm up: during the first `warmup_steps`
    steps this is multiplied by (step + 1) / warmup_steps (linear) or by warmup_factor (constant), then no more. With
    `warmup_until_error` the warm-up may end earlier, at step `warmup_ended`.
    """
    t = step / recipe.max_steps
    factor = {
        "constant": 1.0,
        "linear": 1 - t,
        "cosine": (1 + math.cos(math.pi * t)) / 2,
        "steps": recipe.gamma ** sum(milestone <= step for milestone in recipe.milestones),
    }[recipe.schedule]
    end = recipe.warmup_steps if warmup_ended is None else warmup_ended
    if depth >= recipe.warmup_min_depth and step < end:
        factor *= recipe.warmup_factor if recipe.warmup == "constant" else (step + 1) / recipe.warmup_steps
    return recipe.lr * factor
