"""The recipe: optimizer, schedule in steps, batch size, precision, and when networks are evaluated."""

from dataclasses import dataclass, field
from typing import Any

from degradation.checks import at_least, one_of, positive, require

SCHEDULES = ("constant", "linear", "steps", "cosine")
ADAM_EPS = 1e-8  # PyTorch's


@dataclass
class Recipe:
    """How networks are trained; steps are steps of the cohort. Keys and their meaning: conf/recipe/base.yaml."""

    optimizer: str
    lr: float
    momentum: float
    weight_decay: float
    batch_size: int
    max_steps: int
    schedule: str
    milestones: list[int]
    gamma: float
    warmup_steps: int
    warmup: str
    warmup_factor: float
    warmup_min_depth: int
    warmup_until_error: float | None
    warmup_window_steps: int
    evaluations: Any
    precision: str
    eps: float = field(default=ADAM_EPS, metadata={"absent": ADAM_EPS})

    def __post_init__(self) -> None:
        one_of("recipe.optimizer", self.optimizer, ("adam", "sgd"))
        one_of("recipe.schedule", self.schedule, SCHEDULES)
        one_of("recipe.precision", self.precision, ("fp32", "tf32", "bf16", "fp64"))
        positive("recipe.lr", self.lr)
        positive("recipe.gamma", self.gamma)
        require(0 <= self.momentum < 1, f"recipe.momentum is {self.momentum}; it must be at least 0 and below 1.")
        require(
            self.optimizer == "sgd" or self.momentum == 0,
            f"recipe.momentum is {self.momentum} with recipe.optimizer=adam, which does not use it; set it to 0.",
        )
        positive("recipe.eps", self.eps)
        require(
            self.optimizer == "adam" or self.eps == ADAM_EPS,
            f"recipe.eps is {self.eps} with recipe.optimizer={self.optimizer}, which does not use it.",
        )
        at_least("recipe.weight_decay", self.weight_decay, 0)
        at_least("recipe.batch_size", self.batch_size, 1)
        at_least("recipe.max_steps", self.max_steps, 1)
        require(
            0 <= self.warmup_steps < self.max_steps,
            f"recipe.warmup_steps is {self.warmup_steps}; it must be at least 0 and below "
            f"recipe.max_steps={self.max_steps}.",
        )
        self._check_warmup()
        self._check_milestones()
        self._check_evaluations()

    def _check_warmup(self) -> None:
        one_of("recipe.warmup", self.warmup, ("linear", "constant"))
        positive("recipe.warmup_factor", self.warmup_factor)
        at_least("recipe.warmup_window_steps", self.warmup_window_steps, 1)
        if self.warmup_until_error is not None:
            require(
                self.warmup == "constant" and self.warmup_steps > 0,
                "recipe.warmup_until_error needs recipe.warmup=constant and recipe.warmup_steps, the most it may take.",
            )
            require(
                0 < self.warmup_until_error < 100,
                f"recipe.warmup_until_error is {self.warmup_until_error}; it is a percentage between 0 and 100.",
            )

    def _check_milestones(self) -> None:
        steps = self.milestones
        require(
            self.schedule == "steps" or not steps,
            f"recipe.milestones is {steps} with recipe.schedule={self.schedule}, which does not use them; "
            "set recipe.schedule=steps or recipe.milestones=[].",
        )
        require(
            self.schedule != "steps" or bool(steps), "recipe.schedule=steps needs recipe.milestones, a list of steps."
        )
        require(
            steps == sorted(set(steps)) and all(0 < step < self.max_steps for step in steps),
            f"recipe.milestones is {steps}; the steps must rise and lie between 0 and "
            f"recipe.max_steps={self.max_steps}.",
        )

    def _check_evaluations(self) -> None:
        steps = self.evaluations
        if isinstance(steps, int) and not isinstance(steps, bool):
            at_least("recipe.evaluations", steps, 1)
            return
        integers = isinstance(steps, list) and all(isinstance(step, int) for step in steps)
        require(integers, f"recipe.evaluations is {steps!r}; it must be a number of evaluations or a list of steps.")
        require(
            all(0 <= step <= self.max_steps for step in steps),
            f"recipe.evaluations is {steps}; the steps must lie between 0 and recipe.max_steps={self.max_steps}.",
        )

    @property
    def evaluation_steps(self) -> list[int]:
        """Steps at which the networks are evaluated, rising: 0, the configured ones, milestones, the last."""
        if isinstance(self.evaluations, int):
            chosen = [round(self.max_steps * k / self.evaluations) for k in range(self.evaluations)]
        else:
            chosen = self.evaluations
        return sorted({0, *chosen, *self.milestones, self.max_steps})
