"""The loss around a linear network is a paraboloid of known curvature; directions, what moves and what is kept."""

import math
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from degradation.checks import ConfigError
from degradation.commands.train import train_watched
from degradation.diagnostics import surface
from degradation.diagnostics.begun import Begun
from degradation.diagnostics.diagnostic import FINAL, Copied
from degradation.diagnostics.finished import diagnose
from degradation.diagnostics.progress import Progress
from degradation.diagnostics.surface import DIAGNOSTIC, direction, grid, moved
from degradation.networks import build as networks
from degradation.networks.cifar_spec import CifarNetwork
from degradation.streams import generator
from degradation.tasks.task import Split
from degradation.training.finished import HERE
from degradation.training.members import Member
from tests.networks.passes import images, shaken

MEMBER = Member(20, "plain", 4)


class Squares:
    """Linear regression: the mean over everything of squared differences."""

    evaluation_batch = 4
    train = Split(images(10, 3), images(10, 2))

    def prepare(self, inputs):
        return inputs

    def loss(self, predictions, targets):
        return (predictions - targets).square().mean()

    def error(self, predictions, targets):
        return torch.tensor(math.nan)


def measured(network, task, **copied):
    found = DIAGNOSTIC.measure(Copied(network, [MEMBER], False, [3, 4], **copied), task, FINAL)
    return {(row["x"], row["y"]): row for _, row in found}


def test_the_surface_of_a_linear_network_is_a_paraboloid():
    network, task = nn.Linear(3, 2).double(), Squares()
    found = measured(network, task)
    x, y = (task.train.inputs @ direction(network, 4, name)["weight"].T for name in "xy")
    off = network(task.train.inputs).detach() - task.train.targets
    for (a, b), row in found.items():
        expected = (off + a * x + b * y).square().mean().item()
        assert row["train_loss"] == pytest.approx(expected, rel=1e-9)
    second = (found[0.5, 0]["train_loss"] - 2 * found[0, 0]["train_loss"] + found[-0.5, 0]["train_loss"]) / 0.25
    assert second == pytest.approx(2 * x.square().mean().item(), rel=1e-9)


def test_the_grid_is_a_square_around_the_weights():
    points = grid()
    assert len(points) == len(set(points)) == 21 * 21
    assert points[:2] == [(-1.0, -1.0), (-0.9, -1.0)]
    assert points[220] == (0.0, 0.0)
    assert str(points[220]) == "(0.0, 0.0)"  # no minus zero, which would be another text in a table
    assert {round(x, 1) for x, _ in points} == {x for x, _ in points} == {place / 10 for place in range(-10, 11)}


def test_directions_have_the_filters_norms_and_leave_vectors_alone():
    plain, residual = (
        shaken(networks.build(CifarNetwork("cifar", 4, kind), input_shape=(1, 8, 8), outputs=10, depth=8, seed=0), seed)
        for seed, kind in enumerate(("none", "A"))
    )
    of_plain, of_residual = direction(plain, 3, "x"), direction(residual, 3, "x")
    weights = {name for name, tensor in plain.named_parameters() if tensor.ndim > 1}
    assert set(of_plain) == set(of_residual) == weights
    assert len(weights) == 8
    for name, steps in of_plain.items():
        weight = plain.get_parameter(name)
        torch.testing.assert_close(steps.flatten(1).norm(dim=1), weight.detach().flatten(1).norm(dim=1))
        cosines = torch.cosine_similarity(steps.flatten(1), of_residual[name].flatten(1))
        torch.testing.assert_close(cosines, torch.ones_like(cosines))
    drawn = torch.randn(10, 16, generator=generator(3, "surface", "x/head.weight"))
    ours = of_plain["head.weight"][2]
    torch.testing.assert_close(ours / ours.norm(), (drawn[2] / drawn[2].norm()).double())
    assert not torch.equal(of_plain["head.weight"], direction(plain, 3, "y")["head.weight"])
    assert not torch.equal(of_plain["head.weight"], direction(plain, 4, "x")["head.weight"])


def test_weights_are_back_afterwards():
    network = nn.Linear(3, 2)
    before = network.weight.detach().clone()
    with moved(network, {"weight": torch.full((2, 3), 1e8)}):
        assert (network.weight > 1e7).all()
    assert torch.equal(network.weight, before)


def test_what_is_measured_and_what_is_left_out():
    network, task = nn.Linear(3, 2).double().train(), Squares()
    whole = measured(network, task)
    assert not network.training
    assert len(whole) == 441
    ((point, row),) = measured(network, task, done={(*MEMBER, *point) for point in grid()[:440]}).items()
    assert (point, row["train_loss"]) == ((1.0, 1.0), whole[1.0, 1.0]["train_loss"])
    assert not list(DIAGNOSTIC.measure(Copied(network, [MEMBER], False, [1, 2, 3, 4]), task, FINAL))
    with pytest.raises(ConfigError, match=r"takes networks one by one; set runtime.engine=sequential"):
        list(DIAGNOSTIC.measure(Copied(network, [MEMBER] * 2, True, [4]), task, FINAL))
    assert DIAGNOSTIC.fits(SimpleNamespace(has_errors=True))
    assert not DIAGNOSTIC.fits(SimpleNamespace(has_errors=False))


def test_rows_are_kept_as_they_come(tmp_path):
    path = tmp_path / "begun"
    begun = Begun(["x"], path)
    begun.add(MEMBER, {"x": 0.1, "y": math.pi})
    begun.add(MEMBER, {"x": -0.2, "y": 2})
    begun.add(MEMBER, {"x": 0.1, "y": 3})  # measured again
    path.write_text(path.read_text() + '[[20, "pl')  # and killed
    again = Begun(["x"], path)
    assert list(again.rows) == [(20, "plain", 4, 0.1), (20, "plain", 4, -0.2)]
    assert again.rows[20, "plain", 4, 0.1] == (MEMBER, {"x": 0.1, "y": 3})
    assert isinstance(next(iter(again.rows.values()))[0], Member)
    again.add(MEMBER, {"x": 1, "y": 1})
    assert len(Begun(["x"], path).rows) == 3
    again.forget()
    assert not path.exists()
    assert Begun(["x"], path).rows == {}


def test_an_interrupted_measurement_goes_on_and_leaves_the_same_table(compose_config, monkeypatch):
    config = compose_config("experiment=digits_depth", "recipe=digits", "task=digits", "network=cifar", "depth=8",
                            "network.width=1", "recipe.max_steps=1", "recipe.schedule=constant", "seeds=[0]",
                            "recipe.milestones=[]", "recipe.warmup_steps=0", "recipe.evaluations=1")  # fmt: skip
    monkeypatch.setattr(surface, "POINTS", 3)
    run = train_watched(config, config, show_progress=False)
    runtime = vars(config.runtime) | HERE
    measure, calls = surface.loss_and_error, []

    def killed(*arguments):
        calls.append(arguments)
        if len(calls) == 12:  # in the second network
            raise KeyboardInterrupt
        return measure(*arguments)

    monkeypatch.setattr(surface, "loss_and_error", killed)
    with pytest.raises(KeyboardInterrupt):
        diagnose("digits_depth", "surface", runtime)
    assert not (run.path / "surface.csv").exists()
    assert len(list(run.path.glob(".surface.csv.*.begun"))) == 1
    diagnose("digits_depth", "surface", runtime)
    resumed = (run.path / "surface.csv").read_text()
    assert len(calls) == 12 + 7
    assert not list(run.path.glob(".surface.csv.*"))
    diagnose("digits_depth", "surface", runtime)
    assert len(calls) == 12 + 7 + 18
    assert (run.path / "surface.csv").read_text() == resumed
    assert len(resumed.splitlines()) == 1 + 18


def test_progress(capsys, monkeypatch):
    clock = iter([0.0, 5.0, 10.0, 12.0])
    monkeypatch.setattr("degradation.diagnostics.progress.time.monotonic", lambda: next(clock))
    progress = Progress("surface of a", 3)
    for _ in range(3):
        progress.tick()
    said = capsys.readouterr().err.splitlines()
    assert said == ["surface of a: 2 of 3, about 5 s left", "surface of a: 3 of 3, about 0 s left"]
