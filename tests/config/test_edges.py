"""Values at the edge: the last that is taken and the first that is refused, and what is computed from settings."""

import dataclasses
import math
import re
from types import SimpleNamespace

import pytest
from omegaconf import OmegaConf

from degradation.checks import ConfigError
from degradation.config import Experiment, WandbLogger, parsing
from degradation.config.recipe import Recipe
from degradation.config.variants import checked, chosen
from degradation.networks.cifar_spec import CifarNetwork

CONSTANT = {"warmup": "constant", "warmup_steps": 5}
SGD = {"optimizer": "sgd"}
RECIPES = [  # changes, what the sentence begins with; None: taken
    (SGD | {"momentum": 0.0}, None),
    (SGD | {"momentum": 0.999}, None),
    (SGD | {"momentum": 1.0}, "recipe.momentum is 1.0; it must be at least 0 and below 1."),
    (SGD | {"momentum": -0.1}, "recipe.momentum is -0.1"),
    (SGD | {"eps": 1e-7}, "recipe.eps is 1e-07 with recipe.optimizer=sgd"),
    ({"eps": 1e-7}, None),
    ({"eps": 0.0}, "recipe.eps is 0.0; it must be a positive number."),
    ({"optimizer": "lion"}, "recipe.optimizer is 'lion'; allowed: adam, sgd."),
    ({"momentum": 0.9}, "recipe.momentum is 0.9 with recipe.optimizer=adam, which does not use it; set it to 0."),
    ({"max_steps": 0}, "recipe.max_steps is 0; it must be at least 1."),
    ({"warmup_steps": 40}, "recipe.warmup_steps is 40; it must be at least 0 and below recipe.max_steps=40."),
    ({"milestones": [3]}, "recipe.milestones is [3] with recipe.schedule=linear, which does not use them;"),
    ({"schedule": "steps"}, "recipe.schedule=steps needs recipe.milestones, a list of steps."),
    ({"schedule": "steps", "milestones": [0, 3]}, "recipe.milestones is [0, 3]; the steps must rise and lie between"),
    ({"schedule": "steps", "milestones": [40]}, "recipe.milestones is [40]; the steps must rise and lie between"),
    ({"schedule": "steps", "milestones": [5, 3]}, "recipe.milestones is [5, 3]; the steps must rise and lie between"),
    ({"gamma": 0.0}, "recipe.gamma is 0.0"),
    ({"lr": math.inf}, "recipe.lr is inf"),
    ({"schedule": "cosines"}, "recipe.schedule is 'cosines'; allowed: constant, linear, steps, cosine."),
    ({"precision": "fp8"}, "recipe.precision is 'fp8'; allowed: fp32, tf32, bf16, fp64."),
    ({"weight_decay": 0.0}, None),
    ({"weight_decay": -1e-9}, "recipe.weight_decay is -1e-09; it must be at least 0."),
    ({"batch_size": 1}, None),
    ({"batch_size": 0}, "recipe.batch_size is 0; it must be at least 1."),
    ({"max_steps": 1, "evaluations": 1}, None),
    ({"warmup_steps": 0}, None),
    ({"warmup_steps": 39}, None),
    ({"warmup_steps": -1}, "recipe.warmup_steps is -1"),
    ({"warmup": "cosine"}, "recipe.warmup is 'cosine'; allowed: linear, constant."),
    ({"warmup_factor": 0.0}, "recipe.warmup_factor is 0.0"),
    ({"warmup_window_steps": 1}, None),
    ({"warmup_window_steps": 0}, "recipe.warmup_window_steps is 0"),
    (CONSTANT | {"warmup_until_error": 0.1}, None),
    (CONSTANT | {"warmup_until_error": 99.9}, None),
    (CONSTANT | {"warmup_until_error": 0.0}, "recipe.warmup_until_error is 0.0; it is a percentage between 0 and 100."),
    (CONSTANT | {"warmup_until_error": 100.0}, "recipe.warmup_until_error is 100.0; it is a percentage"),
    (CONSTANT | {"warmup_until_error": 50.0, "warmup_steps": 1}, None),
    (CONSTANT | {"warmup_until_error": 50.0, "warmup_steps": 0}, "recipe.warmup_until_error needs recipe.warmup=con"),
    ({"warmup_steps": 5, "warmup_until_error": 50.0}, "recipe.warmup_until_error needs recipe.warmup=constant and"),
    ({"schedule": "steps", "milestones": [1, 39]}, None),
    ({"evaluations": 1}, None),
    ({"evaluations": 0}, "recipe.evaluations is 0; it must be at least 1."),
    ({"evaluations": True}, "recipe.evaluations is True; it must be a number of evaluations or a list of steps."),
    ({"evaluations": [0, 40]}, None),
    ({"evaluations": [-1]}, "recipe.evaluations is [-1]; the steps must lie between 0 and recipe.max_steps=40."),
    ({"evaluations": [1, 1.5]}, "recipe.evaluations is [1, 1.5]; it must be"),
]


def refusal(made, **changes):
    """The sentence with which settings are refused after changes, or None."""
    try:
        dataclasses.replace(made, **changes)
    except ConfigError as error:
        return str(error)
    return None


def assert_each(made, cases):
    for changes, expected in cases:
        found = refusal(made, **changes)
        assert found is None if expected is None else (found or "").startswith(expected), (changes, found)


def test_edges_of_the_recipe(config):
    assert_each(config.recipe, RECIPES)


def test_edges_of_the_runtime(config):
    least = {"threads": 1, "checkpoint_every_steps": 1, "segment_steps": 1, "loader_workers": 0}
    assert_each(config.runtime, [
        (least | {"max_minutes": None}, None),
        *[({key: value - 1}, f"runtime.{key} is {value - 1}; it must be at least {value}.")
          for key, value in least.items()],
        ({"max_minutes": -1.0}, "runtime.max_minutes is -1.0"),
        ({"max_minutes": 0.1}, None),
        ({"device": "mps"}, "runtime.device is 'mps'; losses are summed in float64, which Apple's GPUs do not have"),
        ({"device": "gpu"}, "runtime.device is 'gpu'; allowed: cpu, cuda."),
        ({"compile_blocks": False}, None),
        ({"compile_blocks": "auto"}, None),
        ({"compile_blocks": "true"}, "runtime.compile_blocks is 'true'; allowed: auto, true, false."),
        ({"small_convolutions": True}, None),
        ({"small_convolutions": "auto"}, None),
        ({"small_convolutions": "own"}, "runtime.small_convolutions is 'own'; allowed: auto, true, false."),
    ])  # fmt: skip


def test_edges_of_logger_and_experiment():
    logger = WandbLogger("wandb", "offline", "p", None, "cohort", 1, 1)
    assert_each(logger, [
        ({"mode": "online", "run_per": "network"}, None),
        ({"mode": "off"}, "logger.mode is 'off'"),
        ({"run_per": "seed"}, "logger.run_per is 'seed'"),
        ({"init_timeout_seconds": 0}, "logger.init_timeout_seconds is 0"),
        ({"finish_timeout_seconds": 0}, "logger.finish_timeout_seconds is 0"),
    ])  # fmt: skip
    experiment = Experiment("a-1_b", "t", "s", "cohort", "cpu", None)
    assert experiment.command == "python experiments/train.py -m experiment=a-1_b"
    on_gpu = dataclasses.replace(experiment, device="cuda", deviations=["one"])
    assert on_gpu.command == "python experiments/train.py -m experiment=a-1_b runtime=gpu"
    assert_each(experiment, [
        ({"name": "a b"}, "experiment.name is 'a b'"),
        ({"name": "_"}, "experiment.name is '_'"),
        ({"deviations": "one"}, "experiment.deviations is 'one'; a list of sentences is expected."),
        ({"run_per": "seed"}, "experiment.run_per is 'seed'"),
        ({"device": "gpu"}, "experiment.device is 'gpu'"),
    ])  # fmt: skip


def with_recipe(config, **changes):
    return {"recipe": dataclasses.replace(config.recipe, **changes)}


def with_runtime(config, **changes):
    return {"runtime": dataclasses.replace(config.runtime, **changes)}


def test_edges_across_groups(config):
    normed = dataclasses.replace(config.network, norm="batch")
    one_network = {"variants": ["plain"], "seeds": [0]}
    watching = with_recipe(config, **CONSTANT, warmup_until_error=50.0)
    assert_each(config, [
        (with_recipe(config, batch_size=256), None),
        (with_recipe(config, batch_size=257), "recipe.batch_size is 257; the sine task has only 256 training examples"),
        (with_recipe(config, batch_size=1), None),
        (with_recipe(config, batch_size=1) | {"network": normed}, "recipe.batch_size is 1 and the network has batch"),
        (with_recipe(config, batch_size=2) | {"network": normed}, None),
        (with_recipe(config, precision="tf32"), "recipe.precision=tf32 needs a GPU; on the CPU use fp32."),
        (with_recipe(config, precision="tf32") | with_runtime(config, device="cuda"), None),
        (with_recipe(config, precision="bf16"), "recipe.precision=bf16 needs runtime.engine=sequential or graph."),
        (with_recipe(config, precision="bf16") | with_runtime(config, engine="sequential"), None),
        (with_runtime(config, engine="graph", device="cuda"), None),
        (with_runtime(config, engine="graph"), "runtime.engine=graph needs CUDA and runtime.device is cpu"),
        (watching | one_network, "recipe.warmup_until_error is for a single network of a classification task"),
        ({"seeds": [0, -1]}, "seeds is -1; it must be at least 0."),
        ({"variants": ["plain", "residual", "scaled"]}, None),
    ])  # fmt: skip


def test_where_examples_are_decides_the_engine(config):
    def engine(network, depth, device, on_device):
        task = SimpleNamespace(name="x", input_shape=(1, 8, 8), outputs=10, on_device=on_device, train_size=256)
        runtime = dataclasses.replace(config.runtime, engine="auto", device=device)
        return dataclasses.replace(config, network=network, depths=[depth], task=task, runtime=runtime).runtime.engine

    cifar = CifarNetwork("cifar", 4, "A")
    assert [engine(cifar, 8, "cuda", on_device) for on_device in (True, False)] == ["graph", "sequential"]
    assert [engine(config.network, 4, "cpu", on_device) for on_device in (True, False)] == ["stacked"] * 2
    sentence = "network.family=cifar takes images and task.name=sine has none; use mlp."
    assert_each(config, [({"network": cifar, "depths": [8]}, sentence)])


def test_a_watched_warm_up_is_of_one_network(compose_config):
    digits = ["experiment=digits_depth", "recipe=digits", "task=digits", "network=cifar", "depth=8", "seeds=[0]",
              "recipe.max_steps=150", "variants=[plain]"]  # fmt: skip
    config = compose_config(*digits)
    watching = with_recipe(config, **CONSTANT, warmup_until_error=50.0)
    sentence = "recipe.warmup_until_error is for a single network of a classification task; set one of each."
    assert_each(config, [
        (watching, None),
        (watching | {"seeds": [0, 1]}, sentence),
        (watching | {"depths": [8, 14]}, sentence),
        (watching | {"variants": ["plain", "residual"]}, sentence),
    ])  # fmt: skip
    layers = [depth + 1 for depth in (8, 14)]
    several = dataclasses.replace(config, depths=[8, 14], seeds=[0, 1, 2], variants=["plain", "residual"])
    assert several.networks == 12
    per_layer = 9 * config.network.width**2 * 64
    assert several.cost == 3 * 150 * config.recipe.batch_size * 2 * 3 * per_layer * sum(layers)


def test_evaluations_are_spread_evenly(config):
    def steps(**changes):
        return dataclasses.replace(config.recipe, **changes).evaluation_steps

    assert steps(evaluations=3) == [0, 13, 27, 40]
    assert steps(evaluations=1) == [0, 40]
    assert steps(evaluations=[30, 7], schedule="steps", milestones=[9]) == [0, 7, 9, 30, 40]


def test_which_variants_fit(compose_config):
    config = compose_config("recipe.optimizer=sgd")
    fitting = set(config.fitting_variants())
    assert {"plain", "residual", "scaled", "he_zero_last"} <= fitting
    assert "plain_eps" not in fitting
    assert config.variant("plain").network.shortcut == "none"
    assert config.of("residual").network == config.network
    with pytest.raises(ConfigError, match="variant plain_eps: recipe.eps is 1e-20"):
        config.variant("plain_eps")
    alone = config.variant("residual")  # it sets nothing, so there is nothing to check again
    assert alone.network is config.network
    assert alone.recipe is config.recipe


def test_what_a_variant_may_set():
    good = {"network": {"shortcut": "none"}, "recipe": {"eps": 1e-3, "lr": 0.1}}
    assert checked("v", good) == checked("v", OmegaConf.create(good)) == good
    assert checked("v", {"network": {"precision": 1}}) == {"network": {"precision": 1}}  # recipe.precision is another
    with pytest.raises(ConfigError, match="variant v is 'text'; groups of keys are expected"):
        checked("v", "text")
    known = {"a": good, "b": {}}
    assert chosen(["b", "a"], known) == known
    assert list(chosen(["b", "a"], known)) == ["b", "a"]
    for names, message in (([], "variants is empty; choose from a, b."), (["c"], "variants is 'c'; allowed: a, b (the"),
                           (["a", "a"], "variants is ['a', 'a']; one is named twice.")):  # fmt: skip
        with pytest.raises(ConfigError, match=re.escape(message)):
            chosen(names, known)


@dataclasses.dataclass
class Pair:
    first: int
    second: float = 0.5


def test_groups_of_keys():
    assert parsing.group(Pair, {"first": 1}, "pair") == Pair(1, 0.5)
    assert parsing.group(Pair, {"first": 1, "second": 2}, "pair") == Pair(1, 2.0)
    for values, message in (
        (3, "pair is 3; a group of keys is expected."),
        ({}, "pair.first is not set."),
        ({"first": "x"}, "pair.first is 'x'; a whole number is expected."),
        ({"first": 1, "second": "x"}, "pair.second is 'x'; a number is expected."),
        ({"first": 1, "secnd": 1}, "pair.secnd is not a key of the configuration; did you mean pair.second?"),
        ({"first": 1, "zzz": 1}, "pair.zzz is not a key of the configuration; allowed: first, second."),
    ):
        with pytest.raises(ConfigError, match=re.escape(message)):
            parsing.group(Pair, values, "pair")
    for values in ({"first": 1}, "text"):
        with pytest.raises(ConfigError, match="pair.kind is None; allowed: a, b."):
            parsing.choice({"a": Pair, "b": Pair}, values, "pair", "kind")
    assert parsing.a_list("seeds", [1]) == [1]
    with pytest.raises(ConfigError, match=re.escape("seeds is 1; a list such as seeds=[...] is expected.")):
        parsing.a_list("seeds", 1)


def test_plain_values_are_resolved():
    assert parsing.plain_values(OmegaConf.create({"a": 1, "b": "${a}", 3: [4]})) == {"a": 1, "b": 1, "3": [4]}
    with pytest.raises(ConfigError, match=re.escape("b.c is not set.")):
        parsing.plain_values(OmegaConf.create({"b": {"c": "???"}}))
    with pytest.raises(ConfigError, match="^Interpolation key 'nowhere' not found$"):
        parsing.plain_values(OmegaConf.create({"b": "${nowhere}"}))


def test_the_epsilon_of_adam_is_as_if_there_were_none():
    (eps,) = (f for f in dataclasses.fields(Recipe) if f.name == "eps")
    assert (eps.default, eps.metadata["absent"]) == (1e-8, 1e-8)
