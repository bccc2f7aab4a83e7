"""Rows survive the way to CSV and back; upsert replaces rows of the same key."""

import math

import numpy as np
import pandas as pd
import pytest

from degradation.records.rows import CURVES, KEY, NETWORKS, to_csv
from degradation.records.tables import DamagedTableError, read, upsert

ROW = {
    "experiment": "sine_depth", "digest": "001234567890", "variant": "plain", "depth": 7, "seed": 3,
    "status": "done", "stuck": False, "paired": True, "commit": "1234567", "torch_version": "2.15.0",
    "train_loss": float(np.float32(0.1234567)), "test_loss": 1e-30, "diverged_step": None, "slug": "sine/mlp/depth=007",
}  # fmt: skip


def test_round_trip(tmp_path):
    rows = [ROW, {**ROW, "seed": 4, "train_loss": math.nan, "status": "diverged", "diverged_step": 12}]
    (tmp_path / "t.csv").write_text(to_csv(rows, NETWORKS))
    table = read(tmp_path / "t.csv", NETWORKS)
    assert list(table.columns) == NETWORKS
    first, second = table.to_dict("records")
    assert first["digest"] == "001234567890"  # leading zeros stay
    assert np.float32(first["train_loss"]) == np.float32(0.1234567)
    assert first["test_loss"] == 1e-30
    assert not first["stuck"]
    assert pd.isna(first["diverged_step"])
    assert second["diverged_step"] == 12
    assert math.isnan(second["train_loss"])


@pytest.mark.parametrize("value", [np.float32(1 / 3), np.float32(1e-38), np.float32(16777217), np.float32(-0.1)])
def test_float32_is_written_exactly(value):
    text = to_csv([{"step": 1, "train_loss": float(value)}], ["train_loss"]).splitlines()[1]
    assert np.float32(float(text)) == value


def test_infinity_is_kept():
    assert to_csv([{"train_loss": math.inf}], ["train_loss"]).splitlines()[1] == "inf"


def test_upsert_replaces_and_adds(tmp_path):
    path = tmp_path / "t.csv"
    upsert(path, pd.DataFrame([ROW], columns=NETWORKS), KEY, NETWORKS)
    other, newer = {**ROW, "seed": 1}, {**ROW, "train_loss": 9.0}
    table = upsert(path, pd.DataFrame([newer, other], columns=NETWORKS), KEY, NETWORKS)
    assert table[["seed", "train_loss"]].to_numpy().tolist() == [[1, pytest.approx(0.1234567)], [3, 9.0]]
    before = path.read_bytes()
    upsert(path, read(path, NETWORKS), KEY, NETWORKS)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b'a,b\n"cut', b"experiment,digest\nx,y\n"])
def test_damaged_table_is_named(tmp_path, content):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(DamagedTableError, match="t.csv (is damaged|lacks the columns)"):
        read(path, CURVES)
