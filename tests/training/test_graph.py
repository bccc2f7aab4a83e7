"""The step that the graph engine captures, run on the CPU by calling it, against the sequential engine.

The learning rates here are exact in float32, as the device holds them; so agreement can be bitwise.
"""

import csv
import dataclasses

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode

from degradation.commands.train import train_watched as train
from degradation.records.run import Run
from degradation.training.callbacks import Interrupted, RunFiles
from degradation.training.engines import Engine
from degradation.training.graph import GraphEngine, SeedTable
from degradation.training.group import evaluate
from degradation.training.members import Member, load_task
from tests.training.conftest import with_runtime
from tests.training.test_cohort import fit
from tests.training.test_engines import assert_same, tensors

EXACT = [
    *["experiment=digits_depth", "recipe=digits", "task=digits", "network=cifar", "network.width=2", "depth=8"],
    *["recipe.batch_size=16", "recipe.max_steps=24", "recipe.evaluations=2", "recipe.lr=0.125", "recipe.gamma=0.5"],
    *["recipe.milestones=[10,16]", "recipe.warmup_steps=8", "seeds=[3]", "runtime.segment_steps=7"],
]


def rows(run, name="records.csv"):
    """Rows without what differs between equal runs."""
    with open(run.path / name, newline="") as file:
        return [{**row, "seconds": ""} for row in csv.DictReader(file)]


def built(config, engine_class=GraphEngine):
    engine = engine_class(config, load_task(config))
    engine.to_device(torch.device("cpu"))
    engine.configure_optimizers()
    return engine


@pytest.mark.parametrize(
    "overrides",
    [
        ["depth=[8,14]", "seeds=[0,3]"],
        ["recipe.momentum=0"],
        ["network.shortcut=B", "recipe.precision=fp64"],
        ["recipe.precision=bf16"],
        ["runtime.memory_format=channels_last", "network.shortcut=B", "network.width=16"],
        ["recipe.optimizer=adam", "recipe.momentum=0", "recipe.weight_decay=0"],
    ],
)
def test_the_step_is_that_of_the_sequential_engine_bitwise(compose_config, called, overrides):
    config = compose_config(*EXACT, *overrides)
    sequential, graph = built(config, Engine), built(called(config))
    for engine in (sequential, graph):
        engine.run(0, 24)
    assert_same(tensors(sequential), tensors(graph), rtol=0, atol=0)
    ours, theirs = graph.member_states(), sequential.member_states()
    for name, state in ours.items():
        assert repr(state["optimizer"]) == repr(theirs[name]["optimizer"])
        assert {key: state[key] for key in ("loss_sum", "error_sum", "steps_summed")} == {
            key: theirs[name][key] for key in ("loss_sum", "error_sum", "steps_summed")
        }
    assert repr(graph.evaluate()) == repr(sequential.evaluate())


def test_the_memory_format_does_not_change_what_is_computed(compose_config, called):
    exact = [*EXACT, "recipe.precision=fp64", "recipe.lr=0.0078125"]
    contiguous = compose_config(*exact, "runtime.memory_format=contiguous")
    channels_last = compose_config(*exact, "runtime.memory_format=channels_last")
    first, second = built(called(contiguous)), built(called(channels_last))
    for engine in (first, second):
        engine.run(0, 24)
    weight = second.all_groups()[0].network.blocks[0].conv1.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert not weight.is_contiguous()
    assert_same(tensors(first), tensors(second), rtol=1e-6, atol=1e-9)
    for member, measured in first.evaluate().items():
        assert second.evaluate()[member]["test_loss"] == pytest.approx(measured["test_loss"], rel=1e-6)
    first.load_member_states(second.member_states())  # a checkpoint of one format goes on in the other
    assert_same(tensors(first), tensors(second), rtol=0, atol=0)


def test_the_step_of_a_regression_task_too(compose_config, called):
    config = compose_config("recipe.schedule=constant", "recipe.lr=0.0009765625", "runtime.engine=sequential")
    sequential, graph = built(config, Engine), built(called(config))
    for engine in (sequential, graph):
        engine.run(0, 40)
    assert_same(tensors(sequential), tensors(graph), rtol=0, atol=0)


def test_the_step_over_200_steps_at_depth_20_in_float64(compose_config, called):
    longer = ["depth=20", "seeds=[0]", "recipe.max_steps=200", "recipe.precision=fp64", "runtime.segment_steps=100"]
    config = compose_config(*EXACT, *longer)
    sequential, graph = built(config, Engine), built(called(config))
    for engine in (sequential, graph):
        engine.run(0, 200)
    assert_same(tensors(sequential), tensors(graph), rtol=0, atol=0)


def test_warm_up_leaves_everything_as_it_was(compose_config, called):
    engine = built(called(compose_config(*EXACT)))
    before = {name: tensor.clone() for name, tensor in engine.state_dict().items()}
    engine.warm_up()
    assert_same(before, engine.state_dict(), rtol=0, atol=0)
    for group in engine.all_groups():
        states = list(group.optimizer.state.values())
        assert len(states) == len(list(group.network.parameters()))
        assert all(not state["momentum_buffer"].any() for state in states)
        assert all(parameter.grad is None for parameter in group.network.parameters())

    engine.run(0, 5)
    momentum = {name: state["optimizer"] for name, state in engine.member_states().items()}
    before, expected = {name: tensor.clone() for name, tensor in engine.state_dict().items()}, repr(momentum)
    engine.warm_up()
    assert_same(before, engine.state_dict(), rtol=0, atol=0)
    assert repr({name: state["optimizer"] for name, state in engine.member_states().items()}) == expected


def test_tables_hold_what_the_sequential_engine_takes(compose_config, called):
    engine = built(called(compose_config(*EXACT)))
    toy_batches = engine.task.batches(3, batch_size=16, start=90, stop=95)
    augmented = dataclasses.replace(engine.task, augment=True)
    for task in (engine.task, augmented):
        batches = task.batches(3, batch_size=16, start=90, stop=95)
        table = SeedTable(task.batches(3, batch_size=16, start=0, stop=1), steps=7)
        table.fill(batches)
        assert torch.equal(batches.indices, toy_batches.indices)
        for row in range(5):
            taken = table.at(torch.tensor([row]))
            assert torch.equal(taken.indices, batches[row].indices)
            if task.augment:
                assert torch.equal(taken.augmentation, batches[row].augmentation)
            for ours, theirs in zip(task.training_batch(taken), task.training_batch(batches[row]), strict=True):
                assert torch.equal(ours, theirs)


def test_rates_on_the_device_are_the_schedule_in_float32(compose_config, called):
    engine = built(called(compose_config(*EXACT, "recipe.lr=0.1", "recipe.warmup_min_depth=14", "depth=[8,14]")))
    shallow, deep = engine.all_lanes()[0], engine.all_lanes()[-1]
    for lane in (shallow, deep):
        lane.fill(5, 12)
        expected = [lane.learning_rate(step) for step in range(5, 12)]
        assert lane.rates.tolist() == torch.tensor(expected).tolist()
    assert not torch.equal(shallow.rates, deep.rates)


def test_state_is_never_replaced(compose_config, called):
    """A captured step keeps addresses: steps, evaluations and loading write into the tensors that are there."""
    engine = built(called(compose_config(*EXACT, "recipe.optimizer=adam", "recipe.momentum=0")))
    engine.run(0, 3)

    def addresses():
        state = [tensor.data_ptr() for tensor in engine.state_dict().values()]
        static = [tensor.data_ptr() for tensor in engine.buffers()]
        optimizer = [
            value.data_ptr()
            for group in engine.all_groups()
            for states in group.optimizer.state.values()
            for value in states.values()
        ]
        return [*state, *static, *optimizer]

    before = addresses()
    engine.run(3, 12)
    engine.evaluate()
    engine.load_member_states(engine.member_states())
    assert addresses() == before


def test_a_diverged_network_freezes_and_the_others_go_on(compose_config, called):
    config = called(compose_config(*EXACT, "seeds=[0,3]"))
    healthy, sick = built(config), built(config)
    healthy.run(0, 24)
    sick.run(0, 9)
    states = sick.member_states()
    states["depth=008,plain,seed=3"]["network"]["head.bias"].fill_(torch.inf)
    sick.load_member_states(states)
    parameters = {name for name, _ in sick.all_groups()[1].network.named_parameters()}
    frozen = {
        name: tensor.clone()
        for name, tensor in tensors(sick).items()
        if "plain,seed=3" in name and name.split("/")[1] in parameters
    }
    sick.run(9, 24)
    after = tensors(sick)
    assert len(frozen) == len(parameters)
    assert_same(frozen, after, rtol=0, atol=0)
    assert_same(
        {name: tensor for name, tensor in tensors(healthy).items() if "plain,seed=3" not in name},
        after, rtol=0, atol=0,
    )  # fmt: skip
    assert sick.diverged_steps() == {
        Member(8, "plain", 0): None,
        Member(8, "plain", 3): 9,
        Member(8, "residual", 0): None,
        Member(8, "residual", 3): None,
    }


def test_a_diverging_network_stops_where_the_sequential_engine_stops_it(compose_config, called):
    config = compose_config(*EXACT, "recipe.lr=1099511627776", "recipe.warmup_steps=0", "recipe.milestones=[12]")
    sequential, graph = built(config, Engine), built(called(config))
    for engine in (sequential, graph):
        engine.run(0, 24)
    assert graph.diverged_steps() == sequential.diverged_steps()
    assert None not in graph.diverged_steps().values()
    names = {name for group in graph.all_groups() for name, _ in group.network.named_parameters()}
    ours, theirs = (
        {name: tensor for name, tensor in tensors(engine).items() if name.split("/")[1] in names}
        for engine in (graph, sequential)
    )
    assert_same(ours, theirs, rtol=0, atol=0)


def test_resumed_is_undisturbed_bitwise_and_engines_may_change(compose_config, called):
    plain = compose_config(*EXACT, "runtime.checkpoint_every_steps=5")
    graph = called(plain)
    undisturbed = fit(graph)
    assert isinstance(undisturbed.engine, GraphEngine)
    resumed = fit(graph, fit(graph, stop=15).checkpoint())
    from_sequential = fit(graph, fit(plain, stop=15).checkpoint())
    to_sequential = fit(plain, fit(graph, stop=15).checkpoint())
    for other in (resumed, from_sequential, to_sequential):
        assert_same(tensors(undisturbed.engine), tensors(other.engine), rtol=0, atol=0)
        assert [repr(row) for row in other.curve] == [repr(row) for row in undisturbed.curve]


def test_a_whole_run_interrupted_and_continued_records_the_engine(compose_config, called, monkeypatch, tmp_path):
    config = called(compose_config(*EXACT, "runtime.checkpoint_every_steps=12"))
    original = RunFiles.on_train_batch_end

    def stop_at_12(self, trainer, cohort, *args):
        original(self, trainer, cohort, *args)
        if cohort.step == 12:
            raise Interrupted(143)

    with monkeypatch.context() as patch:
        patch.setattr(RunFiles, "on_train_batch_end", stop_at_12)
        with pytest.raises(SystemExit):
            train(config, config, show_progress=False)
    assert Run(config, config).read_status()["state"] == "interrupted"
    continued = train(config, config, show_progress=False)
    elsewhere = with_runtime(config, runs_dir=str(tmp_path / "elsewhere"))
    undisturbed = train(elsewhere, elsewhere, show_progress=False)
    assert len(rows(continued)) == 2
    assert {row["engine"] for row in rows(continued)} == {"graph"}
    for name in ("records.csv", "curves.csv", "layers.csv"):
        assert rows(continued, name) == rows(undisturbed, name)


def test_all_networks_of_a_seed_take_one_batch(compose_config, called, monkeypatch):
    engine, taken = built(called(compose_config(*EXACT, "seeds=[0,3]"))), []
    original = type(engine.task).training_batch
    monkeypatch.setattr(
        type(engine.task), "training_batch", lambda task, batch: taken.append(batch) or original(task, batch)
    )
    engine.run(0, 1)
    taken.clear()
    engine.run(1, 2)
    assert len(taken) == 2  # seeds, of four networks


@pytest.mark.parametrize(
    "variants",
    [
        "plain,residual",
        "exclusive_gate_3,shortcut_gate",
        "half_both,conv_shortcut",
        "bn_after,full_preactivation",
        "skipinit,fixup",
    ],
)
def test_a_step_on_a_pretended_gpu_stays_there_and_never_looks_at_the_host(compose_config, monkeypatch, variants):
    """PyTorch's fake tensors have a device and no data: operations on two devices fail, and so does reading a number.

    Backward pass and fused optimizers need a real GPU; here gradients are set, and the optimizers' tensors looked at.
    """
    config = with_runtime(
        compose_config(*EXACT, "depth=[8,14]", "seeds=[0,3]", f"variants=[{variants}]"), device="cuda", engine="graph"
    )
    task = dataclasses.replace(load_task(config), augment=True)
    engine = GraphEngine(config, task)
    steps = []

    def backward(loss):
        assert loss.is_cuda
        for lane in engine.all_lanes():
            for parameter in lane.network.parameters():
                parameter.grad = torch.empty_like(parameter)

    def optimizer_step(optimizer):
        (group,) = optimizer.param_groups
        given = [group["lr"], optimizer.found_inf, *group["params"], *(weight.grad for weight in group["params"])]
        assert all(tensor.is_cuda for tensor in given)
        steps.append(optimizer)

    monkeypatch.setattr(torch.Tensor, "backward", backward)
    monkeypatch.setattr(torch.optim.SGD, "step", optimizer_step)
    with FakeTensorMode(allow_non_fake_inputs=True):
        for module in engine.modules():
            for named in (module._parameters, module._buffers):
                for name, tensor in named.items():
                    if tensor is not None:
                        moved = torch.empty_like(tensor, device="cuda")
                        named[name] = nn.Parameter(moved) if isinstance(tensor, nn.Parameter) else moved
        engine.to_device(torch.device("cuda"))
        engine.configure_optimizers()
        engine._fill(0, 7)
        engine.warm_up()
        engine.step()
        assert len(steps) == (3 + 1) * len(engine.all_lanes()) == 4 * 8
        assert all(tensor.is_cuda for tensor in engine.state_dict().values())
        lane = engine.all_lanes()[0]
        for measured in (evaluate([lane], engine.task.test, engine.task)[0], lane.take_batch_means(engine.task)):
            assert [values.is_cuda for values in measured] == [True, True]
        with pytest.raises(DataDependentOutputException):  # what a look at the host would be
            bool(lane.frozen)
