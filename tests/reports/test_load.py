"""Tables for notebooks: whose they are, and which rows."""

import pandas as pd
import pytest

from degradation.checks import ConfigError
from degradation.records.columns import NETWORKS
from degradation.reports.load import load_table


def write(folder, *rows):
    """networks.csv and curves.csv of (digest, seed, condition)."""
    folder.mkdir(parents=True)
    networks = [
        dict.fromkeys(NETWORKS, "")
        | {"experiment": "e", "digest": digest, "variant": "plain", "depth": 4, "seed": seed, "condition": condition}
        for digest, seed, condition in rows
    ]
    pd.DataFrame(networks).to_csv(folder / "networks.csv", index=False)
    keys = ["experiment", "digest", "variant", "depth", "seed"]
    curves = [{key: row[key] for key in keys} | {"step": step} for row in networks for step in (1, 2)]
    pd.DataFrame(curves).to_csv(folder / "curves.csv", index=False)


def test_the_reference_answers_until_there_are_results(tmp_path):
    write(tmp_path / "reference" / "e", ("a", 0, ""))
    assert list(load_table("e", results=tmp_path)["digest"]) == ["a"]
    write(tmp_path / "e", ("b", 0, ""), ("b", 1, ""))
    assert list(load_table("e", results=tmp_path)["digest"]) == ["b", "b"]


def test_rows_of_one_condition_or_of_all(tmp_path):
    write(tmp_path / "e", ("a", 0, ""), ("b", 0, "lr=0.1"), ("b", 1, "lr=0.1"))
    curves = load_table("e", "curves", tmp_path)
    assert (list(curves["digest"]), list(curves["step"])) == (["a", "a"], [1, 2])
    assert list(load_table("e", results=tmp_path, condition="lr=0.1")["seed"]) == [0, 1]
    assert len(load_table("e", "curves", tmp_path, condition="lr=0.1")) == 4
    assert len(load_table("e", "curves", tmp_path, condition=None)) == 6


def test_what_there_is_not_is_said(tmp_path):
    with pytest.raises(ConfigError, match=r"no table 'networks' of e in .*e or .*reference/e; nothing was run"):
        load_table("e", results=tmp_path)
    write(tmp_path / "e", ("a", 0, ""))
    with pytest.raises(ConfigError, match=r"no table 'layers' of e .*; there are curves, networks\."):
        load_table("e", "layers", tmp_path)
