"""The contract of a task's settings, and the registry of tasks. Imports no torch."""

from typing import TYPE_CHECKING, Protocol

from degradation.tasks.cifar10 import Cifar10Task
from degradation.tasks.digits import DigitsTask
from degradation.tasks.digits_denoising import DigitsDenoisingTask
from degradation.tasks.identity import IdentityTask
from degradation.tasks.image_folder import ImageFolderTask
from degradation.tasks.sine import SineTask

if TYPE_CHECKING:
    from pathlib import Path

    from degradation.tasks.task import Task


class TaskSpec(Protocol):
    """Settings of a task: a dataclass of the keys of `conf/task/NAME.yaml`, checked when made, and what can be said of
    its data without loading them.

    Attributes:
        name: the name in the registry.
    """

    name: str

    @property
    def classification(self) -> bool:
        """Whether there is an error in percent beside the loss."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of one example: (features,) or (channels, height, width)."""

    @property
    def outputs(self) -> int:
        """Features of a prediction, or classes."""

    @property
    def train_size(self) -> int:
        """Number of training examples."""

    @property
    def test_size(self) -> int | None:
        """Number of test examples; None where only the files tell."""

    @property
    def on_device(self) -> bool:
        """Whether the examples are tensors on the training device; otherwise they are read from files, by steps."""

    def prepare(self, data_dir: "Path", download: bool) -> None:
        """Make sure, before anything is trained, that the data are there and whole.

        Raises:
            ConfigError: they are not, and could not be fetched; it says where they were looked for.
        """

    def load(self, data_dir: "Path", download: bool, workers: int = 0) -> "Task":
        """The data.

        Args:
            workers: processes that read examples ahead where they are not on the device; 0: the job's own process does.

        Raises:
            ConfigError: as `prepare`.
        """


TASKS: dict[str, type[TaskSpec]] = {
    "sine": SineTask,
    "digits": DigitsTask,
    "identity": IdentityTask,
    "digits_denoising": DigitsDenoisingTask,
    "cifar10": Cifar10Task,
    "image_folder": ImageFolderTask,
}
