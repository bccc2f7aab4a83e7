"""Variants: members of a cohort that differ in network and recipe, and what is matched with plain."""

import pytest
import torch
from hydra import compose

from degradation.checks import ConfigError
from degradation.config import parse, parse_stored
from degradation.config.variants import PLAIN, checked
from degradation.training.engines import Engine
from degradation.training.members import Member, build, load_task, matched
from tests.training.test_cohort import fit
from tests.training.test_engines import LONG, assert_same, tensors, trained

FIVE = "variants=[plain,residual,scaled,he_zero_last,plain_eps]"
DIGITS = ["experiment=digits_depth", "recipe=digits", "task=digits", "network=cifar", "network.width=2", "depth=8",
          "recipe.max_steps=6", "recipe.milestones=[]", "recipe.schedule=constant", "recipe.warmup_steps=0",
          "recipe.batch_size=16", "seeds=[0]"]  # fmt: skip


def test_variants_of_one_recipe_are_stacked_and_another_recipe_is_a_stack_of_its_own(compose_config):
    config = compose_config(FIVE, "network.init=he")
    groups = Engine(config, load_task(config)).all_groups()
    stacks = [list(dict.fromkeys(member.variant for member in group.members)) for group in groups]
    assert stacks == [["plain", "residual", "scaled", "he_zero_last"], ["plain_eps"]]
    assert groups[1].recipe.eps == 1e-20
    mixed = groups[0].network.blocks[0]
    assert mixed.shortcut.flatten().tolist() == pytest.approx([0, 0, 1, 1, 0.5**0.5, 0.5**0.5, 1, 1])
    assert mixed.branch.flatten().tolist() == pytest.approx([1, 1, 1, 1, 0.5**0.5, 0.5**0.5, 1, 1])


def test_other_layouts_are_not_stacked_together(compose_config):
    """Layer normalisation has no tensors, so names and shapes alone would not tell it from none."""
    config = compose_config()
    config.definitions["normed"] = checked("normed", {"network": {"norm": "layer"}})
    wide = checked("wide", {"network": {"width": 31}})
    values = config.composed | {"variant": config.definitions | {"wide": wide}}
    values["variants"] = ["plain", "normed", "wide"]
    together = parse_stored(values)
    groups = Engine(together, load_task(together)).all_groups()
    assert [{member.variant for member in group.members} for group in groups] == [{"plain"}, {"normed"}, {"wide"}]


@pytest.mark.parametrize("engine", ["stacked", "sequential"])
def test_a_variant_does_not_depend_on_its_company_over_200_steps(compose_config, engine):
    overrides = [*LONG, f"runtime.engine={engine}", "depth=7", "seeds=[1]", "network.init=he"]
    together = tensors(trained(compose_config(*overrides, FIVE)))
    for name in ("plain", "scaled", "he_zero_last", "plain_eps"):
        alone = tensors(trained(compose_config(*overrides, f"variants=[{name}]")))
        assert_same(alone, together, rtol=1e-6, atol=1e-9)


def test_plain_and_residual_are_bitwise_what_they_are_without_others(compose_config):
    pair, five = (tensors(fit(compose_config(chosen, "network.init=he")).engine) for chosen in ("seeds=[0,1]", FIVE))
    assert_same(pair, five, rtol=0, atol=0)


def test_epsilon_reaches_the_optimizer(compose_config):
    """The first step of Adam from a gradient g moves by lr g / (|g| + eps)."""
    chosen = ["recipe.precision=fp64", "variants=[plain]", "seeds=[0]", "recipe.eps=0.5", "recipe.schedule=constant"]
    config = compose_config(*chosen)
    moved = tensors(trained(config, steps=1))
    member, task = Member(4, "plain", 0), load_task(config)
    network = build(member, config).double()
    inputs, targets = task.training_batch(task.batches(0, batch_size=32, start=0, stop=1)[0])
    task.loss(network(inputs), targets).backward()
    for name, parameter in network.named_parameters():
        expected = config.recipe.lr * parameter.grad / (parameter.grad.abs() + 0.5)
        change = parameter.detach() - moved[f"{member}/{name}"]
        torch.testing.assert_close(change, expected, rtol=1e-9, atol=1e-15)


def test_what_is_matched_is_computed_from_what_is_built(compose_config):
    config = compose_config(FIVE, "network.init=he", "depth=[1,4]")
    found = {(depth, name): matched(Member(depth, name, 0), config) for depth in (1, 4) for name in config.variants}
    assert {key for key, value in found.items() if value} == {
        (1, "plain"), (4, "plain"), (4, "residual"), (4, "scaled"),
    }  # fmt: skip  # depth 1: one network; he_zero_last: other initial tensors; plain_eps: another recipe


@pytest.mark.parametrize(("shortcut", "expected"), [("A", True), ("B", False), ("C", False)])
def test_projections_are_not_matched(compose_config, shortcut, expected):
    config = compose_config(*DIGITS, f"network.shortcut={shortcut}", "runtime.memory_format=contiguous")
    assert matched(Member(8, "residual", 0), config) is expected
    assert matched(Member(8, PLAIN, 0), config)


def test_which_other_shortcuts_are_matched(compose_config):
    """Factors are a matter of the shortcut; gates and projections have parameters more, dropout a noise."""
    kinds = ["half_shortcut", "half_both", "exclusive_gate_3", "shortcut_gate", "conv_shortcut", "dropout_shortcut"]
    config = compose_config(*DIGITS, f"variants=[plain,residual,{','.join(kinds)}]")
    assert [name for name in kinds if matched(Member(8, name, 0), config)] == ["half_shortcut", "half_both"]


def test_every_order_is_matched_with_plain(compose_config):
    names = ["bn_after", "relu_before", "relu_only_preactivation", "full_preactivation"]
    config = compose_config(*DIGITS, f"variants=[plain,residual,{','.join(names)}]")
    assert all(matched(Member(8, name, 0), config) for name in names)
    assert len({row["train_loss"] for row in fit(config).records()}) == 6


def test_networks_without_normalisation_are_not_matched_with_plain(compose_config):
    names = ["plain_no_norm", "no_norm", "no_norm_zero_last", "skipinit", "fixup"]
    config = compose_config(*DIGITS, f"variants=[plain,{','.join(names)}]")
    assert not any(matched(Member(8, name, 0), config) for name in names)
    norms = {row["variant"]: row["norm"] for row in fit(config).records()}
    assert norms == {"plain": "batch", "skipinit": "skipinit", "fixup": "fixup"} | dict.fromkeys(names[:3], "none")


def test_what_has_no_plain_counterpart_is_not_matched(compose_config):
    """A plain network cannot start with its branches at zero, nor has it a sum to scale."""
    for override in ("network.init=he_zero_last", "network.branch_scale=0.5"):
        (first, *_) = fit(compose_config("variants=[residual]", override)).records()
        assert first["matched"] is False


def test_images_take_variants_too(compose_config):
    """he_zero_last starts as its shortcuts, so its blocks have no say in the first predictions."""
    config = compose_config(*DIGITS, "variants=[plain,residual,scaled,he_zero_last]")
    records = {row["variant"]: row for row in fit(config).records()}
    assert {name: row["matched"] for name, row in records.items()} == {
        "plain": True, "residual": True, "scaled": True, "he_zero_last": False,
    }  # fmt: skip
    assert len({row["digest"] for row in records.values()}) == 4
    assert len({row["train_loss"] for row in records.values()}) == 4
    network = Engine(config, load_task(config)).all_groups()[3].network
    x = torch.rand(3, 1, 8, 8)
    with torch.no_grad():
        before = network.eval()(x)
        for block in network.blocks:
            block.conv1.weight.normal_()
        assert torch.equal(network(x), before)


def test_variants_share_batches_and_steps():
    for key in ("batch_size", "max_steps", "evaluations", "precision"):
        with pytest.raises(ConfigError, match=f"variant big sets recipe.{key}, which all networks of a cohort share"):
            checked("big", {"recipe": {key: 1}})
    with pytest.raises(ConfigError, match="variant mad sets 'task'; a variant sets keys of network and recipe"):
        checked("mad", {"task": {"noise": 1}})
    with pytest.raises(ConfigError, match="variant mad sets network.family; a variant is of every family"):
        checked("mad", {"network": {"family": "mlp"}})
    with pytest.raises(ConfigError, match="variant mad: network is 3; a group of keys is expected"):
        checked("mad", {"network": 3})


def test_a_variant_that_does_not_fit_says_so(compose_config):
    with pytest.raises(ConfigError, match="variant plain_eps: recipe.eps is 1e-20 with recipe.optimizer=sgd, which"):
        compose_config(*DIGITS, "variants=[plain,plain_eps]")


def test_a_run_holds_the_definitions_of_its_variants(compose_config):
    composed = compose_config("variants=[plain,scaled]").composed
    assert composed["variant"]["plain"] == {"network": {"shortcut": "none"}}
    assert set(composed["variant"]) == {"plain", "scaled"}
    alone = compose_config("variants=[scaled]")
    stored = parse_stored(alone.composed)
    assert (stored.of("scaled"), stored.composed) == (alone.of("scaled"), alone.composed)
    assert matched(Member(4, "scaled", 0), stored)  # plain is defined there too
    assert parse(compose("config", ["depth=4"])).variants == ["plain", "residual"]
