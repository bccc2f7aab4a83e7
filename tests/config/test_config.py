"""Wrong configuration gets a sentence that names the key and what is allowed."""

import re

import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException

from degradation.checks import ConfigError
from degradation.config import parse
from tests.conftest import ROOT

WRONG = [
    ("+recipe.lrr=1", "recipe.lrr is not a key of the configuration; did you mean recipe.lr?"),
    ("+foo=1", "foo is not a key of the configuration; allowed: depth, experiment"),
    ("+task.colour=red", "task.colour is not a key of the configuration"),
    ("~recipe.lr", "recipe.lr is not set"),
    ("recipe.lr=fast", "recipe.lr is 'fast'; a number is expected"),
    ("recipe.lr=0", "recipe.lr is 0.0; it must be a positive number"),
    ("recipe.lr=nan", "recipe.lr is nan; it must be a positive number"),
    ("recipe.max_steps=1.5", "recipe.max_steps is 1.5; a whole number is expected"),
    ("recipe.max_steps=0", "recipe.max_steps is 0; it must be at least 1"),
    ("depth=0", "depth is 0; the smallest network has depth 1"),
    ("depth=-1", "depth is -1; the smallest network has depth 1"),
    ("depth=8", "the nearest are 7 and 10"),
    ("depth=2", "the nearest are 1 and 4"),
    ("depth=1.5", "depth is [1.5]; whole numbers are expected"),
    ("depth=[4,4]", "depth holds 4 more than once"),
    ("seeds=[]", "seeds is empty; at least one is needed"),
    ("seeds=[3,1,3]", "seeds holds 3 more than once"),
    ("seeds=3", "seeds is 3; a list such as seeds=[...] is expected"),
    ("seeds=[-1]", "seeds is -1; it must be at least 0"),
    ("seeds=[true]", "seeds is [True]; whole numbers are expected"),
    ("variants=[]", "variants is empty"),
    (
        "variants=[plain,dense]",
        "variants is 'dense'; allowed: bn_after, concatenated, conv_shortcut, damped, dirac,",
    ),
    ("variants=[plain,plain]", "one is named twice"),
    ("variants=[[plain]]", "variants is [['plain']]; names of files in conf/variant/ are expected"),
    ("variants=[1]", "variants is [1]; names of files in conf/variant/ are expected"),
    ("+variant=scaled", "variant is not a key of the configuration; did you mean variants?"),
    ("network.width=0", "network.width is 0; it must be at least 1"),
    ("network.norm=group", "network.norm is 'group'; allowed: none, batch, layer"),
    ("network.init=he_zero_last", "set variants=[residual]"),
    ("network.shortcut=none", "variants plain and residual are the same here; leave one out"),
    (
        "network.shortcut=none variants=[residual]",
        "network.shortcut is none, which the variant plain sets; use variants",
    ),
    ("network.branch_scale=0", "network.branch_scale is 0.0; it must be a positive number"),
    (
        "network.branch_scale=0.5",
        "variant plain: network.shortcut_scale is 1.0 and network.branch_scale 0.5; a net",
    ),
    ("recipe.eps=0", "recipe.eps is 0.0; it must be a positive number"),
    ("network.family=cnn", "network.family is 'cnn'; allowed: mlp, cifar"),
    ("task.low=7", "low must be below high"),
    ("task.train_points=0", "task.train_points is 0; it must be at least 1"),
    ("recipe.batch_size=257", "recipe.batch_size is 257; the sine task has only 256 training examples"),
    ("recipe.schedule=steps", "recipe.schedule=steps needs recipe.milestones"),
    ("recipe.milestones=[10]", "set recipe.schedule=steps or recipe.milestones=[]"),
    ("recipe.optimizer=lion", "recipe.optimizer is 'lion'; allowed: adam, sgd"),
    ("recipe.momentum=0.9", "recipe.optimizer=adam, which does not use it"),
    ("recipe.warmup_steps=40", "recipe.warmup_steps is 40; it must be at least 0 and below recipe.max_steps=40"),
    ("recipe.evaluations=often", "recipe.evaluations is 'often'"),
    ("recipe.evaluations=[41]", "the steps must lie between 0 and recipe.max_steps=40"),
    ("runtime.engine=warp", "runtime.engine is 'warp'; allowed: auto, stacked, sequential, graph"),
    ("runtime.engine=graph", "runtime.engine=graph needs CUDA and runtime.device is cpu; use runtime=gpu or"),
    ("runtime.memory_format=nhwc", "runtime.memory_format is 'nhwc'; allowed: auto, contiguous, channels_last"),
    ("runtime.memory_format=channels_last", "it is for convolutions and network.family=mlp has none"),
    ("runtime.compile_blocks=true", "runtime.compile_blocks is for network.family=cifar and it is mlp"),
    ("runtime.compile_blocks=maybe", "runtime.compile_blocks is 'maybe'; allowed: auto, true, false"),
    ("runtime.compile_blocks=[]", "runtime.compile_blocks is []; true, false or auto is expected"),
    ("runtime.small_convolutions=maybe", "runtime.small_convolutions is 'maybe'; allowed: auto, true, false"),
    (
        "runtime.small_convolutions=true",
        "runtime.small_convolutions is for cuda, bf16, channels_last and these are cpu, fp32, contiguous; use auto or",
    ),
    ("runtime.max_minutes=0", "runtime.max_minutes is 0.0; it must be a positive number"),
    ("runtime.max_minutes=soon", "runtime.max_minutes is 'soon'; a number or null is expected"),
    ("experiment.run_per=seed", "experiment.run_per is 'seed'; allowed: cohort, network"),
    ("runtime.threads=0", "runtime.threads is 0; it must be at least 1"),
    ("+experiment.name=a/b", "experiment.name is 'a/b'"),
]


@pytest.mark.parametrize(("override", "message"), WRONG, ids=[override for override, _ in WRONG])
def test_wrong_value(compose_config, override, message):
    override = override.replace("+experiment.name", "experiment.name")
    with pytest.raises(ConfigError, match=re.escape(message)):
        compose_config(*override.split(" "))


@pytest.mark.parametrize("milestones", ["[40]", "[20,10]", "[0]", "[10,10]"])
def test_milestones_outside_the_steps(compose_config, milestones):
    with pytest.raises(ConfigError, match="the steps must rise and lie between 0 and recipe.max_steps=40"):
        compose_config("recipe.schedule=steps", f"recipe.milestones={milestones}")


def test_misspelt_key_is_refused_by_hydra(compose_config):
    with pytest.raises(HydraException, match=r"recipe\.lrr"):
        compose_config("recipe.lrr=1")


NARROW_B = ["experiment=digits_depth", "network.shortcut=B"]


@pytest.mark.parametrize(
    ("overrides", "key", "value"),
    [
        (["runtime=cpu"], "engine", "stacked"),
        (["runtime=gpu"], "engine", "stacked"),
        (["runtime=gpu", "recipe.precision=bf16"], "engine", "sequential"),
        (["runtime=gpu", "runtime.engine=graph"], "engine", "graph"),
        (["experiment=cifar10_depth", "depth=20", "runtime=cpu"], "engine", "sequential"),
        (["experiment=cifar10_depth", "depth=20", "runtime=gpu"], "engine", "graph"),
        (["experiment=cifar10_depth", "depth=20", "runtime=gpu", "recipe.precision=bf16"], "engine", "graph"),
        (["experiment=digits_depth", "depth=20", "runtime=gpu"], "engine", "graph"),
        (["experiment=digits_depth", "depth=20", "runtime=gpu", "runtime.engine=sequential"], "engine", "sequential"),
        (["experiment=sine_depth"], "memory_format", "contiguous"),
        (["experiment=digits_depth"], "memory_format", "channels_last"),
        (["experiment=digits_depth", "runtime.memory_format=contiguous"], "memory_format", "contiguous"),
        (NARROW_B, "memory_format", "contiguous"),
        ([*NARROW_B, "network.width=16"], "memory_format", "channels_last"),
        ([*NARROW_B, "variants=[plain]"], "memory_format", "contiguous"),  # that of its pair
        (["experiment=cifar10_depth", "runtime=gpu"], "memory_format", "channels_last"),
        (["experiment=cifar10_fp32", "runtime=gpu"], "memory_format", "contiguous"),
        (["experiment=cifar10_depth", "runtime=gpu"], "compile_blocks", True),
        (["experiment=cifar10_depth", "runtime=gpu", "recipe.precision=fp64"], "compile_blocks", False),
        (["experiment=cifar10_smoke", "runtime=gpu"], "compile_blocks", False),  # 20 steps
        (["experiment=digits_depth"], "compile_blocks", False),
        (["experiment=sine_depth", "runtime=gpu"], "compile_blocks", False),
        (["experiment=cifar10_depth", "runtime=gpu"], "small_convolutions", True),
        (["experiment=cifar10_depth", "runtime=gpu", "runtime.small_convolutions=false"], "small_convolutions", False),
        (
            ["experiment=cifar10_depth", "runtime=gpu", "runtime.memory_format=contiguous"],
            "small_convolutions",
            False,
        ),
        (["experiment=cifar10_fp32", "runtime=gpu"], "small_convolutions", False),
        (["experiment=digits_depth", "recipe.precision=bf16"], "small_convolutions", False),
    ],
)
def test_what_auto_stands_for(overrides, key, value, monkeypatch):
    monkeypatch.setattr("degradation.config.cohort.missing_for_kernels", lambda: None)
    monkeypatch.setattr("degradation.networks.cifar_spec.missing_for_compilation", lambda device: None)
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        assert getattr(parse(compose("config", overrides)).runtime, key) == value


def test_without_a_compiler_auto_does_not_compile(monkeypatch):
    monkeypatch.setenv("CC", "no-such-compiler")
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        chosen = ["experiment=cifar10_depth", "runtime=gpu"]
        assert parse(compose("config", chosen)).runtime.compile_blocks is False
        assert parse(compose("config", [*chosen, "runtime.compile_blocks=true"])).runtime.compile_blocks is True
        assert parse(compose("config", chosen)).runtime.small_convolutions is False


@pytest.mark.parametrize("shortcut", ["B", "C"])
@pytest.mark.parametrize("setting", ["runtime.memory_format=channels_last", "runtime.compile_blocks=true"])
def test_memory_that_onednn_would_overwrite_is_not_risked(setting, shortcut):
    chosen = ["experiment=digits_depth", setting, f"network.shortcut={shortcut}"]
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        with pytest.raises(ConfigError, match="needs network.width of at least 16 on the CPU"):
            parse(compose("config", chosen))
        for allowed in ("network.width=16", "network.shortcut=A", "runtime=gpu"):
            parse(compose("config", [*chosen, allowed]))


UNTIL = ["recipe.warmup_until_error=80", "seeds=[0]", "variants=[plain]", "depth=110", "runtime=gpu"]


def test_a_warm_up_that_waits_for_an_error_is_not_captured():
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        chosen = ["experiment=cifar10_depth", *UNTIL]
        assert parse(compose("config", chosen)).runtime.engine == "sequential"
        with pytest.raises(
            ConfigError, match="recipe.warmup_until_error decides on the host .* runtime.engine=sequential"
        ):
            parse(compose("config", [*chosen, "runtime.engine=graph"]))


def test_cifar_networks_are_not_stacked(compose_config):
    with pytest.raises(ConfigError, match="networks of the cifar family are not stacked, use auto, sequential or"):
        compose_config("experiment=digits_depth", "depth=8", "recipe=digits", "recipe.max_steps=150",
                       "runtime.engine=stacked")  # fmt: skip


def test_depth_may_be_a_list(compose_config):
    assert compose_config("depth=[1,7]").depths == [1, 7]


@pytest.mark.parametrize(("span", "depth"), [(1, 2), (1, 9), (2, 5), (4, 9)])
def test_span_decides_the_depths(compose_config, span, depth):
    assert compose_config(f"network.span={span}", f"depth={depth}").depths == [depth]


def test_evaluation_steps_hold_first_last_and_milestones(compose_config):
    recipe = compose_config("recipe.schedule=steps", "recipe.milestones=[7,33]", "recipe.evaluations=2").recipe
    assert recipe.evaluation_steps == [0, 7, 20, 33, 40]
    assert compose_config("recipe.evaluations=[5]").recipe.evaluation_steps == [0, 5, 40]


def test_every_experiment_file_is_valid(compose_config):
    names = sorted(path.stem for path in (ROOT / "conf" / "experiment").glob("*.yaml"))
    assert {"sine_depth", "sine_depth_he", "sine_depth_batchnorm"} <= set(names)
    for name in names:
        assert parse(compose("config", [f"experiment={name}"])).experiment.name == name


def test_networks_on_cifar10_are_runs_of_their_own_in_wandb(compose_config):
    for path in (ROOT / "conf" / "experiment").glob("*.yaml"):
        shown = parse(compose("config", [f"experiment={path.stem}"]))
        assert (path.stem, shown.logger.run_per) == (
            path.stem,
            "network" if shown.task.name == "cifar10" else "cohort",
        )
        assert parse(compose("config", [f"experiment={path.stem}", "logger=none"])).logger.name == "none"
    chosen = compose("config", ["experiment=cifar10_depth", "logger=wandb_online", "logger.run_per=cohort"])
    assert parse(chosen).logger.run_per == "cohort"
    with pytest.raises(ConfigError, match="logger.run_per is 'seed'; allowed: cohort, network"):
        parse(compose("config", ["logger.run_per=seed"]))
