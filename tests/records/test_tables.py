"""Rows survive the way to CSV and back; upsert replaces rows of the same key."""

import gzip
import math

import numpy as np
import pandas as pd
import pytest

from degradation.records.columns import CURVES, KEY, NETWORKS, to_csv
from degradation.records.tables import DamagedTableError, at, read, read_text, read_texts, to_text, upsert

ROW = {
    "experiment": "sine_depth", "digest": "001234567890", "variant": "plain", "depth": 7, "seed": 3,
    "status": "done", "stuck": False, "matched": True, "commit": "1234567", "torch_version": "2.15.0",
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
    text = to_csv([{"train_loss": float(value)}], ["train_loss"]).splitlines()[1]
    assert np.float32(float(text)) == value


def test_a_misspelt_column_is_refused():
    with pytest.raises(ValueError, match="train_los: no such column; there are step, train_loss."):
        to_csv([{"step": 1, "train_los": 0.5}], ["step", "train_loss"])


def test_infinity_is_kept():
    assert to_csv([{"train_loss": math.inf}], ["train_loss"]).splitlines()[1] == "inf"


def test_upsert_replaces_and_adds(tmp_path):
    path = tmp_path / "t.csv"
    upsert(path, to_text(pd.DataFrame([ROW], columns=NETWORKS)), KEY, NETWORKS)
    newer, tenth, other = {**ROW, "train_loss": 9.0}, {**ROW, "seed": 10}, {**ROW, "seed": 1}
    upsert(path, to_text(pd.DataFrame([newer, tenth, other], columns=NETWORKS)), KEY, NETWORKS)
    table = read(path, NETWORKS)
    assert table["seed"].tolist() == [1, 3, 10]  # by value, not by text
    assert table["train_loss"].astype("float32").tolist() == [np.float32(0.1234567), 9.0, np.float32(0.1234567)]
    before = path.read_bytes()
    upsert(path, read_text(path, NETWORKS), KEY, NETWORKS)
    upsert(path, to_text(read(path, NETWORKS)), KEY, NETWORKS)
    assert path.read_bytes() == before


def test_a_table_with_a_damaged_key_is_named(tmp_path):
    path = tmp_path / "t.csv"
    rows = to_text(pd.DataFrame([ROW, {**ROW, "seed": 4}], columns=NETWORKS))
    upsert(path, rows, KEY, NETWORKS)
    whole = path.read_text()
    for damaged in (whole.rsplit(",plain,", 1)[0], whole.replace(",plain,7,4,", ",plain,7,t,")):
        path.write_text(damaged)
        with pytest.raises(DamagedTableError, match="t.csv is damaged"):
            upsert(path, rows, KEY, NETWORKS)


def test_many_tables_are_read_as_one(tmp_path):
    paths = [tmp_path / f"{seed}.csv" for seed in range(3)]
    for seed, path in enumerate(paths):
        path.write_text(to_csv([{**ROW, "seed": seed, "slug": 'a "quoted", slug'}], NETWORKS))
    together = read_texts(paths, NETWORKS)
    assert together["seed"].tolist() == ["0", "1", "2"]
    assert together["digest"].tolist() == ["001234567890"] * 3
    assert set(together["slug"]) == {'a "quoted", slug'}
    paths[1].write_text(
        paths[1].read_text().replace("experiment,condition", "condition,experiment", 1)
    )  # other columns
    assert read_texts(paths, NETWORKS)["condition"].tolist() == ["", "sine_depth", ""]
    paths[1].write_text(to_csv([ROW], NETWORKS) + "a" + "," * len(NETWORKS) + "\n")
    with pytest.raises(DamagedTableError, match="1.csv is damaged"):
        read_texts(paths, NETWORKS)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b'a,b\n"cut', b"experiment,digest\nx,y\n"])
def test_damaged_table_is_named(tmp_path, content):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(DamagedTableError, match="t.csv (is damaged|lacks the columns)"):
        read(path, CURVES)


def test_a_compressed_table_is_read_added_to_and_named_if_damaged(tmp_path):
    path, compressed = tmp_path / "t.csv", tmp_path / "t.csv.gz"
    assert at(path) is None
    compressed.write_bytes(gzip.compress(b"seed,x\n0,1\n1,2\n"))
    assert at(path) == compressed
    assert read(path, ["seed", "x"])["x"].tolist() == [1, 2]
    upsert(path, pd.DataFrame({"seed": ["1"], "x": ["5"]}), ["seed"], ["seed", "x"])
    assert path.read_text() == "seed,x\n0,1\n1,5\n"
    assert not compressed.exists()
    compressed.write_bytes(b"no gzip")
    assert at(path) == path
    path.unlink()
    with pytest.raises(DamagedTableError, match="is damaged"):
        read(path, ["seed"])
