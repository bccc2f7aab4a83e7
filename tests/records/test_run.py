"""The folder of a run: done, damaged, another's; and collecting."""

import json

import pytest
import yaml

from degradation.checks import ConfigError
from degradation.records.collect import collect
from degradation.records.columns import CURVES, NETWORKS
from degradation.records.environment import environment
from degradation.records.files import write_text
from degradation.records.run import DamagedRunError, Run, RunFolder
from degradation.records.tables import read


def row(config, run, seed=0):
    key = {"experiment": config.experiment.name, "digest": "d", "variant": "plain", "depth": 4, "seed": seed}
    return {**key, "train_loss": 0.5, "slug": run.slug, "status": "done", "stuck": False}


def point(config, seed=0):
    key = {"experiment": config.experiment.name, "digest": "d", "variant": "plain", "depth": 4, "seed": seed}
    return {**key, "step": 40, "train_loss": 0.5}


@pytest.fixture
def finished(config):
    run = Run(config, config)
    run.path.mkdir(parents=True)
    run.write_config()
    run.write_rows("records.csv", [row(config, run)], NETWORKS)
    run.write_rows("curves.csv", [point(config)], CURVES)
    run.finish(step=40, max_steps=40)
    return run


def test_a_finished_run_is_done(finished):
    assert finished.is_done()
    assert set(finished.read_status()["files"]) == {"records.csv", "curves.csv", "config.yaml"}


def test_a_running_run_is_not_done(config):
    run = Run(config, config)
    assert not run.is_done()
    run.path.mkdir(parents=True)
    run.write_status("running", step=3)
    assert not run.is_done()


@pytest.mark.parametrize("name", ["records.csv", "curves.csv"])
@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b.replace(b"0.5", b"0.6")])
def test_damaged_files_are_named(finished, name, damage):
    path = finished.path / name
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DamagedRunError, match=f"{name} is damaged"):
        finished.is_done()


def test_a_damaged_configuration_is_damage_and_not_another_configuration(finished):
    path = finished.path / "config.yaml"
    path.write_text(path.read_text().replace("seeds:", "seed_:", 1))
    finished.check_identity()
    with pytest.raises(DamagedRunError, match="config.yaml is damaged"):
        finished.is_done()
    finished.write_status("interrupted")  # of which no checksum is known
    with pytest.raises(ConfigError, match="another configuration"):
        finished.check_identity()


def test_a_lost_file_is_named(finished):
    (finished.path / "curves.csv").unlink()
    with pytest.raises(DamagedRunError, match="curves.csv is missing"):
        finished.is_done()


@pytest.mark.parametrize("content", ["", "{", "[]", "\0\0\0", '{"state": "done"}'])
def test_a_damaged_status_is_named(finished, content):
    (finished.path / "status.json").write_text(content)
    with pytest.raises(DamagedRunError, match="status.json is damaged"):
        finished.is_done()


def test_clear_forgets_the_run(finished):
    finished.clear()
    assert not finished.is_done()


def test_folder_of_another_configuration_is_refused(finished, compose_config):
    changed = compose_config("recipe.lr=0.5")
    with pytest.raises(ConfigError, match=r"another configuration \(recipe.lr: 0.001 there, 0.5 now\)"):
        Run(changed, changed).check_identity()  # the experiment's own file was edited: the same slug
    Run(changed, compose_config()).check_identity()  # a variation: another slug
    finished.check_identity()


def test_a_run_of_an_earlier_version_is_refused_and_left_out(finished, tmp_path):
    document = yaml.safe_load((finished.path / "config.yaml").read_text())
    document["identity"] = {"digest": "adcf0d5f45e8", "depths": [4], "variants": ["plain"], "seeds": [0]}
    (finished.path / "config.yaml").write_text(yaml.safe_dump(document))
    finished.finish()
    with pytest.raises(ConfigError, match="was made by an earlier version of this suite, whose runs cannot be cont"):
        finished.check_identity()
    lines = (finished.path / "records.csv").read_text().replace("matched", "paired", 1)
    (finished.path / "records.csv").write_text(lines)
    finished.finish()
    (sentence,) = collect(finished.path.parents[2], tmp_path / "results")
    assert sentence == f"{finished.path} was made by an earlier version of this suite."


def test_a_diagnostic_is_declared_and_collected(finished, tmp_path):
    key = {"experiment": "sine_depth", "digest": "d", "variant": "plain", "depth": 4, "seed": 0}
    before = finished.read_status()
    rows = [key | {"block": 2, "error": 1.5}, key | {"block": 1, "error": 0.5}]
    for _ in range(2):  # again, in its place
        RunFolder(finished.path).add_diagnostic("lesion.csv", rows, ["block"], ["error"])
    assert finished.is_done()
    after = finished.read_status()
    assert after["diagnostics"] == {"lesion.csv": [["block"], ["error"]]}
    assert before["files"].items() <= after["files"].items()
    assert (after["step"], after["max_steps"]) == (40, 40)
    assert collect(finished.path.parents[2], tmp_path / "results") == []
    table = read(tmp_path / "results" / "lesion.csv", ["block", "error"])
    assert table[["block", "error"]].values.tolist() == [[1, 0.5], [2, 1.5]]


def test_a_diagnostic_that_is_cut_short_leaves_the_run_whole(finished, monkeypatch):
    RunFolder(finished.path).add_diagnostic("lesion.csv", [], ["block"], ["error"])
    monkeypatch.setattr(RunFolder, "finish", lambda self, **values: pytest.fail("killed"))
    with pytest.raises(pytest.fail.Exception):
        RunFolder(finished.path).add_diagnostic("lesion.csv", [{"depth": 4}], ["block"], ["error"])
    assert finished.is_done()


def test_unwritable_folder_is_refused(compose_config, tmp_path):
    (tmp_path / "file").write_text("")
    config = compose_config(f"runtime.runs_dir={tmp_path}/file/runs")
    with pytest.raises(ConfigError, match="cannot be written to .* set runtime.runs_dir"):
        Run(config, config).lock()


def test_collect_takes_finished_runs_and_names_damaged_ones(finished, compose_config, tmp_path):
    results = tmp_path / "results"
    config = compose_config("seeds=[5]")
    other = Run(config, compose_config())
    other.path.mkdir(parents=True)
    other.write_rows("records.csv", [row(config, other, seed=5)], NETWORKS)
    other.write_status("running")
    runs = finished.path.parents[2]
    assert collect(runs, results) == []
    assert read(results / "networks.csv", NETWORKS)["seed"].tolist() == [0]
    other.write_config()
    other.finish()
    (finished.path / "records.csv").write_text("cut")
    (sentence,) = collect(runs, results)
    assert "records.csv is damaged" in sentence
    assert read(results / "networks.csv", NETWORKS)["seed"].tolist() == [0, 5]


def test_collecting_goes_on_after_a_damaged_run_and_again(finished, compose_config, tmp_path):
    runs, results = finished.path.parents[2], tmp_path / "deep" / "results"
    others = [Run(compose_config(f"depth={depth}"), compose_config()) for depth in (1, 10)]
    for other, seed in zip(others, (8, 9), strict=True):
        other.path.mkdir(parents=True)
        other.write_config()
        other.write_rows("records.csv", [row(other.config, other, seed=seed)], NETWORKS)
        other.finish()
    (finished.path / "records.csv").write_text("cut")
    for _ in range(2):
        assert collect(runs, results) == [
            f"{finished.path / 'records.csv'} is damaged (its checksum is not the one that was written)."
        ]
    assert read(results / "networks.csv", NETWORKS)["seed"].tolist() == [8, 9]
    assert not (results / "curves.csv").exists()


def test_write_leaves_the_old_file_when_it_fails(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_text(path, "old")

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_environment_holds_versions_and_nothing_of_the_machine_or_user(config, monkeypatch, tmp_path):
    import platform

    monkeypatch.setenv("WANDB_API_KEY", "secret-key")
    text = json.dumps(environment(config.runtime, "cpu"))
    assert '"torch"' in text
    for private in ("secret-key", platform.node(), str(tmp_path)):
        assert private not in text
