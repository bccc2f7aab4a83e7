"""The `digits` task: the images of handwritten digits that scikit-learn ships."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from degradation.tasks.images import ImageTask

TRAIN_IMAGES, TEST_IMAGES = 1297, 500
SPLIT_SEED = 0


@dataclass
class DigitsTask:
    """Settings: none but the name."""

    name: str

    classification = True
    outputs = 10
    on_device = True
    input_shape = (1, 8, 8)
    train_size, test_size = TRAIN_IMAGES, TEST_IMAGES

    def prepare(self, data_dir: Path, download: bool) -> None:
        """Nothing is needed: scikit-learn brings the images along."""

    def load(self, data_dir: Path, download: bool, workers: int = 0) -> "ImageTask":
        """1297 training and 500 test images (N, 1, 8, 8), float64; standardised by the training set."""
        import torch
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split

        from degradation.tasks.images import ImageTask, check_images
        from degradation.tasks.task import Split

        loaded = load_digits()
        parts = train_test_split(
            loaded.images, loaded.target, test_size=TEST_IMAGES, random_state=SPLIT_SEED, stratify=loaded.target
        )
        train_images, test_images = (torch.as_tensor(part, dtype=torch.float64).unsqueeze(1) for part in parts[:2])
        train_labels, test_labels = (torch.as_tensor(part, dtype=torch.int64) for part in parts[2:])
        for images, labels in ((train_images, train_labels), (test_images, test_labels)):
            check_images("digits", images, labels, self.input_shape, classes=10)
        return ImageTask(
            name=self.name,
            train=Split(train_images, train_labels),
            test=Split(test_images, test_labels),
            mean=train_images.mean(),
            scale=train_images.std(),
            classes=10,
            augment=False,
        )
