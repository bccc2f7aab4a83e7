"""Image tasks: batches, crops and flips as functions of (seed, pass), normalisation, refusals; real CIFAR-10."""

import subprocess
import sys

import pytest
import torch
from torchvision.datasets import CIFAR10

from degradation.checks import ConfigError
from degradation.tasks.cifar10 import Cifar10Task
from degradation.tasks.cifar10_files import FOLDER, MD5, ensure
from degradation.tasks.images import ImageTask, check_images, crop_and_flip
from degradation.tasks.task import Split
from degradation.training.members import load_task
from tests.conftest import ROOT
from tests.processes import run

PARTS = ROOT.parent / "shared" / "cifar10"


@pytest.fixture(scope="session")
def cifar10_folder(tmp_path_factory):
    """The original files, rebuilt from the parts beside the checkout."""
    if not (PARTS / "unpack.py").exists():
        pytest.skip("no CIFAR-10 parts beside the checkout")
    folder = tmp_path_factory.mktemp("cifar10")
    subprocess.run([sys.executable, PARTS / "unpack.py", folder], check=True, capture_output=True)
    return folder


@pytest.fixture
def toy():
    images = torch.randint(0, 256, (10, 3, 6, 6), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 1] * 5)
    mean, scale = images.double().mean(0), torch.tensor(255.0, dtype=torch.float64)
    return ImageTask("toy", Split(images, labels), Split(images, labels), mean, scale, classes=2, augment=True)


def test_digits_are_split_evenly_and_standardised(compose_config):
    config = compose_config("experiment=digits_depth", "depth=8", "recipe=digits", "recipe.max_steps=150")
    task = load_task(config)
    assert (len(task.train), len(task.test), task.input_shape, task.outputs) == (1297, 500, (1, 8, 8), 10)
    again = load_task(config)
    assert torch.equal(task.train.inputs, again.train.inputs)
    for split in (task.train, task.test):
        shares = torch.bincount(split.targets) / len(split)
        assert shares.min() > 0.09
        assert shares.max() < 0.11
    prepared = task.prepare(task.train.inputs)
    assert prepared.mean().item() == pytest.approx(0, abs=1e-9)
    assert prepared.std().item() == pytest.approx(1)
    images = {tuple(image.flatten().tolist()) for image in task.train.inputs}
    assert sum(tuple(image.flatten().tolist()) in images for image in task.test.inputs) == 0


def test_crop_and_flip_against_a_loop():
    images = torch.randn(50, 3, 6, 6)
    draws = torch.stack([torch.randint(0, 9, (50,)), torch.randint(0, 9, (50,)), torch.randint(0, 2, (50,))], dim=1)
    expected = []
    for image, (top, left, flip) in zip(images, draws.tolist(), strict=True):
        padded = torch.zeros(3, 14, 14)
        padded[:, 4:10, 4:10] = image
        crop = padded[:, top : top + 6, left : left + 6]
        expected.append(crop.flip(-1) if flip else crop)
    assert torch.equal(crop_and_flip(images, draws), torch.stack(expected))


def test_no_shift_and_no_flip_is_the_image():
    images = torch.randn(4, 3, 6, 6)
    assert torch.equal(crop_and_flip(images, torch.tensor([[4, 4, 0]] * 4)), images)


def test_batches_are_a_function_of_seed_and_step(toy):
    whole = toy.batches(5, batch_size=4, start=0, stop=30)
    part = toy.batches(5, batch_size=4, start=7, stop=11)
    assert torch.equal(part.indices, whole.indices[7:11])
    assert torch.equal(part.augmentation, whole.augmentation[7:11])
    assert sorted(whole.indices.flatten()[:10].tolist()) == list(range(10))
    shifts, flips = whole.augmentation[..., :2], whole.augmentation[..., 2]
    assert sorted(shifts.unique().tolist()) == list(range(9))
    assert sorted(flips.unique().tolist()) == [0, 1]
    other = toy.batches(6, batch_size=4, start=0, stop=30)
    assert not torch.equal(other.augmentation, whole.augmentation)


def test_training_batch_subtracts_the_mean_before_padding(toy):
    batch = toy.batches(5, batch_size=4, start=0, stop=1)[0]
    images, labels = toy.training_batch(batch)
    plain = (toy.train.inputs[batch.indices].double() - toy.mean) / 255
    assert torch.equal(images, crop_and_flip(plain, batch.augmentation))
    assert torch.equal(labels, toy.train.targets[batch.indices])
    assert toy.to(torch.device("cpu"), torch.float32).training_batch(batch)[0].dtype == torch.float32


def test_loss_error_and_chance(toy):
    predictions = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0], [2.0, 0.0]])
    labels = torch.tensor([0, 1, 1, 1])
    assert toy.error(predictions, labels).item() == 50
    assert toy.loss(predictions, labels).item() == pytest.approx(torch.nn.functional.cross_entropy(predictions, labels))
    assert toy.chance_error == pytest.approx(50)
    assert toy.mean_loss(toy.train) == pytest.approx(0.693147, rel=1e-5)


@pytest.mark.parametrize(
    ("shape", "labels", "message"),
    [
        ((4, 3, 31, 32), [0, 1, 2, 3], r"images of shape \(3, 31, 32\); \(3, 32, 32\) is expected"),
        ((4, 3, 32, 32), [0, 1, 2, 10], "labels from 0 to 10; 0 to 9 are expected"),
        ((4, 3, 32, 32), [-1, 1, 2, 3], "labels from -1 to 3"),
        ((4, 3, 32, 32), [1, 2, 3], "4 images and 3 labels"),
    ],
)
def test_wrong_images_are_refused(shape, labels, message):
    with pytest.raises(ValueError, match=message):
        check_images("x", torch.zeros(shape), torch.tensor(labels), (3, 32, 32), classes=10)


def test_the_published_files_are_those_that_torchvision_takes():
    listed = [*CIFAR10.train_list, *CIFAR10.test_list, [CIFAR10.meta["filename"], CIFAR10.meta["md5"]]]
    assert (CIFAR10.base_folder, [tuple(file) for file in listed]) == (FOLDER, list(MD5.items()))


def test_missing_data_says_where_it_looked(tmp_path):
    with pytest.raises(ConfigError, match=r"CIFAR-10 is not in .*cifar-10-batches-py.* DEGRADATION_DATA"):
        ensure(tmp_path, download=False)


def test_no_data_and_no_network(tmp_path, monkeypatch):
    def offline(*args, **kwargs):
        raise OSError("no route to host")

    monkeypatch.setattr("torchvision.datasets.CIFAR10.download", offline)
    with pytest.raises(ConfigError, match=r"could not be downloaded \(no route to host\)"):
        ensure(tmp_path, download=True)


def test_a_damaged_file_is_named_and_not_unpickled(cifar10_folder, tmp_path, monkeypatch):
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for file in (cifar10_folder / "cifar-10-batches-py").iterdir():
        (folder / file.name).symlink_to(file)
    (folder / "data_batch_3").unlink()
    (folder / "data_batch_3").write_bytes(b"cut")
    monkeypatch.setattr("pickle.load", lambda *args, **kwargs: pytest.fail("unpickled"))
    with pytest.raises(ConfigError, match="data_batch_3 is damaged: its MD5 is not 54ebc095"):
        Cifar10Task("cifar10", "50k", "per_pixel", augment=True, resolution=32).load(tmp_path, download=False)


def test_cifar10_itself(cifar10_folder):
    task = Cifar10Task("cifar10", "50k", "per_pixel", augment=True, resolution=32).load(cifar10_folder, download=False)
    assert (len(task.train), len(task.test), task.input_shape) == (50_000, 10_000, (3, 32, 32))
    assert task.train.inputs.dtype == torch.uint8
    assert torch.bincount(task.train.targets).tolist() == [5000] * 10
    assert task.chance_error == pytest.approx(90)
    part = task.train.inputs[:, 1, 5, 7].double()
    assert task.mean[1, 5, 7].item() == pytest.approx(part.mean().item())
    assert task.mean.mean().item() / 255 == pytest.approx(0.4734, abs=1e-3)  # the known mean over channels

    held = Cifar10Task("cifar10", "45k_5k", "per_channel", augment=True, resolution=32).load(
        cifar10_folder, download=False
    )
    assert (len(held.train), len(held.test)) == (45_000, 5_000)
    assert (held.mean.flatten() / 255).tolist() == pytest.approx([0.4914, 0.4822, 0.4465], abs=2e-3)
    assert (held.scale.flatten() / 255).tolist() == pytest.approx([0.2470, 0.2435, 0.2616], abs=2e-3)

    small = Cifar10Task("cifar10", "50k", "per_pixel", augment=True, resolution=16).load(cifar10_folder, False)
    assert (small.input_shape, small.pad, small.train.inputs.dtype) == ((3, 16, 16), 2, torch.uint8)
    square = task.train.inputs[7, 2, 10:12, 20:22].double().mean().item()
    assert abs(small.train.inputs[7, 2, 5, 10].item() - square) <= 0.5
    shifts = small.batches(0, batch_size=128, start=0, stop=3).augmentation[..., :2]
    assert sorted(shifts.unique().tolist()) == list(range(5))


def test_cifar10_is_trained_on_from_file_to_figure(cifar10_folder, tmp_path):
    arguments = ["-m", "experiment=cifar10_smoke", "hydra/launcher=basic", "logger=none"]
    code, out, err = run(tmp_path, *arguments, f"runtime.data_dir={cifar10_folder}")
    assert code == 0, err
    assert "cifar10_smoke: plain: mean training error" in out
    assert (tmp_path / "results/cifar10_smoke/steps.png").exists()
