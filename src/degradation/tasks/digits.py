"""The `digits` task: the images of handwritten digits that scikit-learn ships."""

import torch

from degradation.config import DigitsTask
from degradation.tasks.base import Split
from degradation.tasks.images import ImageTask, check_images

TEST_IMAGES = 500
SPLIT_SEED = 0


def digits(task: DigitsTask) -> ImageTask:
    """1297 training and 500 test images (N, 1, 8, 8), float64; standardised by the training set."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    loaded = load_digits()
    parts = train_test_split(
        loaded.images, loaded.target, test_size=TEST_IMAGES, random_state=SPLIT_SEED, stratify=loaded.target
    )
    train_images, test_images = (torch.as_tensor(part, dtype=torch.float64).unsqueeze(1) for part in parts[:2])
    train_labels, test_labels = (torch.as_tensor(part, dtype=torch.int64) for part in parts[2:])
    for images, labels in ((train_images, train_labels), (test_images, test_labels)):
        check_images("digits", images, labels, (1, 8, 8), classes=10)
    return ImageTask(
        name=task.name,
        train=Split(train_images, train_labels),
        test=Split(test_images, test_labels),
        mean=train_images.mean(),
        scale=train_images.std(),
        classes=10,
        augment=False,
    )
