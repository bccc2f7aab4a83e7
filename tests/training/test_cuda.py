"""On a GPU: the graph engine against the sequential one and both against the CPU, resuming, divergence, precisions."""

import copy
import csv
import dataclasses

import pytest
import torch
from torch._dynamo.utils import counters

from degradation.commands.train import train_watched as train
from degradation.networks.compiler import missing_for_compilation, missing_for_kernels
from degradation.networks.small_convolutions import conv3x3
from degradation.records.run import Run
from degradation.training.callbacks import Interrupted, RunFiles
from degradation.training.engines import Engine
from degradation.training.graph import GraphEngine, SeedTable
from degradation.training.members import Member, load_task
from tests.training.test_engines import LONG, assert_same, tensors, trained

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]

needs_compiler = pytest.mark.skipif(
    missing_for_compilation("cuda") is not None, reason=missing_for_compilation("cuda") or ""
)

needs_kernels = pytest.mark.skipif(missing_for_kernels() is not None, reason=missing_for_kernels() or "")

# Learning rates that are exact in float32, as the graph engine holds them on the device.
DIGITS = [
    *["experiment=digits_depth", "recipe=digits", "task=digits", "network=cifar", "network.width=4", "depth=8"],
    *[
        "recipe.batch_size=32",
        "recipe.max_steps=200",
        "recipe.evaluations=2",
        "recipe.lr=0.0078125",
        "recipe.gamma=0.5",
    ],
    *["recipe.milestones=[100,150]", "recipe.warmup_steps=64", "seeds=[0]", "recipe.precision=fp64", "runtime=gpu"],
]
CLOSE = {"rtol": 1e-6, "atol": 1e-8}


@pytest.fixture(autouse=True)
def plain_float32():
    """As `train` sets it for fp32: no TF32 in products and convolutions."""
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


def built(config, engine_class, device="cuda"):
    """An engine on digits that are cropped and flipped as CIFAR-10 is."""
    task = dataclasses.replace(load_task(config), augment=True)
    engine = engine_class(config, task).to(device)
    engine.to_device(torch.device(device))
    engine.configure_optimizers()
    return engine


def on_cpu(engine):
    return {name: tensor.cpu().clone() for name, tensor in tensors(engine).items()}


def test_stacked_on_cuda_agrees_with_the_cpu_over_200_steps(compose_config):
    config = compose_config(*LONG, "depth=7")
    engine = Engine(config, load_task(config)).cuda()
    engine.to_device(torch.device("cuda"))
    engine.configure_optimizers()
    engine.run(0, 200)
    assert_same(on_cpu(engine), tensors(trained(config)), rtol=1e-6, atol=1e-9)


def test_indices_and_augmentation_on_the_device_are_those_of_the_cpu(compose_config):
    config = compose_config(*DIGITS)
    cpu, cuda = built(config, Engine, "cpu").task, built(config, Engine).task
    batches = cpu.batches(5, batch_size=128, start=70, stop=90)
    table = SeedTable(cpu.batches(5, batch_size=128, start=0, stop=1), steps=30).cuda()
    table.fill(batches)
    place = torch.zeros(1, dtype=torch.int64, device="cuda")
    for row in range(20):
        taken = table.at(place)
        assert torch.equal(taken.indices.cpu(), batches[row].indices)
        assert torch.equal(taken.augmentation.cpu(), batches[row].augmentation)
        images, labels = cuda.training_batch(taken)
        expected, expected_labels = cpu.training_batch(batches[row])
        torch.testing.assert_close(images.cpu(), expected, rtol=1e-14, atol=1e-14)
        assert torch.equal(labels.cpu(), expected_labels)
        place += 1


def test_capture_leaves_everything_as_it_was(compose_config):
    for optimizer in (["recipe.optimizer=sgd"], ["recipe.optimizer=adam", "recipe.momentum=0"]):
        engine = built(compose_config(*DIGITS, *optimizer, "depth=[8,14]"), GraphEngine)
        before = {name: tensor.clone() for name, tensor in engine.state_dict().items()}
        engine.replay = engine.capture()
        torch.cuda.synchronize()
        assert_same(before, engine.state_dict(), rtol=0, atol=0)
        for group in engine.all_groups():
            states = list(group.optimizer.state.values())
            assert len(states) == len(list(group.network.parameters()))
            assert not any(value.any() for state in states for value in state.values())


def test_float64_over_200_steps_at_depth_20(compose_config):
    config = compose_config(*DIGITS, "depth=20")
    graph, sequential, cpu = (
        built(config, GraphEngine),
        built(config, Engine),
        built(config, Engine, "cpu"),
    )
    for engine in (graph, sequential, cpu):
        engine.run(0, 200)
    assert_same(on_cpu(graph), on_cpu(sequential), **CLOSE)
    assert_same(on_cpu(graph), on_cpu(cpu), **CLOSE)
    ours, theirs = graph.evaluate(), cpu.evaluate()
    for member, measured in ours.items():
        assert measured == pytest.approx(theirs[member], rel=1e-5)


ONE_STEP = [
    *[*DIGITS, "depth=20", "network.width=16", "recipe.batch_size=128", "recipe.precision=fp32", "recipe.lr=0.125"],
    "recipe.warmup_steps=0",
]


def test_one_step_in_float32(compose_config):
    config = compose_config(*ONE_STEP)
    engines = [built(config, GraphEngine), built(config, Engine), built(config, Engine, "cpu")]
    for engine in engines:
        engine.run(0, 1)
    graph, sequential, cpu = (on_cpu(engine) for engine in engines)
    assert_same(graph, sequential, rtol=1e-4, atol=1e-4)
    assert_same(graph, cpu, rtol=1e-4, atol=1e-4)


@needs_compiler
def test_five_steps_with_compiled_blocks(compose_config):
    few = [*ONE_STEP, "recipe.lr=0.0009765625"]
    torch._dynamo.reset()
    counters.clear()
    compiled, eager = (
        built(compose_config(*few, f"runtime.compile_blocks={chosen}"), GraphEngine) for chosen in ("true", "false")
    )
    for engine in (compiled, eager):
        engine.run(0, 5)
    assert counters["stats"]["unique_graphs"] > 0
    assert_same(on_cpu(compiled), on_cpu(eager), rtol=1e-4, atol=1e-4)


def off(found, expected):
    """The error's norm over that of what is expected."""
    return ((found.double() - expected).norm() / expected.norm()).item()


@needs_kernels
@pytest.mark.parametrize(("channels", "side"), [(16, 32), (32, 16), (64, 8)])
def test_our_convolutions_agree_with_float64_and_with_themselves(channels, side):
    """On an H200 bfloat16's rounding was 0.0017 of the norm, and the weight's gradient, in float32, off by 1e-6."""
    draw = torch.Generator("cuda").manual_seed(0)
    x, gradient = (
        torch.randn(128, channels, side, side, device="cuda", generator=draw)
        .bfloat16()
        .contiguous(memory_format=torch.channels_last)
        for _ in range(2)
    )
    weight = torch.randn(channels, channels, 3, 3, device="cuda", generator=draw)
    grown = []
    for _ in range(2):
        inputs = x.clone().requires_grad_(), weight.clone().requires_grad_()
        output = conv3x3(*inputs)[0]
        output.backward(gradient)
        grown.append((output.detach(), *(tensor.grad for tensor in inputs)))
    assert all(torch.equal(first, second) for first, second in zip(*grown, strict=True))
    exact = x.double().requires_grad_(), weight.bfloat16().double().requires_grad_()
    expected = torch.nn.functional.conv2d(*exact, padding=1)
    expected.backward(gradient.double())
    output, of_x, of_weight = grown[0]
    assert off(output, expected) < 3e-3
    assert off(of_x, exact[0].grad) < 3e-3
    assert off(of_weight, exact[1].grad) < 1e-5


def test_adam_over_50_steps(compose_config):
    config = compose_config(*DIGITS, "recipe.optimizer=adam", "recipe.momentum=0", "recipe.lr=0.0009765625")
    graph, sequential = built(config, GraphEngine), built(config, Engine)
    for engine in (graph, sequential):
        engine.run(0, 50)
    assert_same(on_cpu(graph), on_cpu(sequential), **CLOSE)


def test_a_network_does_not_depend_on_its_cohort_of_parallel_streams(compose_config):
    together = built(compose_config(*DIGITS, "depth=[8,14,20]", "seeds=[0,3]"), GraphEngine)
    alone = built(compose_config(*DIGITS, "depth=14", "seeds=[3]", "variants=[residual]"), GraphEngine)
    for engine in (together, alone):
        engine.run(0, 130)
    assert_same(on_cpu(alone), on_cpu(together), **CLOSE)


def test_nothing_in_a_step_looks_at_the_host(compose_config):
    engine = built(compose_config(*DIGITS), GraphEngine)
    engine.run(0, 3)
    torch.cuda.set_sync_debug_mode("error")
    try:
        engine.replay()
        engine.step()
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_a_diverged_network_freezes_on_the_device_and_the_others_go_on(compose_config):
    config = compose_config(*DIGITS, "seeds=[0,3]")
    healthy, sick = built(config, GraphEngine), built(config, GraphEngine)
    healthy.run(0, 60)
    sick.run(0, 25)
    states = copy.deepcopy(sick.member_states())
    states["depth=008,plain,seed=3"]["network"]["head.bias"].fill_(torch.inf)
    sick.load_member_states(states)
    parameters = {name for name, _ in sick.all_groups()[0].network.named_parameters()}

    def parameters_of_the_sick_one():
        return {
            name: tensor
            for name, tensor in on_cpu(sick).items()
            if "plain,seed=3" in name and name.split("/")[1] in parameters
        }

    frozen = parameters_of_the_sick_one()
    sick.run(25, 60)
    assert len(frozen) == len(parameters)
    assert_same(frozen, parameters_of_the_sick_one(), rtol=0, atol=0)
    others = {name: tensor for name, tensor in on_cpu(healthy).items() if "plain,seed=3" not in name}
    assert_same(others, on_cpu(sick), **CLOSE)
    diverged = {member: step for member, step in sick.diverged_steps().items() if step is not None}
    assert diverged == {Member(8, "plain", 3): 25}


def table(run, name):
    with open(run.path / name, newline="") as file:
        return list(csv.DictReader(file))


def numbers(rows):
    """The measured columns, and the others."""
    names = [name for name in rows[0] if name.endswith(("_loss", "_error", "gradient_norm", "output_sd"))]
    measured = [float(row[name] or "nan") for row in rows for name in names]
    ignored = {*names, "seconds", "slug"}
    return measured, [{name: value for name, value in row.items() if name not in ignored} for row in rows]


def test_interrupted_and_continued_is_undisturbed(compose_config, monkeypatch, tmp_path):
    config = compose_config(*DIGITS, "runtime.checkpoint_every_steps=70", "depth=[8,14]")
    elsewhere = compose_config(*DIGITS, "depth=[8,14]", f"runtime.runs_dir={tmp_path}/elsewhere")
    original = RunFiles.on_train_batch_end

    def stop_at_70(self, trainer, cohort, *args):
        original(self, trainer, cohort, *args)
        if cohort.step == 70:
            raise Interrupted(143)

    with monkeypatch.context() as patch:
        patch.setattr(RunFiles, "on_train_batch_end", stop_at_70)
        with pytest.raises(SystemExit):
            train(config, config, show_progress=False)
    assert torch.load(Run(config, config).path / "last.ckpt", weights_only=True)["step"] == 70
    continued, undisturbed = (train(each, each, show_progress=False) for each in (config, elsewhere))
    for name in ("records.csv", "curves.csv"):
        (ours, our_keys), (theirs, their_keys) = numbers(table(continued, name)), numbers(table(undisturbed, name))
        assert ours == pytest.approx(theirs, rel=1e-6, abs=1e-9, nan_ok=True)
        assert our_keys == their_keys
    assert {row["engine"] for row in table(continued, "records.csv")} == {"graph"}
    assert {row["device"] for row in table(continued, "records.csv")} == {torch.cuda.get_device_name()}


def test_a_cuda_checkpoint_goes_on_on_the_cpu(compose_config):
    config = compose_config(*DIGITS)
    graph, cpu, undisturbed = (built(config, GraphEngine), built(config, Engine, "cpu"), built(config, Engine, "cpu"))
    graph.run(0, 40)
    cpu.load_member_states(graph.member_states())
    cpu.run(40, 80)
    undisturbed.run(0, 80)
    assert_same(on_cpu(cpu), on_cpu(undisturbed), **CLOSE)


def test_channels_last_over_100_steps(compose_config):
    contiguous = built(compose_config(*DIGITS), GraphEngine)
    channels_last = built(compose_config(*DIGITS, "runtime.memory_format=channels_last"), GraphEngine)
    for engine in (contiguous, channels_last):
        engine.run(0, 100)
    assert_same(on_cpu(channels_last), on_cpu(contiguous), **CLOSE)


@pytest.mark.parametrize(
    ("precision", "memory_format", "compiled"),
    [
        ("fp32", "contiguous", "false"),
        ("tf32", "contiguous", "false"),
        ("bf16", "contiguous", "false"),
        ("bf16", "channels_last", "false"),
        pytest.param("bf16", "channels_last", "true", marks=needs_compiler),
        pytest.param("tf32", "channels_last", "true", marks=needs_compiler),
    ],
)
def test_it_learns_the_digits_in_every_precision(compose_config, precision, memory_format, compiled):
    """Float32 with channels last and without compilation may stall, see `degradation.bench.stall`."""
    recipe = [
        f"runtime.memory_format={memory_format}",
        f"runtime.compile_blocks={compiled}",
        "recipe.lr=0.1",
        "recipe.gamma=0.1",
        "recipe.batch_size=128",
        f"recipe.precision={precision}",
    ]
    config = compose_config(*DIGITS, *recipe, "network.width=8", "depth=20")
    records = table(train(config, config, show_progress=False), "records.csv")
    assert {row["status"] for row in records} == {"done"}
    assert {row["engine"] for row in records} == {"graph"}
    assert all(float(row["train_error"]) < 10 for row in records)
