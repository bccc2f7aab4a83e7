"""Digest and slug: what they depend on, and what they do not."""

from dataclasses import field, fields, make_dataclass, replace

import pytest

from degradation.config.composition import defaults_of
from degradation.networks.mlp_spec import MLPNetwork
from degradation.records.identity import condition, differences, digest, identity, own_conditions, slug


def test_digest_covers_task_network_and_recipe(compose_config):
    reference = digest(compose_config(), "residual")
    assert len(reference) == 12
    for change in (
        "recipe.lr=0.002",
        "network.width=31",
        "task.noise=0.1",
        "recipe.max_steps=41",
        "network.norm=batch",
    ):
        assert digest(compose_config(change), "residual") != reference, change


@pytest.mark.parametrize(
    "change",
    ["runtime.engine=sequential", "logger=wandb_offline", "runtime.segment_steps=7", "depth=7", "seeds=[9]",
     "variants=[plain]", "experiment.title=x", "recipe.lr=1e-3"],
)  # fmt: skip
def test_digest_leaves_out_execution_and_cohort(compose_config, change):
    assert digest(compose_config(change), "residual") == digest(compose_config(), "residual")


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([], "sine/mlp/depth=004"),
        (["depth=49"], "sine/mlp/depth=049"),
        (["depth=[7,10]"], "sine/mlp/depth=007+010"),
        (["recipe.lr=3e-3", "network.width=64", "seeds=[0]"], "sine/mlp/depth=004,lr=0.003,width=64,seeds=0"),
        (["seeds=[0,1,2,5]"], "sine/mlp/depth=004,seeds=0-2+5"),
        (["variants=[residual]"], "sine/mlp/depth=004,variants=residual"),
        (["recipe.schedule=steps", "recipe.milestones=[5,6]"], "sine/mlp/depth=004,milestones=5+6,schedule=steps"),
        (["runtime.engine=sequential"], "sine/mlp/depth=004"),
        (["task.noise=0.1"], "sine/mlp/depth=004,noise=0.1"),
        (["recipe.evaluations=[5]"], "sine/mlp/depth=004,evaluations=5+"),
    ],
)
def test_slug(compose_config, overrides, expected):
    assert slug(compose_config(*overrides), compose_config()) == expected


def test_a_long_slug_is_cut_and_stays_unique(compose_config):
    many = [f"[{','.join(map(str, range(start, 40, 1)))}]" for start in (2, 3)]
    names = [
        slug(compose_config("recipe.schedule=steps", f"recipe.milestones={steps}"), compose_config()) for steps in many
    ]
    assert names[0] != names[1]
    assert all(len(name) < 160 for name in names)


def test_each_variant_has_a_digest_of_its_own(compose_config):
    config = compose_config("variants=[plain,residual,scaled,plain_eps]")
    digests = identity(config)["digests"]
    assert list(digests) == config.variants
    assert len(set(digests.values())) == 4
    assert own_conditions(compose_config())[""].digests["scaled"] == digests["scaled"]


def test_variants_that_do_not_fit_have_no_digest(compose_config):
    sgd = compose_config("recipe.optimizer=sgd")
    assert "plain_eps" not in own_conditions(sgd)[""].digests  # epsilon is Adam's
    assert "scaled" in own_conditions(sgd)[""].digests


def test_a_new_key_changes_no_digest(compose_config):
    """A key that names its value for "as if there were no such key" can be added to settings at any time."""
    config = compose_config()
    before = digest(config, "plain")
    later = make_dataclass(
        "LaterNetwork",
        [("later_key", float, field(default=0.0, metadata={"absent": 0.0}))],
        bases=(MLPNetwork,),
    )
    values = {f.name: getattr(config.network, f.name) for f in fields(config.network)}
    assert digest(replace(config, network=later(**values)), "plain") == before
    assert digest(replace(config, network=later(**values, later_key=-2.0)), "plain") != before


def test_pinned_digests(compose_config):
    """The identity of the committed reference: whoever changes these orphans it."""
    pinned = {
        "sine_depth": ("76fa8536b275", "adcf0d5f45e8"),
        "digits_depth": ("8d17f97639ba", "03b0e3d5cead"),
        "cifar10_small": ("b6c891312ec7", "3f96475b87fc"),
    }
    for name, (plain, residual) in pinned.items():
        own = own_conditions(defaults_of(name))[""].digests
        assert (own["plain"], own["residual"]) == (plain, residual)


def test_condition_and_differences(compose_config):
    changed, defaults = compose_config("recipe.lr=0.003", "seeds=[7]"), compose_config()
    assert condition(changed, defaults) == "lr=0.003"
    assert condition(defaults, defaults) == ""
    assert differences(changed, defaults) == {"recipe.lr": (0.003, 0.001)}


def test_another_family_names_its_own_keys(compose_config):
    other = ["experiment=digits_depth", "recipe=digits", "task=digits", "recipe.max_steps=150"]
    mlp = compose_config(*other, "network=mlp")
    cifar = compose_config(*other, "network=cifar", "depth=8")
    assert condition(mlp, cifar) == "family=mlp,init=default,norm=none,shortcut=identity,span=3"
    assert differences(mlp, cifar)["network.span"] == (3, None)
