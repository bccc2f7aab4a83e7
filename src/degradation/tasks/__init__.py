"""Tasks: what is learned, as tensors, and the seeded order in which examples are taken."""

from pathlib import Path

from degradation.config import Cifar10Task, DigitsTask, Runtime, TaskConfig
from degradation.tasks.base import Task
from degradation.tasks.cifar10 import cifar10
from degradation.tasks.digits import digits
from degradation.tasks.sine import sine

__all__ = ["Task", "load"]


def load(task: TaskConfig, runtime: Runtime) -> Task:
    """The data of a configured task.

    Raises:
        ConfigError: files are missing or damaged.
    """
    if isinstance(task, DigitsTask):
        return digits(task)
    if isinstance(task, Cifar10Task):
        return cifar10(task, Path(runtime.data_dir), runtime.download)
    return sine(task)
