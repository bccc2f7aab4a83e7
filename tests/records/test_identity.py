"""Digest and slug: what they depend on, and what they do not."""

import pytest

from degradation.records.identity import condition, differences, digest, slug


def test_digest_covers_task_network_and_recipe(compose_config):
    reference = digest(compose_config())
    assert len(reference) == 12
    for change in (
        "recipe.lr=0.002",
        "network.width=31",
        "task.noise=0.1",
        "recipe.max_steps=41",
        "network.norm=batch",
    ):
        assert digest(compose_config(change)) != reference, change


@pytest.mark.parametrize(
    "change",
    ["runtime.engine=sequential", "logger=wandb_offline", "runtime.segment_steps=7", "depth=7", "seeds=[9]",
     "variants=[plain]", "experiment.title=x", "recipe.lr=1e-3"],
)  # fmt: skip
def test_digest_leaves_out_execution_and_cohort(compose_config, change):
    assert digest(compose_config(change)) == digest(compose_config())


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


def test_condition_and_differences(compose_config):
    changed, defaults = compose_config("recipe.lr=0.003", "seeds=[7]"), compose_config()
    assert condition(changed, defaults) == "lr=0.003"
    assert condition(defaults, defaults) == ""
    assert differences(changed, defaults) == {"recipe.lr": (0.003, 0.001)}
