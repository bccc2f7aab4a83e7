"""Networks by name: the published numbers, matched pairs, and an import that pulls in torch alone."""

import inspect
import pickle
import runpy
import subprocess
import sys

import pytest
import torch
import yaml

from degradation import networks
from degradation.checks import ConfigError
from degradation.networks.build import build, count_parameters, same_function, same_tensors
from degradation.networks.cifar_spec import CifarNetwork
from tests.conftest import ROOT

# He et al. 2015, Table 6; exact numbers as counted by hand, see tests/networks/test_cifar.py
PARAMETERS = {20: 269_722, 32: 464_154, 44: 658_586, 56: 853_018, 110: 1_727_962}
NAMES = [f"{kind}{depth}" for kind in ("plain", "resnet") for depth in PARAMETERS]
IMPORTS = """
import sys
import degradation, degradation.networks
dir(degradation), dir(degradation.networks)
assert "torch" not in sys.modules
import torch.utils.flop_counter  # and all that torch itself imports
roots = lambda: {name.split(".")[0] for name in sys.modules} - sys.stdlib_module_names
before = roots()
from degradation.networks import resnet20
resnet20()
assert "degradation" in before
print(sorted(roots() - before))
"""


@pytest.mark.parametrize("depth", PARAMETERS)
def test_a_name_is_a_matched_pair_of_the_published_size(depth):
    plain, residual = (getattr(networks, f"{kind}{depth}")() for kind in ("plain", "resnet"))
    assert count_parameters(plain) == count_parameters(residual) == PARAMETERS[depth]
    assert same_tensors(plain, residual)
    assert not same_function(plain, residual, (3, 32, 32))


def test_defaults_are_those_of_conf():
    residual = networks.resnet20()
    settings = CifarNetwork(**yaml.safe_load((ROOT / "conf" / "network" / "cifar.yaml").read_text()))
    configured = build(settings, input_shape=(3, 32, 32), outputs=10, depth=20, seed=0)
    assert same_tensors(residual, configured)
    assert same_function(residual, configured, (3, 32, 32))


def test_arguments():
    network = networks.resnet20(7, width=4, shortcut="B", in_channels=1, seed=3)
    with torch.no_grad():
        assert network(torch.zeros(2, 1, 16, 16)).shape == (2, 7)
    stem = 9 * 4
    stages = 6 * 9 * 4**2 + (9 * 4 * 8 + 5 * 9 * 8**2) + (9 * 8 * 16 + 5 * 9 * 16**2)
    norms = 2 * (7 * 4 + 6 * 8 + 6 * 16)
    projections = 4 * 8 + 2 * 8 + 8 * 16 + 2 * 16
    assert count_parameters(network) == stem + stages + norms + projections + 16 * 7 + 7
    assert not same_tensors(networks.plain20(width=4), networks.plain20(width=4, seed=1))
    assert same_tensors(networks.plain20(width=4, seed=1), networks.resnet20(width=4, seed=1))
    assert networks.resnet20.__name__ == "resnet20"
    assert "shortcut" in inspect.signature(networks.resnet20).parameters
    assert "shortcut" not in inspect.signature(networks.plain20).parameters
    assert pickle.loads(pickle.dumps(networks.plain44)) is networks.plain44


@pytest.mark.parametrize(
    ("name", "arguments", "sentence"),
    [
        ("resnet20", {"shortcut": "D"}, "network.shortcut is 'D'; allowed: none, A, B, C"),
        ("resnet20", {"num_classes": 0}, "num_classes is 0; it must be at least 1."),
        ("plain20", {"in_channels": 0}, "in_channels is 0; it must be at least 1."),
        ("plain20", {"width": 0}, "network.width is 0; it must be at least 1."),
        ("plain20", {"seed": -1}, "seed is -1; it must be at least 0."),
    ],
)
def test_wrong_arguments_get_a_sentence(name, arguments, sentence):
    with pytest.raises(ConfigError, match=sentence):
        getattr(networks, name)(**arguments)


def test_names_are_listed_and_others_refused():
    assert set(NAMES) <= set(dir(networks))
    with pytest.raises(AttributeError, match="module 'degradation.networks' has no attribute 'resnet57'"):
        _ = networks.resnet57
    with pytest.raises(ImportError, match="cannot import name 'resnet21'"):
        from degradation.networks import resnet21  # noqa: F401


def test_their_import_pulls_in_torch_alone():
    done = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_torch_hub():
    entries = {name for name, value in runpy.run_path(str(ROOT / "hubconf.py")).items() if callable(value)}
    assert {name for name in entries if not name.startswith("_")} == set(NAMES)
    loaded = torch.hub.load(str(ROOT), "resnet20", source="local", num_classes=100, seed=2)
    assert same_tensors(loaded, networks.resnet20(100, seed=2))
