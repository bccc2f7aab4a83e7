"""The `image_folder` task: image files in folders named after their classes, read while networks are trained.

The folder is `runtime.data_dir`/`task.root`. It holds `train/CLASS/*.png` and `test/CLASS/*.png`, of as many classes
and training images as the configuration says, all of one size. What torchvision's ImageFolder takes is taken, in its
order.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from degradation.checks import ConfigError, at_least, one_of, require

if TYPE_CHECKING:
    from PIL.Image import Image

    from degradation.tasks.images import ImageTask

# torchvision.datasets.folder.IMG_EXTENSIONS; to import it takes 10 seconds
EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
MODES = {1: ("1", "L"), 3: ("1", "L", "P", "RGB", "CMYK")}  # Pillow's, of files that become this many channels of bytes
FORMATS = {1: "L", 3: "RGB"}


@dataclass
class ImageFolderTask:
    """Settings; keys and their meaning: conf/task/image_folder.yaml."""

    name: str
    root: str
    classes: int
    train_images: int
    channels: int
    resolution: int
    augment: bool

    classification = True
    on_device = False

    def __post_init__(self) -> None:
        require(bool(self.root), "task.root is empty; the name of a folder below runtime.data_dir is expected.")
        at_least("task.classes", self.classes, 2)
        at_least("task.train_images", self.train_images, 1)
        at_least("task.resolution", self.resolution, 1)
        require(self.channels in FORMATS, f"task.channels is {self.channels}; allowed: 1 (grey), 3 (red, green, blue).")

    @property
    def outputs(self) -> int:
        return self.classes

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (self.channels, self.resolution, self.resolution)

    @property
    def train_size(self) -> int:
        return self.train_images

    test_size = None  # the configuration does not say

    def prepare(self, data_dir: Path, download: bool) -> None:
        """Read every file once. There is nothing to fetch."""
        for files in self.check(data_dir).values():
            for file in files:
                self.open(file)

    def load(self, data_dir: Path, download: bool, workers: int = 0) -> "ImageTask":
        """Files, labels and the training images' statistics, for which each is read once.

        Raises:
            ConfigError: as `prepare`, for the training set.
        """
        from degradation.tasks.image_loader import load

        return load(self, data_dir, workers)

    def check(self, data_dir: Path) -> dict[str, list[Path]]:
        """The files of `train` and `test`, if folders and numbers are as configured.

        Raises:
            ConfigError: what is missing, or other than configured.
        """
        root = data_dir / self.root
        parts = {part: _by_class(root / part) for part in ("train", "test")}
        train, test = parts["train"], parts["test"]
        for one, other, here, there in ((train, test, "train", "test"), (test, train, "test", "train")):
            extra = sorted(set(one) - set(other))
            require(not extra, f"{root / here} has a class {', '.join(extra)} and {root / there} has not.")
        require(
            len(train) == self.classes,
            f"{root / 'train'} has {len(train)} classes and task.classes is {self.classes}; set it to what is there.",
        )
        files = {part: [file for of_class in classes.values() for file in of_class] for part, classes in parts.items()}
        require(
            len(files["train"]) == self.train_images,
            f"{root / 'train'} has {len(files['train'])} images and task.train_images is {self.train_images}; set it "
            "to what is there.",
        )
        return files

    def open(self, path: str | Path) -> "Image":
        """An image file as (resolution, resolution) pixels of `channels` bytes.

        Raises:
            ConfigError: it cannot be read, or is of another size or kind.
        """
        from PIL import Image

        try:
            with Image.open(path) as image:
                size, mode = image.size, image.mode
                fits = size == (self.resolution, self.resolution) and mode in MODES[self.channels]
                converted = image.convert(FORMATS[self.channels]) if fits else image
        except Exception as error:  # a damaged file fails in many ways inside Pillow
            raise ConfigError(f"{path} cannot be read as an image ({type(error).__name__}: {error}).") from error
        require(
            size == (self.resolution, self.resolution),
            f"{path} has {size[0]} x {size[1]} pixels; task.resolution={self.resolution} takes images of "
            f"{self.resolution} x {self.resolution}.",
        )
        one_of(f"task.channels is {self.channels} and Pillow's mode of {path}", mode, MODES[self.channels])
        return converted


def _by_class(folder: Path) -> dict[str, list[Path]]:
    """The image files of each class, in the order of torchvision's ImageFolder.

    Raises:
        ConfigError: there is no such folder, or a class without images.
    """
    if not folder.is_dir():
        raise ConfigError(
            f"there is no folder {folder}; task.root names a folder below runtime.data_dir that holds "
            "train/CLASS/*.png and test/CLASS/*.png."
        )
    classes = {name: list(_images(folder / name)) for name in sorted(_folders(folder))}
    require(bool(classes), f"{folder} holds no folders; one a class is expected.")
    for name, files in classes.items():
        require(bool(files), f"{folder / name} holds no images; expected are files such as *.png.")
    return classes


def _folders(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir() if entry.is_dir()]


def _images(folder: Path) -> Iterator[Path]:
    for within, _, names in sorted(os.walk(folder, followlinks=True)):
        yield from (Path(within) / name for name in sorted(names) if name.lower().endswith(EXTENSIONS))
