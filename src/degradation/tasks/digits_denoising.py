"""The `digits_denoising` task: the images of the `digits` task with noise added; the clean ones are wanted."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from degradation.checks import require
from degradation.tasks.digits import TEST_IMAGES, TRAIN_IMAGES, DigitsTask

if TYPE_CHECKING:
    from degradation.tasks.regression import Regression


@dataclass
class DigitsDenoisingTask:
    """Settings; keys and their meaning: conf/task/digits_denoising.yaml."""

    name: str
    noise: float
    data_seed: int

    classification = False
    outputs = 64
    on_device = True
    input_shape = (1, 8, 8)
    train_size, test_size = TRAIN_IMAGES, TEST_IMAGES

    def __post_init__(self) -> None:
        fits = 0 < self.noise < math.inf
        require(
            fits, f"task.noise is {self.noise}; it must be a positive number: without noise there is nothing to do."
        )

    def prepare(self, data_dir: Path, download: bool) -> None:
        """Nothing is needed: scikit-learn brings the images along."""

    def load(self, data_dir: Path, download: bool, workers: int = 0) -> "Regression":
        """Noisy images (N, 1, 8, 8) and the clean ones' pixels (N, 64), float64, standardised as in `digits`.

        The noise is normal, and each image has one draw of it: epochs see the same noisy images.
        """
        import torch

        from degradation.streams import generator
        from degradation.tasks.regression import Regression
        from degradation.tasks.task import Split

        digits = DigitsTask("digits").load(data_dir, download)
        parts = {}
        for part in ("train", "test"):
            clean = digits.prepare(getattr(digits, part).inputs)
            draw = generator(self.data_seed, "data", f"denoising/{part}")
            noise = torch.randn(clean.shape, dtype=torch.float64, generator=draw)
            parts[part] = Split(clean + self.noise * noise, clean.flatten(1))
        return Regression(name=self.name, **parts)
