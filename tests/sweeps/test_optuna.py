"""Hydra's Optuna sweeper on a cohort's objective: docs/hydra.md, Searching settings."""

import csv
import math

import pytest
import yaml

from tests.processes import run


def test_six_trials_search_the_learning_rate_of_a_depth(tmp_path):
    arguments = [
        "hydra/sweeper=optuna", "experiment=sine_smoke", "depth=4", "seeds=[0]", "variants=[residual]", "logger=none",
        "recipe.max_steps=40", "recipe.evaluations=1", "recipe.lr=tag(log, interval(1e-5, 0.1))",
        "hydra.sweeper.n_trials=6", "hydra.sweeper.n_jobs=1", "hydra/launcher=basic",
    ]  # fmt: skip
    code, _, err = run(tmp_path, "-m", *arguments)
    assert code == 0, err
    losses = {}
    for path in tmp_path.glob("runs/sine_smoke/sine/mlp/*/records.csv"):
        with open(path, newline="") as file:
            (row,) = csv.DictReader(file)
        losses[float(row["lr"])] = math.log10(float(row["train_loss"]))
    assert len(losses) == 6
    found = yaml.safe_load((tmp_path / "optimization_results.yaml").read_text())
    best = min(losses, key=losses.__getitem__)
    assert found["best_params"] == {"recipe.lr": pytest.approx(best, rel=1e-6)}
    assert found["best_value"] == pytest.approx(losses[best], rel=1e-6)
