"""A pair in one line, with conf's defaults, and the names of the package."""

import importlib.metadata
import tomllib

import pytest
from hydra.core.global_hydra import GlobalHydra
from torch import nn

import degradation
from degradation.checks import ConfigError
from degradation.config.configure import configure, defaults
from degradation.networks.build import count_parameters, same_function, same_tensors
from degradation.training.finished import load_networks
from degradation.training.members import Member, build
from degradation.training.pair import pair
from tests.conftest import ROOT


def test_the_names_of_the_package():
    with open(ROOT / "pyproject.toml", "rb") as file:
        project = tomllib.load(file)["project"]
    assert degradation.__version__ == project["version"] == importlib.metadata.version("degradation")
    assert degradation.pair is pair
    assert degradation.load_networks is load_networks
    assert {"LitData", "LitNetwork", "__version__", "configure", "load_networks", "pair"} <= set(dir(degradation))
    with pytest.raises(AttributeError, match="module 'degradation' has no attribute 'pears'"):
        _ = degradation.pears


def test_a_pair_of_images():
    both = pair(20)
    assert [count_parameters(network) for network in both] == [269_722, 269_722]  # He et al. 2015, Table 6
    assert same_tensors(both.plain, both.residual)
    assert not same_function(both.plain, both.residual, (3, 32, 32))
    assert pair(8, "digits", width=4).plain.stem.in_channels == 1


@pytest.mark.parametrize("task", ["sine", "digits"])
def test_a_pair_is_what_a_cohort_would_train(task):
    depth, family, width = {"sine": (10, "mlp", []), "digits": (20, "cifar", ["network.width=16"])}[task]
    config = configure(f"experiment={task}_depth", f"network={family}", f"depth={depth}", "seeds=[3]", *width)
    both = pair(depth, task, seed=3)
    for variant, network in both._asdict().items():
        trained = build(Member(depth, variant, 3), config)
        assert same_tensors(network, trained)
        assert same_function(network, trained, config.task.input_shape)
    assert isinstance(both, tuple)


def test_keys_of_the_network_and_another_family():
    narrow = pair(4, "sine", width=5, init="he")
    assert count_parameters(narrow.residual) == 5 + 5 + 3 * (25 + 5) + 5 + 1
    biases = [value for name, value in narrow.plain.named_parameters() if name.endswith("bias")]
    assert all((bias == 0).all() for bias in biases)
    assert isinstance(pair(4, "digits", family="mlp").plain.stem.weight, nn.Parameter)
    assert pair(4, "digits", family="mlp").plain.stem.weight.shape == (30, 64)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((57,), "depth is 57; networks of the cifar family have 6n \\+ 2 layers: the nearest are 56 and 62"),
        ((9, "sine"), "depth is 9; one stem layer .* the nearest are 7 and 10"),
        ((8, "cosine"), "task is 'cosine'; allowed: cifar10, digits, digits_denoising, identity, image_folder, sine"),
        ((8, "image_folder"), "task is 'image_folder', whose file leaves .*task.root.* to be set"),
        ((8, "digits", -1), "seed is -1; it must be at least 0"),
        (("8", "digits"), "depth is \\['8'\\]; whole numbers are expected"),
    ],
)
def test_wrong_pairs_get_a_sentence(arguments, sentence):
    with pytest.raises(ConfigError, match=sentence):
        pair(*arguments)


def test_wrong_keys_get_a_sentence():
    with pytest.raises(
        ConfigError, match=r"network.witdh is not a key of the configuration; did you mean network.width\?"
    ):
        pair(8, "digits", witdh=3)
    with pytest.raises(ConfigError, match="network.family=cifar takes images and task.name=sine has none"):
        pair(8, "sine", family="cifar")
    with pytest.raises(ConfigError, match="network is 'gru'; allowed: bottleneck, cifar, conv, densenet, mlp, unet"):
        pair(8, "digits", family="gru")


def test_configurations_leave_hydra_as_it_was(compose_config):
    held = GlobalHydra.instance().hydra
    assert held is not None
    assert defaults("variant", "residual") == {}
    assert defaults("variant", "plain") == {"network": {"shortcut": "none"}}
    assert configure("experiment=sine_depth", "depth=7").depths == [7]
    with pytest.raises(ConfigError, match="Could not override 'recipe.lrr'"):
        configure("recipe.lrr=1")
    with pytest.raises(ConfigError, match="depth is 8"):
        configure("depth=8")
    assert GlobalHydra.instance().hydra is held
    assert compose_config().depths == [4]
