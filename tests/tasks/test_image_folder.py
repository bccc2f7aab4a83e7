"""Image files against tensors: `digits` written as PNG files learns, in every digit, what a tensor task learns."""

import csv
import multiprocessing
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.datasets import folder as torchvision_folder

from degradation.checks import ConfigError
from degradation.commands.train import train_watched
from degradation.config.runtime import Runtime
from degradation.diagnostics.finished import diagnose
from degradation.records.run import JobFailedError
from degradation.tasks.digits import DigitsTask
from degradation.tasks.image_folder import EXTENSIONS, ImageFolderTask
from degradation.tasks.images import ImageTask
from degradation.tasks.task import Batch, Split
from degradation.training.callbacks import Interrupted, RunFiles
from degradation.training.cohort import Cohort
from degradation.training.engines import Engine
from degradation.training.members import load_task

SETTINGS = {"classes": 10, "train_images": 1297, "channels": 1, "resolution": 8, "augment": True}
RECIPE = [
    "recipe.max_steps=12", "recipe.evaluations=[6]", "recipe.warmup_steps=0", "recipe.schedule=constant",
    "recipe.milestones=[]", "runtime.segment_steps=4", "runtime.checkpoint_every_steps=6", "seeds=[0,3]",
]  # fmt: skip


def save(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, dtype=np.uint8), **options).save(path)


@pytest.fixture(scope="session")
def digits_files(tmp_path_factory):
    """The digits as files, below a data folder; the pixels' values 0 to 16 are the bytes."""
    data = tmp_path_factory.mktemp("data")
    task = DigitsTask("digits").load(data, download=False)
    for part, split in (("train", task.train), ("test", task.test)):
        for number, (image, label) in enumerate(zip(split.inputs, split.targets.tolist(), strict=True)):
            save(data / "digits" / part / str(label) / f"{number:04d}.png", image[0].numpy())
    return data


@pytest.fixture(scope="session")
def as_tensors():
    """The task that holds the digits as tensors, in the files' order: by class, then as in the digits task."""

    def ordered(split):
        order = split.targets.argsort(stable=True)
        return Split(split.inputs[order], split.targets[order])

    task = DigitsTask("digits").load(None, download=False)
    train, test = ordered(task.train), ordered(task.test)
    mean, scale = train.inputs.mean().view(1, 1, 1), train.inputs.std(correction=0).view(1, 1, 1)
    return ImageTask("image_folder", train, test, mean, scale, classes=10, augment=True, pad=1)


@pytest.fixture
def settings(digits_files):
    return ImageFolderTask("image_folder", "digits", **SETTINGS)


@pytest.fixture
def file_config(compose_config, digits_files):
    keys = [f"task.{name}={value}" for name, value in SETTINGS.items()]
    folder = ["task.root=digits", f"runtime.data_dir={digits_files}"]
    networks = ["network.width=4", "depth=8"]

    def composed(*overrides):
        return compose_config(
            "experiment=digits_depth", "task=image_folder", *keys, *folder, *networks, *RECIPE, *overrides
        )

    return composed


MLP = ["network=mlp", "network.init=he", "network.width=16", "depth=4"]


def rows(run, name="records.csv"):
    """Rows without what differs between equal runs."""
    with open(run.path / name, newline="") as file:
        return [{**row, "seconds": "", "commit": ""} for row in csv.DictReader(file)]


def tables(run):
    return {name: rows(run, name) for name in ("records.csv", "curves.csv", "layers.csv")}


def on_tensors(task, monkeypatch, config):
    """The run of `config` on a task of tensors in place of the files."""
    with monkeypatch.context() as patch:
        patch.setattr("degradation.training.fit.load_task", lambda config: task)
        return train_watched(config, config, show_progress=False)


def test_statistics_are_those_of_the_training_images(settings, digits_files, as_tensors):
    task = settings.load(digits_files, download=False)
    torch.testing.assert_close(task.mean, as_tensors.mean, rtol=1e-12, atol=0)
    torch.testing.assert_close(task.scale, as_tensors.scale, rtol=1e-12, atol=0)
    assert (len(task.train), len(task.test), task.input_shape, task.pad) == (1297, 500, (1, 8, 8), 1)
    assert torch.equal(task.train.targets, as_tensors.train.targets)


@pytest.mark.parametrize("workers", [0, 2])
def test_examples_are_those_of_tensors(settings, digits_files, as_tensors, workers):
    files, tensors = settings.load(digits_files, False, workers).train, as_tensors.train
    indices = torch.tensor([3, 1296, 3, 0])
    for ours, theirs in [
        (files.take(indices), tensors.take(indices)),
        *zip(files.parts(500), tensors.parts(500), strict=True),
        *zip(files.parts(400), tensors.parts(400), strict=True),  # the loader again
    ]:
        assert torch.equal(ours.inputs.double(), theirs.inputs)
        assert torch.equal(ours.targets, theirs.targets)
    next(files.parts(100))  # left before its end
    steps = torch.randint(0, 1297, (3, 5, 16), generator=torch.Generator().manual_seed(0))
    for step, (batch, examples) in enumerate(files.steps(Batch(steps, None))):
        assert len(examples) == len(steps[:, step].unique())  # each is read once
        assert torch.equal(examples.take(batch.indices).inputs.double(), tensors.take(steps[:, step]).inputs)
        assert torch.equal(examples.take(batch.indices).targets, tensors.take(steps[:, step]).targets)
    assert step == 4


def test_workers_are_started_within_a_worker_of_joblib(settings, digits_files):
    """Its processes have a way to start others that is no context of a loader's."""
    task, usual = settings.load(digits_files, False, workers=1), multiprocessing.get_start_method()
    import joblib.externals.loky  # noqa: F401 - knows that way

    multiprocessing.set_start_method("loky", force=True)
    try:
        assert len(list(task.test.parts(250))) == 2
    finally:
        multiprocessing.set_start_method(usual, force=True)


def test_the_loader_draws_nothing_from_the_process(settings, digits_files):
    task = settings.load(digits_files, False, workers=2)
    before = torch.get_rng_state()
    list(task.test.parts(250))
    assert torch.equal(torch.get_rng_state(), before)


def interrupted(config, monkeypatch):
    """Train `config` as far as its checkpoint at step 6."""
    original = RunFiles.on_train_batch_end

    def stop_at_6(self, trainer, cohort, *args):
        original(self, trainer, cohort, *args)
        if cohort.step == 6:
            raise Interrupted(143)

    with monkeypatch.context() as patch:
        patch.setattr(RunFiles, "on_train_batch_end", stop_at_6)
        with pytest.raises(SystemExit):
            train_watched(config, config, show_progress=False)


@pytest.mark.parametrize("network", [["seeds=[3]"], [*MLP, "task.augment=false"]], ids=["cifar", "mlp_stacked"])
def test_runs_are_equal_in_every_digit(file_config, as_tensors, monkeypatch, tmp_path, network):
    def elsewhere(name, workers):
        return file_config(*network, f"runtime.runs_dir={tmp_path}/{name}", f"runtime.loader_workers={workers}")

    config = elsewhere("alone", 0)
    assert config.runtime.engine == ("stacked" if "network=mlp" in network else "sequential")
    files = load_task(config)
    tensors = ImageTask(**vars(as_tensors) | {"mean": files.mean, "scale": files.scale, "augment": files.augment})
    expected = tables(on_tensors(tensors, monkeypatch, elsewhere("tensors", 0)))
    networks, layers = (4, 5) if "network=mlp" in network else (2, 8)
    assert [len(table) for table in expected.values()] == [networks, networks * 3, networks * layers * 2]

    run = train_watched(config, config, show_progress=False)
    assert tables(run) == expected
    diagnose("digits_depth", "layers", config.composed["runtime"] | {"engine": "auto"})  # again, from the checkpoint
    assert tables(run) == expected

    with_workers = elsewhere("workers", 2)
    interrupted(with_workers, monkeypatch)
    ran, step = [], Cohort.training_step
    monkeypatch.setattr(Cohort, "training_step", lambda self, *args: ran.append(args[0].start) or step(self, *args))
    assert tables(train_watched(with_workers, with_workers, show_progress=False)) == expected
    assert ran[0] == 6


def test_networks_of_one_by_one_share_what_is_read(file_config, monkeypatch):
    config = file_config()
    engine = Engine(config, load_task(config))
    engine.to_device(torch.device("cpu"))
    engine.configure_optimizers()
    read, original = [], ImageFolderTask.open
    monkeypatch.setattr(ImageFolderTask, "open", lambda self, path: read.append(path) or original(self, path))
    engine.task.train.reader.files.loader = config.task.open
    engine.run(0, 1)
    batches = [engine.task.batches(seed, batch_size=128, start=0, stop=1).indices for seed in (0, 3)]
    assert len(engine.all_groups()) == 4
    assert len(read) == len(torch.stack(batches).unique())


def test_the_graph_engine_is_refused_and_auto_does_without(compose_config):
    keys = ["experiment=digits_depth", "task=image_folder", "task.root=x", "task.classes=2", "task.train_images=200"]
    on_gpu = [*keys, "task.resolution=8", "depth=8", "runtime.device=cuda", *RECIPE]
    assert compose_config(*on_gpu).runtime.engine == "sequential"
    assert compose_config(*[key for key in on_gpu if "task" not in key]).runtime.engine == "graph"
    with pytest.raises(ConfigError, match="task.name=image_folder reads them from files; use runtime.engine=auto"):
        compose_config(*on_gpu, "runtime.engine=graph")


def test_the_order_is_imagefolders(tmp_path):
    assert EXTENSIONS == torchvision_folder.IMG_EXTENSIONS
    for name in ("b/2.png", "b/10.png", "b/sub/1.png", "a/z.PNG", "a/1.jpg", "B/x.png"):
        for part in ("train", "test"):
            save(tmp_path / "x" / part / name, np.zeros((2, 2)))
    (tmp_path / "x/train/a/notes.txt").write_text("no image")
    spec = ImageFolderTask("image_folder", "x", classes=3, train_images=6, channels=1, resolution=2, augment=False)
    expected = torchvision_folder.ImageFolder(str(tmp_path / "x/train"))
    assert [str(file) for file in spec.check(tmp_path)["train"]] == [file for file, _ in expected.samples]
    assert [path.split("/")[0] for path in expected.classes] == ["B", "a", "b"]


def test_colours_and_grey_become_three_channels(tmp_path):
    colours = np.arange(2 * 2 * 3).reshape(2, 2, 3)
    grey, palette = np.full((2, 2), 7), Image.fromarray(colours.astype(np.uint8)).convert("P")
    for part in ("train", "test"):
        save(tmp_path / "x" / part / "a" / "1.png", colours)
        save(tmp_path / "x" / part / "b" / "1.png", grey)
        palette.save(tmp_path / "x" / part / "b" / "2.png")
    spec = ImageFolderTask("image_folder", "x", classes=2, train_images=3, channels=3, resolution=2, augment=False)
    spec.prepare(tmp_path, download=False)
    task = spec.load(tmp_path, download=False)
    taken = task.train.take(torch.arange(2)).inputs
    assert taken[0].tolist() == colours.transpose(2, 0, 1).tolist()
    assert taken[1].unique().tolist() == [7]
    every = torch.cat([part.inputs for part in task.train.parts(2)]).double()
    assert task.mean.flatten().tolist() == pytest.approx(every.mean((0, 2, 3)).tolist())
    assert task.scale.flatten().tolist() == pytest.approx(
        every.transpose(0, 1).flatten(1).std(1, correction=0).tolist()
    )


@pytest.fixture
def small(tmp_path):
    """Two classes of two images a part, below tmp_path/x, and the settings that fit."""
    for part in ("train", "test"):
        for label in "ab":
            for number in range(2):
                save(tmp_path / "x" / part / label / f"{number}.png", np.eye(4) * number * 9)
    spec = ImageFolderTask("image_folder", "x", classes=2, train_images=4, channels=1, resolution=4, augment=False)
    spec.prepare(tmp_path, download=False)
    return tmp_path, spec


def remove(path):
    shutil.rmtree(path)
    return path


SPOILT = {
    "no folder": (lambda x: remove(x / "test"), r"there is no folder .*x/test; task.root names a folder below"),
    "no classes": (lambda x: (remove(x / "train/a"), remove(x / "train/b")), "train holds no folders; one a class"),
    "no images": (lambda x: [file.unlink() for file in (x / "test/b").iterdir()], "test/b holds no images; expected"),
    "class of test": (lambda x: save(x / "test/c/1.png", np.eye(4)), r"x/test has a class c and .*x/train has not"),
    "class of train": (lambda x: remove(x / "test/a"), r"x/train has a class a and .*x/test has not"),
    "image more": (lambda x: save(x / "train/a/7.png", np.eye(4)), "has 5 images and task.train_images is 4"),
    "size": (lambda x: save(x / "test/b/1.png", np.zeros((4, 5))), r"test/b/1.png has 5 x 4 pixels; task.resolution=4"),
    "colours": (lambda x: save(x / "train/b/1.png", np.zeros((4, 4, 3))), r"b/1.png is 'RGB'; allowed: 1, L\."),
    "cut": (
        lambda x: (x / "test/a/1.png").write_bytes((x / "test/a/1.png").read_bytes()[:50]),
        "test/a/1.png cannot be",
    ),
    "no image": (lambda x: (x / "train/a/1.png").write_text("x"), "train/a/1.png cannot be read as an image"),
}


@pytest.mark.parametrize("what", SPOILT)
def test_what_is_wrong_is_said_before_training(small, what):
    data, spec = small
    spoil, message = SPOILT[what]
    spoil(data / "x")
    with pytest.raises(ConfigError, match=message):
        spec.prepare(data, download=False)


def test_other_numbers_of_classes_and_images_without_contrast_are_refused(small):
    data, spec = small
    spec.classes = 3
    with pytest.raises(ConfigError, match="has 2 classes and task.classes is 3"):
        spec.prepare(data, download=False)
    spec.classes = 2
    for file in (data / "x/train").glob("*/*.png"):
        save(file, np.full((4, 4), 3))
    with pytest.raises(ConfigError, match="all pixels of a channel are the same"):
        spec.load(data, download=False)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("task.root=''", "task.root is empty"),
        ("task.classes=1", "task.classes is 1; it must be at least 2"),
        ("task.channels=2", r"task.channels is 2; allowed: 1 \(grey\), 3"),
        ("task.train_images=100", "recipe.batch_size is 128; the image_folder task has only 100 training"),
        ("runtime.loader_workers=-1", "runtime.loader_workers is -1; it must be at least 0"),
        ("network.width=8 task=sine", "takes images"),
    ],
)
def test_wrong_settings_are_refused(file_config, compose_config, key, message):
    if "task=sine" in key:
        with pytest.raises(ConfigError, match=message):
            compose_config("experiment=digits_depth", "depth=8", "task=sine", *RECIPE)
        return
    with pytest.raises(ConfigError, match=message):
        file_config(key)


def test_settings_that_are_not_set_are_named(compose_config):
    with pytest.raises(ConfigError, match="task.root is not set"):
        compose_config("experiment=digits_depth", "depth=8", "task=image_folder", *RECIPE)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_file_that_is_lost_while_training_is_named(file_config, digits_files, tmp_path, monkeypatch, workers):
    shutil.copytree(digits_files / "digits", tmp_path / "data/digits")
    config = file_config(f"runtime.data_dir={tmp_path}/data", f"runtime.loader_workers={workers}")
    task = load_task(config)
    lost = tmp_path / "data/digits/test/9"
    next(lost.iterdir()).unlink()
    monkeypatch.setattr("degradation.training.fit.load_task", lambda config: task)
    with pytest.raises(JobFailedError, match=r"test/9/\d+.png cannot be read as an image \(FileNotFoundError"):
        train_watched(config, config, show_progress=False)


def test_runs_of_before_the_loader_have_no_workers():
    assert Runtime.__dataclass_fields__["loader_workers"].default == 0
