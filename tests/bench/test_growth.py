"""The growth bench, small: its series, its straight lines, its made-up records."""

import sys
from pathlib import Path

import pandas as pd
import pytest
from hydra import initialize_config_dir

from degradation.bench import growth
from degradation.bench.synthetic import write_runs
from degradation.config.composition import all_experiments, defaults_of
from degradation.records.collect import collect
from tests.conftest import ROOT


def test_a_line_and_how_far_points_are_from_it():
    x = pd.Series([1, 2, 3, 4])
    assert growth.straight(x, 3 + 2 * x, "seconds").startswith("Line: 3 + 2 n seconds; R2 1.000, ")
    assert "off by 0%" in growth.straight(x, 3 + 2 * x, "seconds")
    bent = growth.straight(x, x**2, "seconds")  # the line is 5 x - 5, the farthest points are off by one of sixteen
    assert bent == "Line: -5 + 5 n seconds; R2 0.969, the farthest point off by 6% of the largest."


def test_made_up_runs_are_collected_like_real_ones(config, tmp_path):
    assert write_runs(config, 10) == 12  # whole cohorts of 2 variants x 2 seeds
    name = config.experiment.name
    assert collect(tmp_path / "runs" / name, tmp_path / "results" / name) == []
    networks = pd.read_csv(tmp_path / "results" / name / "networks.csv")
    assert sorted(zip(networks["variant"], networks["depth"], networks["seed"], strict=True)) == [
        (variant, depth, seed) for variant in ("plain", "residual") for depth in (4, 7, 10) for seed in (0, 1)
    ]
    curves = pd.read_csv(tmp_path / "results" / name / "curves.csv")
    last = curves[curves["step"] == config.recipe.max_steps].set_index(["variant", "depth", "seed"])["train_loss"]
    pd.testing.assert_series_equal(
        last, networks.set_index(["variant", "depth", "seed"])["train_loss"], check_like=True
    )


def allocate(megabytes):
    return bytearray(megabytes << 20)


def fail():
    raise ZeroDivisionError


def test_memory_is_measured_beyond_that_of_the_process():
    assert growth.measured(allocate, 300)[1] == pytest.approx(300, abs=30)
    assert growth.measured(allocate, 1)[1] < 30


def test_a_measurement_that_fails_says_so():
    with pytest.raises(RuntimeError, match="fail failed"):
        growth.measured(fail)


# in place of sweeps
NOTE = "import sys; open(sys.argv[1], 'a').write(' '.join(sys.argv[2:]) + chr(10))"


def test_every_series_is_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(growth.os, "cpu_count", lambda: 2)
    log = str(tmp_path / "sweeps.txt")
    sizes = growth.Sizes(depths=(1, 4), seeds=(1, 2), cohorts=(1, 2), steps=10, networks=(20,), repeats=1)
    monkeypatch.chdir(tmp_path)
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        defaults, train = defaults_of("sine_smoke"), [sys.executable, "-c", NOTE, log]
        text = growth.bench_growth(defaults, all_experiments(), train, sizes)
    table = pd.read_csv(tmp_path / "results/reference/bench/growth.csv")
    assert list(table) == growth.COLUMNS
    series = {what: list(rows["n"]) for what, rows in table.groupby("what", sort=False)}
    assert series == {
        "layers, 4 networks": [1, 4],
        "networks of 4 layers": [2, 4],
        "cohorts of 4 networks of 4 layers": [1, 2],
        "workers, a sweep of 4 cohorts": [1, 2],
        "networks, collect": [20],
        "networks, report, collect included": [20],
        "networks, verdicts": [20],
    }
    assert (table["seconds"] > 0).all()
    assert text == (tmp_path / "results/reference/bench/growth.md").read_text()
    assert all(f"## {what}" in text for what in series)
    sweep = "-m experiment=sine_smoke logger=none runtime=cpu depth=4,7,10,13 recipe.max_steps=10 recipe.evaluations=3"
    assert Path(log).read_text().splitlines() == [f"{sweep} hydra.launcher.n_jobs={workers}" for workers in (1, 2)]


def test_the_depths_of_the_bench_are_allowed(config):
    for depth in growth.Sizes().depths:
        config.network.check_depth(depth)
