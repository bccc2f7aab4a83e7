"""Losses, errors, order, augmentation and normalisation against scikit-learn, torchvision and loops."""

import math

import numpy as np
import pytest
import torch
from sklearn import metrics
from sklearn.datasets import load_digits
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.model_selection import train_test_split
from torchvision.transforms import functional

from degradation import tasks
from degradation.streams import generator
from degradation.tasks.cifar10 import HELD_OUT, SIDE, _shrunk, _statistics
from degradation.tasks.images import PAD, ImageTask, check_images, crop_and_flip, crops_and_flips
from degradation.tasks.order import per_position
from degradation.tasks.task import Batch, Split, Task, permutation

EXACT = {"rel": 1e-12}


def load(config):
    return tasks.load(config.task, config.runtime)


def regression(dtype=torch.float64):
    draw = torch.Generator().manual_seed(0)
    splits = [Split(*(torch.randn(size, 2, generator=draw, dtype=dtype) for _ in "xy")) for size in (7, 5)]
    return Task("toy", *splits)


def classification(pad=4, augment=True):
    """Three classes with unequal frequencies; the most frequent is not the last one."""
    draw = torch.Generator().manual_seed(0)
    labels = torch.tensor([0, 1, 1, 2, 1, 0, 1, 2])
    stored = torch.randint(0, 256, (8, 3, 6, 6), dtype=torch.uint8, generator=draw)
    mean, scale = torch.tensor([10.0, 20.0, 30.0]).double().view(3, 1, 1), torch.tensor([2.0, 3.0, 5.0]).double()
    train, test = Split(stored, labels), Split(stored[:4], torch.tensor([2, 2, 0, 1]))
    return ImageTask("toy", train, test, mean, scale.view(3, 1, 1), classes=3, augment=augment, pad=pad)


def test_mean_squared_error_and_its_baseline_against_scikit_learn():
    task, draw = regression(), torch.Generator().manual_seed(1)
    predictions, targets = (torch.randn(3, 4, 2, generator=draw, dtype=torch.float64) for _ in "pt")
    expected = [metrics.mean_squared_error(*pair) for pair in zip(targets, predictions, strict=True)]
    assert task.loss(predictions, targets).tolist() == pytest.approx(expected, **EXACT)
    assert task.loss(predictions[0], targets[0]).item() == pytest.approx(expected[0], **EXACT)
    dummy = DummyRegressor().fit(task.train.inputs, task.train.targets)
    for split in (task.train, task.test):
        baseline = metrics.mean_squared_error(split.targets, dummy.predict(split.inputs))
        assert task.mean_loss(split) == pytest.approx(baseline, **EXACT)
    single = regression(torch.float32)
    in_double = Task("toy", *(Split(s.inputs.double(), s.targets.double()) for s in (single.train, single.test)))
    assert single.mean_loss(single.test) == pytest.approx(in_double.mean_loss(in_double.test), **EXACT)


def test_what_a_regression_task_says_of_itself():
    task = regression()
    assert (task.outputs, task.input_shape, task.has_errors, task.chance_error) == (2, (2,), False, None)
    assert Task("toy", Split(torch.zeros(4, 5), torch.zeros(4, 3)), task.test).outputs == 3
    errors = task.error(torch.zeros(3, 4, 2), torch.zeros(3, 4, 2))
    assert errors.shape == (3,)
    assert errors.isnan().all()
    assert task.error(torch.zeros(4, 2), torch.zeros(4, 2)).shape == ()
    assert task.prepare(task.train.inputs) is task.train.inputs
    assert task.evaluation_batch == 65536
    batch = Batch(torch.tensor([[2, 5]]), None)
    inputs, targets = task.training_batch(batch)
    assert torch.equal(inputs, task.train.inputs[[2, 5]][None])
    assert torch.equal(targets, task.train.targets[[2, 5]][None])


def test_cross_entropy_error_and_their_baselines_against_scikit_learn():
    task, draw = classification(), torch.Generator().manual_seed(1)
    logits, labels = torch.randn(20, 3, generator=draw, dtype=torch.float64), torch.randint(0, 3, (20,), generator=draw)
    probabilities = logits.exp() / logits.exp().sum(1, keepdim=True)
    assert task.loss(logits, labels).item() == pytest.approx(metrics.log_loss(labels, probabilities), **EXACT)
    wrong = 100 * metrics.zero_one_loss(labels, logits.argmax(1))
    assert wrong not in (0, 50, 100)
    assert task.error(logits, labels).item() == pytest.approx(wrong, **EXACT)
    nothing = np.zeros((8, 1))
    prior = DummyClassifier(strategy="prior").fit(nothing, task.train.targets)
    frequent = DummyClassifier(strategy="most_frequent").fit(nothing, task.train.targets)
    for split in (task.train, task.test):
        expected = metrics.log_loss(split.targets, prior.predict_proba(nothing[: len(split)]), labels=[0, 1, 2])
        assert task.mean_loss(split) == pytest.approx(expected, **EXACT)
    chance = 100 * metrics.zero_one_loss(task.train.targets, frequent.predict(nothing))
    assert task.chance_error == pytest.approx(chance, **EXACT) == 50
    assert (task.outputs, task.input_shape, task.has_errors, task.evaluation_batch) == (3, (3, 6, 6), True, 400)


def test_chance_of_unequal_classes():
    labels = torch.tensor([0] * 7 + [1, 2, 2])
    split = Split(torch.zeros(10, 1, 2, 2), labels)
    task = ImageTask("toy", split, split, torch.zeros(()), torch.ones(()), classes=3, augment=False)
    assert task.chance_error == pytest.approx(30, **EXACT)


@pytest.mark.parametrize("pad", [1, 4])
def test_crops_and_flips_against_torchvision(pad):
    stack = torch.randn(60, 3, 6, 5, generator=torch.Generator().manual_seed(0))
    draws = crops_and_flips(60, torch.Generator().manual_seed(1), pad)
    expected = []
    for image, (top, left, flip) in zip(stack, draws.tolist(), strict=True):
        cropped = functional.crop(functional.pad(image, [pad] * 4), top, left, 6, 5)
        expected.append(functional.hflip(cropped) if flip else cropped)
    assert torch.equal(crop_and_flip(stack, draws, pad), torch.stack(expected))
    assert crop_and_flip(stack, draws, pad).is_contiguous()
    for column in (0, 1):
        assert draws[:, column].unique().tolist() == list(range(2 * pad + 1))
    assert draws[:, 2].unique().tolist() == [0, 1]


def test_published_padding():
    """He et al. 2015, section 4.2: 4 pixels are padded on each side."""
    assert (PAD, SIDE, HELD_OUT) == (4, 32, 5000)
    shifts = crops_and_flips(500, torch.Generator().manual_seed(0))[:, :2]
    assert (shifts.min().item(), shifts.max().item()) == (0, 8)


@pytest.mark.parametrize("augment", [True, False])
def test_a_training_batch_against_torchvision(augment):
    task = classification(pad=2, augment=augment)
    for place in range(3):
        batch = task.batches(5, batch_size=3, start=4, stop=7)[place]
        found, labels = task.training_batch(batch)
        for position, index in enumerate(batch.indices.tolist()):
            image = functional.normalize(task.train.inputs[index].double(), [10.0, 20.0, 30.0], [2.0, 3.0, 5.0])
            if augment:
                top, left, flip = batch.augmentation[position].tolist()
                image = functional.crop(functional.pad(image, [2] * 4), top, left, 6, 6)
                image = functional.hflip(image) if flip else image
            torch.testing.assert_close(found[position], image, rtol=1e-14, atol=0)
        assert torch.equal(labels, task.train.targets[batch.indices])
        assert (batch.augmentation is None) == (not augment)


@pytest.mark.parametrize("batch_size", [1, 4, 5, 13])
def test_order_against_a_loop(batch_size):
    drawn = []  # every pass in turn
    for number in range(14):
        drawn.extend(torch.randperm(5, generator=generator(3, "order", number)).tolist())
    where = {"train_size": 5, "batch_size": batch_size}
    for start in range(3):
        for stop in range(start + 1, 5):
            expected = torch.tensor(drawn[start * batch_size : stop * batch_size]).view(stop - start, batch_size)
            assert torch.equal(per_position(3, "order", permutation, **where, start=start, stop=stop), expected)


def test_no_pass_is_drawn_that_no_step_takes():
    drawn = []

    def draw(size, generator):
        drawn.append(size)
        return torch.arange(size)

    per_position(0, "order", draw, train_size=5, batch_size=5, start=2, stop=4)
    assert drawn == [5, 5]


def test_augmentation_is_drawn_pass_by_pass():
    task = classification(pad=2)
    found = task.batches(5, batch_size=8, start=1, stop=2)
    assert torch.equal(found.augmentation[0], crops_and_flips(8, generator(5, "augmentation", 1), 2))
    assert torch.equal(found.indices[0], torch.randperm(8, generator=generator(5, "order", 1)))


def test_digits_are_those_of_scikit_learn(compose_config):
    task = load(compose_config("experiment=digits_depth", "depth=8", "recipe.max_steps=150"))
    digits = load_digits()
    parts = train_test_split(digits.images, digits.target, test_size=500, random_state=0, stratify=digits.target)
    for split, stored, labels in ((task.train, parts[0], parts[2]), (task.test, parts[1], parts[3])):
        assert np.array_equal(split.inputs.numpy()[:, 0], stored)
        assert np.array_equal(split.targets.numpy(), labels)
    standardised = (parts[1] - parts[0].mean()) / parts[0].std(ddof=1)
    np.testing.assert_allclose(task.prepare(task.test.inputs).numpy()[:, 0], standardised, rtol=1e-12, atol=1e-14)
    assert not task.augment


def test_wrong_digits_are_refused(compose_config, monkeypatch):
    wrong = load_digits()
    wrong.target[0] = 10
    monkeypatch.setattr("sklearn.datasets.load_digits", lambda: wrong)
    monkeypatch.setattr(
        "sklearn.model_selection.train_test_split", lambda *arrays, **_: [a for a in arrays for _ in "ab"]
    )
    with pytest.raises(ValueError, match="digits: labels from 0 to 10; 0 to 9 are expected"):
        load(compose_config("experiment=digits_depth", "depth=8", "recipe.max_steps=150"))


def test_the_noise_of_the_sine_is_added(compose_config):
    task = load(
        compose_config("task.noise=0.5", "task.low=-1", "task.high=3", "task.train_points=6", "recipe.batch_size=6")
    )
    uniform = torch.rand(6, 1, dtype=torch.float64, generator=generator(0, "data", "inputs"))
    normal = torch.randn(6, 1, dtype=torch.float64, generator=generator(0, "data", "noise"))
    torch.testing.assert_close(task.train.inputs, -1 + 4 * uniform, rtol=1e-14, atol=1e-14)
    expected = torch.tensor([[math.sin(x)] for x in task.train.inputs.flatten()], dtype=torch.float64) + normal / 2
    torch.testing.assert_close(task.train.targets, expected, rtol=1e-14, atol=1e-14)


def test_moving_a_task_converts_its_numbers_and_leaves_its_bytes():
    cpu = torch.device("cpu")
    moved = regression().to(cpu, torch.float32)
    for split in (moved.train, moved.test):
        assert split.inputs.dtype == split.targets.dtype == torch.float32
    image = classification().to(cpu, torch.float32)
    assert (image.train.inputs.dtype, image.test.targets.dtype) == (torch.uint8, torch.int64)
    assert image.mean.dtype == image.scale.dtype == torch.float32
    batch = Batch(torch.zeros(2, 3, dtype=torch.int64), None)
    there = batch.to(torch.device("meta"))
    assert there.indices.is_meta
    assert there.augmentation is None
    both = Batch(batch.indices, torch.zeros(2, 3, 3, dtype=torch.int64)).to(torch.device("meta"))
    assert both.augmentation.is_meta
    meta = regression().to(torch.device("meta"), torch.float32)
    assert all(t.is_meta for split in (meta.train, meta.test) for t in (split.inputs, split.targets))


def test_cifar10_normalisations_and_smaller_images_against_numpy():
    stored = torch.randint(0, 256, (7, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    stored[:, 1] //= 2
    pixels = stored.numpy().astype(float)
    mean, scale = _statistics(stored, "per_pixel")
    np.testing.assert_allclose(mean.numpy(), pixels.mean(axis=0), rtol=1e-13)
    assert scale.item() == 255
    mean, scale = _statistics(stored, "per_channel")
    np.testing.assert_allclose(mean.numpy().ravel(), pixels.mean(axis=(0, 2, 3)), rtol=1e-13)
    np.testing.assert_allclose(scale.numpy().ravel(), pixels.std(axis=(0, 2, 3)), rtol=1e-13)
    assert mean.shape == scale.shape == (3, 1, 1)
    squares = pixels.reshape(7, 3, 8, 4, 8, 4).mean(axis=(3, 5))
    assert np.array_equal(_shrunk(stored, 8).numpy(), np.rint(squares).astype(np.uint8))
    assert _shrunk(stored, 32) is stored


@pytest.mark.parametrize("labels", [[0, 1], [1, 9]])
def test_the_first_and_the_last_label_are_allowed(labels):
    check_images("x", torch.zeros(2, 1, 4, 4), torch.tensor(labels), (1, 4, 4), classes=10)
