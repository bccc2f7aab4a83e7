"""What names a run and its rows: slugs, digests and cells of tables, by hand."""

import hashlib
import math
from dataclasses import replace
from types import SimpleNamespace

import pandas as pd
import pytest

from degradation.records import identity as identity_module
from degradation.records.columns import to_csv
from degradation.records.identity import base_digest, differences, digest, identity, scientific, short_hash, slug
from degradation.records.run import RunFolder, _differing, make_folder
from degradation.records.tables import DamagedTableError, read, read_text, read_texts, to_text, upsert


def test_a_hash_is_of_sorted_compact_json():
    assert short_hash({"b": [1, 2.5], "a": "x"}) == hashlib.sha256(b'{"a":"x","b":[1,2.5]}').hexdigest()[:12]


def test_the_digest_before_variants_is_that_of_the_variant_that_sets_nothing(compose_config):
    config = compose_config("depth=[4,7]")
    assert base_digest(config) == digest(config, "residual") != digest(config, "plain")
    assert scientific(config).keys() == {"task", "network", "recipe"}
    assert "eps" not in scientific(config)["recipe"]
    assert scientific(config)["network"]["width"] == 30
    assert identity(config) == {
        "digests": {name: digest(config, name) for name in ("plain", "residual")}, "depths": [4, 7], "seeds": [0, 1]
    }  # fmt: skip


def test_differences_of_other_families(compose_config):
    digits = ["experiment=digits_depth", "recipe=digits", "task=digits", "network=cifar", "depth=8"]
    ours, theirs = compose_config(*digits, "recipe.max_steps=150"), compose_config()
    found = differences(ours, theirs)
    assert found["network.span"] == (None, 3)
    assert found["network.family"] == ("cifar", "mlp")
    assert found["recipe.max_steps"] == (150, 40)
    assert "recipe.precision" not in found
    assert differences(theirs, ours)["network.span"] == (3, None)


def changed(config, **values):
    return replace(config, **values)


@pytest.mark.parametrize(
    ("seeds", "text"), [([7, 8, 3], "7-8+3"), ([5, 4], "5+4"), ([1, 3], "1+3"), ([0, 1, 2, 5, 6, 9], "0-2+5-6+9")]
)
def test_seeds_in_a_slug(config, seeds, text):
    assert slug(changed(config, seeds=seeds), config) == f"sine/mlp/depth=004,seeds={text}"


def test_variants_in_a_slug(config):
    for variants in (["residual"], ["plain", "scaled"]):
        expected = f"sine/mlp/depth=004,seeds=3,variants={'+'.join(variants)}"
        assert slug(changed(config, variants=variants, seeds=[3]), config) == expected


def test_texts_in_a_slug(config):
    other = changed(config, recipe=replace(config.recipe, evaluations=[5, 7]))
    assert slug(other, config) == "sine/mlp/depth=004,evaluations=5+7"
    for value, text in (
        ("a b/c+d-e._f", "a_b_c+d-e._f"),
        ([3], "3+"),
        ([], ""),
        ([[1, 2], 3], "1+2+3"),
        (None, "None"),
    ):
        assert identity_module._text(value) == text


def test_where_a_slug_is_cut(config, monkeypatch):
    other = changed(config, seeds=[0, 2, 4])
    name = "depth=004,seeds=0+2+4"
    assert identity_module.SLUG_LENGTH == 120
    monkeypatch.setattr(identity_module, "SLUG_LENGTH", len(name))
    assert slug(other, config) == f"sine/mlp/{name}"
    monkeypatch.setattr(identity_module, "SLUG_LENGTH", len(name) - 1)
    assert slug(other, config) == f"sine/mlp/{name[:-1]}~{short_hash(identity(other))}"


def test_cells_of_a_table():
    rows = [{"a": 1 / 3, "b": None, "c": "x,y"}, {"a": math.nan, "b": True, "c": 3}, {"a": 1e300, "c": ""}]
    assert to_csv(rows, ["a", "b", "c"]) == 'a,b,c\n0.333333333,,"x,y"\n,True,3\n1e+300,,\n'
    with pytest.raises(ValueError, match="^d, e: no such column; there are a, b.$"):
        to_csv([{"e": 1, "d": 2, "a": 3}], ["a", "b"])


def test_tables_of_earlier_versions(tmp_path):
    path = tmp_path / "layers.csv"
    path.write_text("depth,layer,condition\n4,2,\n4,10,lr=1\n")
    columns = ["depth", "layer", "response_sd"]
    assert read(path, columns)["response_sd"].isna().all()
    assert read(path, columns)["condition"].tolist() == ["", "lr=1"]
    assert read_text(path, columns)["response_sd"].tolist() == ["", ""]
    assert read_texts([path, path], columns)["layer"].tolist() == ["2", "10"] * 2
    with pytest.raises(DamagedTableError, match="layers.csv lacks the columns response_sd, norm."):
        read(path, [*columns, "norm"])
    assert to_text(pd.DataFrame({"a": [1 / 3, None], "b": ["NA", "x"]})).values.tolist() == [
        ["0.333333333", "NA"], ["", "x"]
    ]  # fmt: skip


def test_rows_are_replaced_by_key_and_sorted_by_value(tmp_path):
    path, key, columns = tmp_path / "t.csv", ["name", "seed"], ["name", "seed", "value"]

    def table(*rows):
        return pd.DataFrame(rows, columns=columns, dtype="str")

    upsert(path, table(("b", "9", "1"), ("a", "10", "2"), ("b", "9", "3")), key, columns)
    assert path.read_text() == "name,seed,value\na,10,2\nb,9,3\n"
    upsert(path, table(("b", "10", "4"), ("a", "9", "5"), ("a", "10", "6")), key, columns)
    assert path.read_text() == "name,seed,value\na,9,5\na,10,6\nb,9,3\nb,10,4\n"
    path.write_text("name,seed,value\n,9,1\n")
    with pytest.raises(DamagedTableError, match=r"t.csv is damaged \(a row lacks its key\)"):
        upsert(path, table(("a", "1", "1")), key, columns)


def test_a_folder_of_a_run(tmp_path):
    folder = RunFolder(tmp_path)
    folder.write_status("running", step=3)
    assert folder.read_status() == {"state": "running", "step": 3}
    folder.write_json("environment.json", {"a": [1]})
    assert (tmp_path / "environment.json").read_text() == '{\n "a": [\n  1\n ]\n}\n'
    for name in ("config.yaml", "traceback.txt", "b.csv", "last.ckpt"):
        (tmp_path / name).write_text(name)
    folder.write_diagnostic("a.csv", [], ["block"], ["error"])
    folder.finish(step=4)
    status = folder.read_status()
    assert (status["state"], status["step"], status["diagnostics"]) == ("done", 4, {"a.csv": [["block"], ["error"]]})
    assert list(status["files"]) == ["config.yaml", "a.csv", "b.csv"]
    assert status["files"]["b.csv"] == hashlib.sha256(b"b.csv").hexdigest()
    assert (tmp_path / "a.csv").read_text() == "experiment,digest,variant,depth,seed,block,error\n"
    assert not (tmp_path / "traceback.txt").exists()
    folder.finish()


def test_a_folder_is_made_with_its_parents_and_left_empty(tmp_path):
    for _ in range(2):
        make_folder(tmp_path / "a" / "b", "runtime.runs_dir")
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_what_differs_from_a_folder():
    now = SimpleNamespace(composed={"task": {"noise": 0}, "network": {"width": 3}, "recipe": {"lr": 1, "gamma": 2}})
    assert _differing({"config": now.composed}, now) == "another cohort"
    held = {"config": {"task": {"noise": 1}, "network": {"width": 3, "old": 1}, "recipe": {"lr": 1}}}
    assert _differing(held, now) == "task.noise: 1 there, 0 now; recipe.gamma: None there, 2 now"
    nothing = "task.noise: None there, 0 now; network.width: None there, 3 now; recipe.lr: None there, 1 now; "
    assert _differing({}, now) == _differing({"config": None}, now) == nothing + "recipe.gamma: None there, 2 now"
