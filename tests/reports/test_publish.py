"""Publishing keeps an experiment's own records and redraws the rest from them."""

import shutil

import pandas as pd
import pytest

from degradation.checks import ConfigError
from degradation.config.composition import defaults_of
from degradation.records.identity import own_conditions
from degradation.reports.experiment import report
from degradation.reports.load import load_table
from degradation.reports.publish import publish
from tests.conftest import ROOT


@pytest.fixture
def defaults(compose_config):
    return defaults_of("digits_budget")


@pytest.fixture
def results(config, tmp_path):
    source = ROOT / "results" / "reference" / "digits_budget"
    shutil.copytree(source, tmp_path / "results" / "digits_budget")
    return tmp_path / "results"


def test_variations_and_old_files_stay_behind(config, defaults, results):
    networks = pd.read_csv(results / "digits_budget" / "networks.csv")
    varied = networks.assign(digest="other", condition="lr=0.3")
    scaled = networks.assign(variant="scaled", digest=own_conditions(defaults)[""].digests["scaled"])
    pd.concat([networks, varied, scaled]).to_csv(results / "digits_budget" / "networks.csv", index=False)
    (results / "reference" / "digits_budget").mkdir(parents=True)
    (results / "reference" / "digits_budget" / "depth,lr=0.3.png").touch()
    folder = publish(defaults, config.runtime)
    published = pd.read_csv(folder / "networks.csv")
    own = [condition.digests[name] for condition in own_conditions(defaults).values() for name in defaults.variants]
    assert set(published["digest"]) == set(own)
    assert len(published) == len(networks) == 2 * 2 * 3 * len(defaults.seeds)  # conditions, variants, depths
    pd.testing.assert_frame_equal(pd.read_csv(folder / "curves.csv"), pd.read_csv(results / "digits_budget/curves.csv"))
    assert not list(folder.glob("*,*"))

    config.runtime.results_dir, config.runtime.runs_dir = str(folder.parent), str(folder)
    report(defaults, config.runtime)
    assert {"README.md", "depth.png", "steps.svg"} <= {file.name for file in folder.iterdir()}


def test_nothing_to_publish(config, defaults, results):
    shutil.rmtree(results / "digits_budget")
    with pytest.raises(ConfigError, match="holds no records of digits_budget as its file has it"):
        publish(defaults, config.runtime)


def test_a_large_table_is_compressed_and_read_all_the_same(config, defaults, results, monkeypatch):
    monkeypatch.setattr("degradation.reports.publish.LARGEST", 20_000)
    source = results / "digits_budget"
    assert (source / "layers.csv").stat().st_size > 20_000
    folder = publish(defaults, config.runtime)
    first = (folder / "layers.csv.gz").read_bytes()
    assert not (folder / "layers.csv").exists()
    pd.testing.assert_frame_equal(pd.read_csv(folder / "layers.csv.gz"), pd.read_csv(source / "layers.csv"))
    assert (
        load_table("digits_budget", "layers", folder.parent, condition=None).shape
        == pd.read_csv(source / "layers.csv").shape
    )
    config.runtime.results_dir, config.runtime.runs_dir = str(folder.parent), str(folder)
    report(defaults, config.runtime)
    assert (folder / "layers.png").exists()
    shutil.rmtree(source)
    shutil.copytree(folder, source)  # and published again from there
    config.runtime.results_dir = str(results)
    assert (publish(defaults, config.runtime) / "layers.csv.gz").read_bytes() == first
    monkeypatch.undo()
    assert (publish(defaults, config.runtime) / "layers.csv").exists()
    assert not (folder / "layers.csv.gz").exists()
