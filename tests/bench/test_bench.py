"""The CIFAR-10 bench on the CPU, small: its cases, its table, its floor."""

import pandas as pd
import pytest
import torch

from degradation.bench import engines
from degradation.bench.floor import step_bytes, step_multiply_adds
from degradation.bench.loop import PilImages
from degradation.bench.table import COLUMNS
from degradation.tasks.images import ImageTask
from degradation.tasks.task import Split

SMALL = [
    *["experiment=cifar10_depth", "task=cifar10", "network=cifar", "recipe=he2015", "network.width=2", "depth=8"],
    *["recipe.max_steps=64000", "recipe.evaluations=32", "recipe.batch_size=8", "recipe.precision=fp32"],
]


@pytest.fixture
def images():
    """Forty random images in CIFAR-10's format."""
    drawn = torch.randint(0, 256, (40, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    split = Split(drawn, torch.arange(40) % 10)
    return ImageTask("random", split, split, torch.tensor(127.5), torch.tensor(255.0), classes=10, augment=True)


def test_the_bench_writes_a_row_a_case_and_a_table(compose_config, images, monkeypatch, tmp_path):
    monkeypatch.setattr(engines, "random_images", lambda: images)
    monkeypatch.setitem(engines.EFFORTS, "cpu", engines.Effort(n=2, steps=1, warm_up=1, matrix=64, copy=1 << 16))
    config = compose_config(*SMALL, f"runtime.data_dir={tmp_path}/none")
    for _ in range(2):  # the second call replaces the rows of the first
        text = engines.bench_engines(config)
    folder = tmp_path / "results" / "reference" / "bench"
    assert {path.name for path in folder.iterdir()} == {"cpu.csv", "cpu.md"}
    table = pd.read_csv(folder / "cpu.csv")
    assert list(table) == COLUMNS
    assert [(row.way, row.networks) for row in table.itertuples()] == [
        ("loop", 1),
        ("sequential", 1),
        ("sequential", 2),
    ]
    assert set(table["data"]) == {"random"}
    loop = table[table["way"] == "loop"].iloc[0]
    for row in table.itertuples():
        assert row.ms_min <= row.ms_per_step <= row.ms_max
        assert row.steps_per_second * row.ms_per_step == pytest.approx(1000)
        assert row.images_per_second == pytest.approx(8 * row.steps_per_second)
        ratio = row.networks * row.steps_per_second / loop.steps_per_second
        assert row.times_loop == pytest.approx(ratio)
        floor = max(row.multiply_adds / row.multiply_adds_per_second, row.bytes / row.bytes_per_second)
        assert row.floor_ms == pytest.approx(1000 * floor)
        assert row.floor_share == pytest.approx(row.floor_ms / row.ms_per_step)
    assert text == (folder / "cpu.md").read_text()
    assert text.startswith(
        "# Bench: cpu\n\n## fp32, channels_last\n\nMedian of 2 times 1 steps, batch 8, width 2, random images, "
    )
    assert sum(line.startswith("| ") for line in text.splitlines()) == 2 + 3


def test_on_a_gpu_the_graph_engine_is_timed_alone_as_a_pair_and_with_all_ten(compose_config):
    config = compose_config(*SMALL, "runtime=gpu", "depth=[20,56]")
    found = [
        [(way, each.runtime.engine, each.depths, each.networks) for way, each in ways] for ways in engines.cases(config)
    ]
    for depth, ways in zip((20, 56), found[:2], strict=True):
        assert ways == [
            ("loop", "sequential", [depth], 1),
            ("sequential", "sequential", [depth], 2),
            ("graph", "graph", [depth], 1),
            ("graph", "graph", [depth], 2),
        ]
    assert found[2:] == [[("graph", "graph", [20, 32, 44, 56, 110], 10)]]


def test_multiply_adds_and_bytes_of_a_step(compose_config, images):
    """He et al. 2015: 41 M multiply-adds a forward pass at depth 20; layers of 16, 8 and 4 times 1024 numbers."""
    config = compose_config(*SMALL, "network.width=16", "depth=20", "recipe.batch_size=128", "seeds=[0]")
    assert step_multiply_adds(config, images) / (2 * 3 * 128) == pytest.approx(40.8e6, rel=0.01)
    numbers = 7 * 16384 + 6 * 8192 + 6 * 4096
    assert step_bytes(config) == 128 * 4 * numbers * (16 + 19)


def test_the_loop_takes_images_through_torchvisions_transforms(images):
    dataset = PilImages(images)
    image, label = dataset[13]
    assert (len(dataset), image.shape, image.dtype, label) == (40, (3, 32, 32), torch.float32, 3)
    assert not torch.equal(torch.stack([dataset[13][0] for _ in range(8)]).std(0), torch.zeros(3, 32, 32))
