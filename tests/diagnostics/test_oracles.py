"""Rows of diagnostics against networks computed one by one, in numpy where they are small."""

import csv
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from degradation.checks import ConfigError
from degradation.diagnostics.diagnostic import FINAL, INIT, diagnostic, registry, rounded, rows
from degradation.diagnostics.finished import diagnose
from degradation.diagnostics.layers import DIAGNOSED, layer_statistics
from degradation.diagnostics.layers import DIAGNOSTIC as LAYERS
from degradation.diagnostics.live import LiveDiagnostics
from degradation.diagnostics.predictions import DIAGNOSTIC as PREDICTIONS
from degradation.records.run import RunFolder, verify
from degradation.training.cohort import Cohort
from degradation.training.finished import HERE, load_networks
from degradation.training.members import Member, build, load_task
from tests.training.test_finished import SMALL, finished

ONE_LAYER = ["depth=1", "network.width=5", "variants=[plain]", "task.train_points=20", "recipe.batch_size=8",
             "recipe.max_steps=12"]  # fmt: skip


def begun(config):
    cohort = Cohort(config, load_task(config))
    cohort.engine.to_device(torch.device("cpu"))
    return cohort


@pytest.mark.parametrize("engine", ["stacked", "sequential"])
def test_predictions_by_hand(compose_config, engine):
    overrides = ["seeds=[0,3,4,5,6]", "task.test_points=300", f"runtime.engine={engine}"]
    config = compose_config(*ONE_LAYER, *overrides)
    found = rows(PREDICTIONS, begun(config), FINAL)
    assert len(found) == 4 * 128  # of four seeds
    assert [row["seed"] for row in found[::128]] == [0, 3, 4, 5]
    chosen = np.rint(np.linspace(0, 299, 128)).astype(int)
    for seed in (0, 5):
        x = np.linspace(-2 * np.pi, 2 * np.pi, 300)[chosen]
        network = build(Member(1, "plain", seed), config)
        w, b, v, c = (parameter.detach().double().numpy() for parameter in network.parameters())
        own = [row for row in found if row["seed"] == seed]
        assert [row["x"] for row in own] == pytest.approx(x, rel=5e-4)
        predicted = np.maximum(np.outer(x, w) + b, 0) @ v.T + c
        assert [row["prediction"] for row in own] == pytest.approx(predicted.ravel(), rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("engine", ["stacked", "sequential"])
def test_rows_of_layers_are_each_networks_own(compose_config, engine):
    config = compose_config("network.norm=batch", f"runtime.engine={engine}")
    cohort = begun(config)
    task = cohort.engine.task
    for moment in (INIT, FINAL):
        found = rows(LAYERS, cohort, moment)
        assert [row["moment"] for row in found] == [moment] * 20
        for member in cohort.members:
            single = layer_statistics(build(member, config), task.train, task)
            own = [row for row in found if (row["variant"], row["seed"]) == member[1:]]
            assert [row["layer"] for row in own] == [1, 2, 3, 4, 5]
            for name, values in single.items():
                assert [row[name] for row in own] == pytest.approx(values.tolist(), rel=1e-3, nan_ok=True)
                assert [row[name] for row in own[:-1]] == [rounded(row[name]) for row in own[:-1]]
    assert (rounded(123456.0), rounded(0.00012344), rounded(1.99999)) == (123500, 0.0001234, 2)


def test_fitted_functions_are_kept_where_there_is_one_input_and_one_output():
    def fits(input_shape, outputs):
        return PREDICTIONS.fits(SimpleNamespace(input_shape=input_shape, outputs=outputs))

    assert fits((1,), 1)
    assert not fits((2,), 1)
    assert not fits((1,), 2)
    assert not fits((1, 8, 8), 10)


def test_layers_are_measured_with_batch_statistics_and_leave_no_hooks(compose_config):
    assert DIAGNOSED == 256
    config = compose_config(*SMALL)
    task, network = begun(config).engine.task, build(Member(4, "residual", 0), config)
    first = layer_statistics(network, task.train, task)
    again = layer_statistics(network.eval(), task.train, task)  # by now with running statistics
    assert all(torch.equal(first[name][:-1], values[:-1]) for name, values in again.items())
    assert not any(module._forward_hooks for module in network.modules())


def test_the_diagnostics_that_there_are():
    assert {"layers": LAYERS, "predictions": PREDICTIONS}.items() <= registry().items()
    assert {"lesion", "maps", "paths", "surface"} <= registry().keys()
    assert diagnostic("layers") is LAYERS
    with pytest.raises(ConfigError, match="diagnostic is 'lesions'; allowed: .*layers, .*predictions, "):
        diagnostic("lesions")


def test_tables_of_finished_runs(compose_config):
    runs = [finished(compose_config(*SMALL, "seeds=[0]", chosen)) for chosen in ("depth=1", "depth=4")]
    folders, config = [folder for folder, _ in runs], runs[0][1].config
    unfinished = folders[0].with_name("depth=007")
    unfinished.mkdir()
    RunFolder(unfinished).write_status("running")
    runtime = HERE | {"runs_dir": config.runtime.runs_dir}
    assert diagnose("sine_depth", "layers", runtime) == diagnose("sine_depth", "predictions", runtime) == (folders, [])
    for folder, cohort in runs:
        assert verify(folder)
        assert set(RunFolder(folder).read_status()["diagnostics"]) == {"layers.csv", "predictions.csv"}
        with open(folder / "layers.csv", newline="") as file:
            layers = list(csv.DictReader(file))
        assert len(layers) == 2 * 2 * (cohort.members[0].depth + 1)
        trained = load_networks(folder)
        for moment in (INIT, FINAL):
            for member in cohort.members:
                network = trained[member] if moment == FINAL else build(member, cohort.config)
                expected = layer_statistics(network, cohort.engine.task.train, cohort.engine.task)["output_sd"]
                own = [row for row in layers if (row["moment"], row["variant"]) == (moment, member.variant)]
                assert [float(row["output_sd"]) for row in own] == pytest.approx(expected.tolist(), rel=1e-3)
        with open(folder / "predictions.csv", newline="") as file:
            functions = list(csv.DictReader(file))
        assert len(functions) == 2 * 128
        for member, network in load_networks(folder).items():  # in eval mode, and not measured before
            own = [row for row in functions if row["variant"] == member.variant]
            x = torch.tensor([[float(row["x"])] for row in own])
            assert [float(row["prediction"]) for row in own] == pytest.approx(network(x).flatten().tolist(), abs=5e-3)
    with pytest.raises(ConfigError, match="digits_depth holds no finished run; train with: .*experiment=digits_depth"):
        diagnose("digits_depth", "layers", runtime)


def test_a_task_that_a_diagnostic_does_not_fit(compose_config):
    digits = ["experiment=digits_depth", "recipe=digits", "task=digits", "network=cifar", "network.width=1", "depth=8"]
    folder, cohort = finished(compose_config(*digits, "recipe.max_steps=150", "seeds=[0]"), stop=1)
    with pytest.raises(ConfigError, match="diagnostic predictions does not fit task digits."):
        diagnose("digits_depth", "predictions", HERE | {"runs_dir": cohort.config.runtime.runs_dir})
    assert not (folder / "predictions.csv").exists()
    assert [which for which, _ in LiveDiagnostics(None, cohort).found] == [LAYERS]


def test_what_is_measured_while_a_cohort_is_trained(compose_config):
    cohort, written = begun(compose_config(*SMALL, "seeds=[0]")), {}
    run = SimpleNamespace(write_diagnostic=lambda name, *given: written.update({name: given}))
    live = LiveDiagnostics(run, cohort)
    live.on_fit_start(None, cohort)
    assert written == {}
    live.on_fit_end(None, cohort)
    assert list(written) == ["layers.csv", "predictions.csv"]
    layers, key, columns = written["layers.csv"]
    assert (key, columns) == (["moment", "layer"], ["output_sd", "gradient_norm", "response_sd"])
    assert [row["moment"] for row in layers] == [INIT] * 10 + [FINAL] * 10
    assert (len(written["predictions.csv"][0]), *written["predictions.csv"][1:]) == (2 * 128, ["x"], ["prediction"])
