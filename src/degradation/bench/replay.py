"""The captured step for a bench: with switches on a GPU, and called in place of captured on the CPU."""

from collections.abc import Callable

import torch

from degradation.bench.loop import Runner
from degradation.config import Config
from degradation.tasks.task import Task
from degradation.training.engines import Engine
from degradation.training.graph import GraphEngine
from degradation.training.switches import Switches


class CalledEngine(GraphEngine):
    """The step that would be captured, called: what a machine without a GPU can run of it."""

    def capture(self) -> Callable[[], None]:
        self.warm_up()
        return self.step


def graph_engine(config: Config, task: Task, switches: Switches) -> GraphEngine:
    """The cohort's engine on its device, ready to run."""
    device = torch.device(config.runtime.device)
    engine = (GraphEngine if device.type == "cuda" else CalledEngine)(config, task, switches=switches)
    engine.to(device)
    engine.to_device(device)
    engine.configure_optimizers()
    return engine


def stepper(engine: Engine) -> Runner:
    """What takes the engine's next steps."""
    taken = 0

    def run(steps: int) -> None:
        nonlocal taken
        engine.run(taken, taken + steps)
        taken += steps

    return run
