"""The `identity` task: to give back an image as it came in (He et al. 2015, section 3.1)."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from degradation.checks import require
from degradation.tasks.digits import TEST_IMAGES, TRAIN_IMAGES, DigitsTask

if TYPE_CHECKING:
    from degradation.tasks.regression import Regression

SIDE, BRIGHTEST = 8, 16  # of scikit-learn's digits


@dataclass
class IdentityTask:
    """Settings; keys and their meaning: conf/task/identity.yaml."""

    name: str
    channels: int

    classification = False
    on_device = True

    def __post_init__(self) -> None:
        require(
            1 <= self.channels <= TEST_IMAGES,
            f"task.channels is {self.channels}; it must lie between 1 and {TEST_IMAGES}, the digits of the test set.",
        )

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (self.channels, SIDE, SIDE)

    @property
    def outputs(self) -> int:
        return self.channels * SIDE**2

    @property
    def train_size(self) -> int:
        return TRAIN_IMAGES // self.channels

    @property
    def test_size(self) -> int:
        return TEST_IMAGES // self.channels

    def prepare(self, data_dir: Path, download: bool) -> None:
        """Nothing is needed: scikit-learn brings the images along."""

    def load(self, data_dir: Path, download: bool, workers: int = 0) -> "Regression":
        """Inputs (N, channels, 8, 8) from 0 to 1, which ReLUs can pass on, and targets (N, channels 64); float64.

        The digits of the `digits` task in their order, `channels` at a time; those that fill no example are left out.
        """
        from degradation.tasks.regression import Regression
        from degradation.tasks.task import Split

        digits = DigitsTask("digits").load(data_dir, download)
        splits = []
        for part in (digits.train, digits.test):
            assert isinstance(part, Split)
            whole = len(part) // self.channels * self.channels
            images = part.inputs[:whole].reshape(-1, *self.input_shape) / BRIGHTEST
            splits.append(Split(images, images.flatten(1)))
        return Regression(name=self.name, train=splits[0], test=splits[1])
