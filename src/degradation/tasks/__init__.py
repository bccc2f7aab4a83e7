"""Tasks: what is learned, as tensors, and the seeded order in which examples are taken."""

from degradation.config import SineTask
from degradation.tasks.base import Task
from degradation.tasks.sine import sine

__all__ = ["Task", "load"]


def load(task: SineTask) -> Task:
    """The data of a configured task."""
    return sine(task)
