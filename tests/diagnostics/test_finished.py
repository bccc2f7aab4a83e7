"""Networks outlive their training: loaded from a finished run, diagnosed again without training."""

import csv
import json

import pytest
import torch
import yaml

from degradation.checks import ConfigError
from degradation.commands.train import train_watched
from degradation.diagnostics.diagnostic import INIT, diagnostic, registry, rows
from degradation.diagnostics.finished import diagnose
from degradation.records.run import Run, RunFolder, verify
from degradation.training.cohort import Cohort
from degradation.training.finished import HERE, cohort_at_start, load_cohort, load_networks
from degradation.training.members import Member, load_task


def runtime_of(config, **changed):
    return vars(config.runtime) | HERE | changed


@pytest.fixture
def finished(compose_config):
    config = compose_config("variants=[plain,residual,scaled]", "depth=[1,4]", "network.norm=batch")
    return train_watched(config, config, show_progress=False)


def test_loaded_networks_are_those_that_were_recorded(finished):
    networks = load_networks(finished.path)
    assert set(networks) == {Member(d, v, s) for d in (1, 4) for v in ("plain", "residual", "scaled") for s in (0, 1)}
    with open(finished.path / "records.csv", newline="") as file:
        recorded = {(int(r["depth"]), r["variant"], int(r["seed"])): r for r in csv.DictReader(file)}
    test = load_task(finished.config).test
    for member, network in networks.items():
        assert not network.training
        with torch.no_grad():
            loss = (network(test.inputs.float()) - test.targets.float()).square().mean().item()
        assert loss == pytest.approx(float(recorded[member]["test_loss"]), rel=1e-5)


def test_a_loaded_cohort_evaluates_to_the_last_row_of_its_curve(finished):
    cohort = load_cohort(finished.path, runtime_of(finished.config, engine="sequential"))
    assert cohort.config.runtime.engine == "sequential"
    assert cohort.step == 40
    measured = cohort.engine.evaluate()
    for row in cohort.curve[-len(cohort.members) :]:
        own = measured[Member(row["depth"], row["variant"], row["seed"])]
        assert own["train_loss"] == pytest.approx(row["train_loss"], rel=1e-5)


def test_a_diagnostic_again_is_what_it_was(finished):
    """Both moments, in every digit, without training."""
    before = {name: (finished.path / name).read_text() for name in ("layers.csv", "predictions.csv")}
    for name in before:
        (finished.path / name).unlink()
    status = json.loads((finished.path / "status.json").read_text())
    status["files"] = {name: value for name, value in status["files"].items() if name not in before}
    status["diagnostics"] = {}
    (finished.path / "status.json").write_text(json.dumps(status))
    for name in ("layers", "predictions"):
        assert diagnose("sine_depth", name, runtime_of(finished.config)) == ([finished.path], [])
    assert {name: (finished.path / name).read_text() for name in before} == before
    assert verify(finished.path)
    found = json.loads((finished.path / "status.json").read_text())["diagnostics"]
    assert found["layers.csv"] == [["moment", "layer"], ["output_sd", "gradient_norm", "response_sd"]]


def test_rows_keep_the_digest_of_what_was_trained(finished):
    """A run in tf32 is computed in fp32 on the CPU, which has another digest."""
    digests = {"plain": "p", "residual": "r", "scaled": "s"}
    document = yaml.safe_load((finished.path / "config.yaml").read_text())
    document["config"]["recipe"]["precision"] = "tf32"
    document["identity"]["digests"] = digests
    (finished.path / "config.yaml").write_text(yaml.safe_dump(document))
    checkpoint = torch.load(finished.path / "last.ckpt", weights_only=True)
    torch.save(checkpoint | {"identity": document["identity"]}, finished.path / "last.ckpt")
    finished.finish()
    for cohort in (load_cohort(finished.path), cohort_at_start(finished.path)):
        assert cohort.config.recipe.precision == "fp32"
        assert {member.variant: cohort.key(member)["digest"] for member in cohort.members} == digests


def test_sentences(finished, compose_config, tmp_path):
    runtime = runtime_of(finished.config)
    with pytest.raises(ConfigError, match="diagnostic is 'lesions'; allowed: .*layers, lesion, .*predictions"):
        diagnose("sine_depth", "lesions", runtime)
    with pytest.raises(ConfigError, match="holds no finished run; train with: python experiments/train.py -m experime"):
        diagnose("digits_depth", "layers", runtime)
    with pytest.raises(ConfigError, match=r"sine_depth holds no finished run of 7, 10 layers; train with: python "):
        diagnose("sine_depth", "layers", runtime, [7, 10])
    with pytest.raises(ConfigError, match="holds no finished run"):
        load_networks(tmp_path)
    (finished.path / "last.ckpt").unlink()
    with pytest.raises(ConfigError, match="last.ckpt is gone; only training that cohort again brings its networks ba"):
        load_networks(finished.path)


def test_a_diagnostic_of_some_depths(finished, compose_config):
    """Other runs are left as they are; a run of several depths is measured if it has one of them."""
    other = compose_config("depth=7")
    train_watched(other, other, show_progress=False)
    folders, left_out = diagnose("sine_depth", "layers", runtime_of(finished.config), [4, 13])
    assert (folders, left_out) == ([finished.path], [])


def test_runs_of_an_earlier_version_are_not_loaded(tmp_path):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"identity": {"digest": "x"}, "config": {}}))
    (tmp_path / "last.ckpt").touch()
    RunFolder(tmp_path).finish()
    with pytest.raises(ConfigError, match="was made by an earlier version of this suite, whose networks cannot be loa"):
        load_networks(tmp_path)


def test_a_damaged_run_is_named_and_the_others_are_measured(finished, compose_config):
    config = compose_config("depth=7", "seeds=[0]")
    other = train_watched(config, compose_config(), show_progress=False)
    (other.path / "curves.csv").write_text("cut")
    made, left_out = diagnose("sine_depth", "layers", runtime_of(config))
    assert made == [finished.path]
    assert left_out == [f"{other.path / 'curves.csv'} is damaged (its checksum is not the one that was written)."]


def test_a_diagnostic_that_does_not_fit_the_task(compose_config):
    config = compose_config("experiment=digits_depth", "recipe=digits", "task=digits", "network=cifar", "depth=8",
                            "network.width=1", "recipe.max_steps=1", "recipe.schedule=constant",
                            "recipe.milestones=[]", "recipe.warmup_steps=0", "seeds=[0]")  # fmt: skip
    run = train_watched(config, config, show_progress=False)
    assert not (run.path / "predictions.csv").exists()
    with pytest.raises(ConfigError, match="diagnostic predictions does not fit task digits"):
        diagnose("digits_depth", "predictions", runtime_of(config))


def test_every_module_with_a_diagnostic_is_one():
    assert set(registry()) >= {"layers", "predictions"}
    for name, found in registry().items():
        assert found.table == f"{name}.csv"
        assert found.key
        assert found.columns
        assert diagnostic(name) is found


def test_diagnostics_get_copies(compose_config):
    config = compose_config()
    cohort = Cohort(config, load_task(config))
    cohort.configure_optimizers()

    class Vandal:
        table, moments, key, columns = "vandal.csv", (INIT,), ["x"], ["y"]

        def measure(self, copied, task, moment):
            for parameter in copied.network.parameters():
                parameter.data.zero_()
            yield copied.members[0], {"x": 1, "y": 2}

    before = {name: tensor.clone() for name, tensor in cohort.state_dict().items()}
    (row,) = rows(Vandal(), cohort, INIT)
    assert (row["variant"], row["seed"], row["y"]) == ("plain", 0, 2)
    assert all(torch.equal(tensor, before[name]) for name, tensor in cohort.state_dict().items())


def test_a_run_says_which_tables_of_diagnostics_it_holds(finished):
    assert set(Run(finished.config, finished.config).read_status()["diagnostics"]) == {"layers.csv", "predictions.csv"}
