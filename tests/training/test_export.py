"""Exported networks are the trained ones: as state dicts, and as graphs that another runtime computes."""

import sys

import onnxruntime
import pytest
import torch
from omegaconf import OmegaConf
from torch import nn

from degradation.checks import ConfigError
from degradation.commands.export import export_job
from degradation.config.configure import configure
from degradation.networks import plain20, resnet20
from degradation.networks.build import build
from degradation.networks.cifar_spec import CifarNetwork
from degradation.networks.mlp_spec import MLPNetwork
from degradation.records.run import CHECKPOINT, JobFailedError, Run
from degradation.training import checkpoints
from degradation.training.cohort import Cohort
from degradation.training.export import export, write_onnx
from degradation.training.finished import load_networks
from degradation.training.members import load_task
from tests.conftest import ROOT
from tests.processes import run

DIGITS = ["experiment=digits_depth", "depth=20", "seeds=[0]", "network.width=3", "logger=none"]
EXPORT = ROOT / "experiments" / "export.py"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run on the digits, marked as finished after one step."""
    config = configure(*DIGITS, f"runtime.runs_dir={tmp_path_factory.mktemp('runs')}")
    cohort, made = Cohort(config, load_task(config)), Run(config, config)
    cohort.configure_optimizers()
    cohort.engine.run(0, 1)
    made.path.mkdir(parents=True)
    made.write_config()
    checkpoints.save(made.path / CHECKPOINT, cohort.checkpoint())
    made.finish()
    return made.path


def test_state_dicts_fit_the_networks_by_name(folder):
    paths = export(folder, "state_dict", folder / "export")
    assert [path.name for path in paths] == ["depth=020,plain,seed=0.pt", "depth=020,residual,seed=0.pt"]
    inputs = torch.randn(3, 1, 8, 8)
    for path, make, trained in zip(paths, (plain20, resnet20), load_networks(folder).values(), strict=True):
        state = torch.load(path, weights_only=True)
        network = make(width=3, in_channels=1)
        assert not torch.equal(network.head.weight, trained.head.weight)
        assert network.load_state_dict(state).missing_keys == []
        assert torch.equal(network.eval()(inputs), trained(inputs))


def test_graphs_compute_what_the_networks_do(folder, tmp_path):
    paths = export(folder, "onnx", tmp_path / "models")
    assert [path.name for path in paths] == ["depth=020,plain,seed=0.onnx", "depth=020,residual,seed=0.onnx"]
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == [path.name for path in paths]
    for path, trained in zip(paths, load_networks(str(folder)).values(), strict=True):
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        for size in (1, 2, 7):
            inputs = torch.randn(size, 1, 8, 8)
            (found,) = session.run(["predictions"], {"inputs": inputs.numpy()})
            torch.testing.assert_close(torch.from_numpy(found), trained(inputs).detach(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "shape", "depth"),
    [
        *[(MLPNetwork("mlp", 5, 3, "default", norm), (1,), 7) for norm in ("none", "batch", "layer")],
        (MLPNetwork("mlp", 5, 3, "he", "none", shortcut_scale=0.5, branch_scale=0.5), (1, 8, 8), 7),
        *[(CifarNetwork("cifar", 2, kind), (3, 16, 16), 8) for kind in ("none", "B", "C")],
        (CifarNetwork("cifar", 2, "A", gate="exclusive", order="full", survival=0.5), (3, 16, 16), 8),
    ],
)
def test_every_network_has_a_graph(tmp_path, settings, shape, depth):
    network = build(settings, input_shape=shape, outputs=2, depth=depth, seed=0).eval()
    write_onnx(tmp_path / "network.onnx", network, shape)  # it compares outputs itself
    assert [path.name for path in tmp_path.iterdir()] == ["network.onnx"]


def test_a_wrong_graph_is_not_written(tmp_path, monkeypatch):
    class Fickle(nn.Linear):
        def forward(self, x):
            return super().forward(x) + (0 if torch.onnx.is_in_onnx_export() else 1e-3)

    with pytest.raises(JobFailedError, match=r"wrong.onnx: onnxruntime's outputs differ from torch's by up to 1.0e-03"):
        write_onnx(tmp_path / "wrong.onnx", Fickle(2, 1), (2,))
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_a_sentence(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ConfigError, match=r"format=onnx needs onnx, which is not installed; .*degradation\[onnx\]"):
        export(folder, "onnx", tmp_path / "models")
    assert not (tmp_path / "models").exists()


def test_the_command(folder, tmp_path):
    escaped = str(folder).replace("=", "\\=")  # as Hydra has it
    ended = run(tmp_path, f"run={escaped}", script=EXPORT)
    assert ended.code == 0, ended.said
    assert ended.out.splitlines() == [
        f"{folder}/export/depth=020,{variant},seed=0.pt" for variant in ("plain", "residual")
    ]


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"run": None}, "run is None; the folder of a finished run is expected."),
        ({}, "nowhere holds no finished run."),
        ({"format": "keras"}, "format is 'keras'; allowed: state_dict, onnx."),
        ({"out": 3}, "out is 3; a folder is expected."),
        ({"depth": 3}, "depth is not a key of the configuration; allowed: run, format, out."),
    ],
)
def test_wrong_commands_get_a_sentence(capsys, keys, sentence):
    with pytest.raises(SystemExit) as ended:
        export_job(OmegaConf.create({"run": "nowhere", "format": "state_dict", "out": None} | keys))
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"error: {sentence}\n"
