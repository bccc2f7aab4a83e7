"""Blocks deleted and swapped, against passes written out by hand and networks whose blocks do nothing."""

from types import SimpleNamespace

import pytest
import torch
from torch.nn import functional

from degradation.checks import ConfigError
from degradation.diagnostics import lesion
from degradation.diagnostics.blocks import block_shapes, check_blocks, deleted, loss_and_error, reordered
from degradation.diagnostics.diagnostic import FINAL, Copied
from degradation.diagnostics.lesion import COUNTS, DIAGNOSTIC, DRAWS, SWAPS, swappable
from degradation.networks import build as networks
from degradation.networks.cifar_spec import CifarNetwork
from degradation.tasks.digits import DigitsTask
from degradation.training.members import Member
from tests.networks.passes import assert_close, images, shaken

EIGHTS = ((4, 8, 8), (4, 8, 8))
SHAPES = [EIGHTS, EIGHTS, ((4, 8, 8), (8, 4, 4)), ((8, 4, 4),) * 2, ((8, 4, 4), (16, 2, 2)), ((16, 2, 2),) * 2]


def network_of(kind, depth=14, **keys):
    """Two blocks a stage in eval mode, in float64, every tensor drawn."""
    settings = CifarNetwork(family="cifar", width=4, shortcut=kind, **keys)
    built = networks.build(settings, input_shape=(1, 8, 8), outputs=10, depth=depth, seed=0)
    return shaken(built).eval()


def option_a(x):
    """Every second pixel, as many channels again of zeros."""
    return torch.cat([x[:, :, ::2, ::2], torch.zeros_like(x[:, :, ::2, ::2])], 1)


def by_hand(network, x, blocks, scale=1.0):
    """A forward pass through the blocks at some places; None is a deleted block that changes shapes."""
    state = network.state_dict()

    def normed(name, h):
        names = ("running_mean", "running_var", "weight", "bias")
        return functional.batch_norm(h, *(state[f"{name}.{part}"] for part in names))

    x = functional.conv2d(x, state["stem.weight"], padding=1)
    x = normed("stem_norm", x).relu()
    for place in blocks:
        if place is None:
            x = (scale * option_a(x)).relu()
            continue
        name, stride = f"blocks.{place}", 2 if place in (2, 4) else 1
        h = functional.conv2d(x, state[f"{name}.conv1.weight"], stride=stride, padding=1)
        h = functional.conv2d(normed(f"{name}.norm1", h).relu(), state[f"{name}.conv2.weight"], padding=1)
        h = normed(f"{name}.norm2", h)
        if network.blocks[place].shortcut is not None:
            h = h + scale * (option_a(x) if stride == 2 else x)
        x = h.relu()
    return functional.linear(x.mean((2, 3)), state["head.weight"], state["head.bias"])


@pytest.mark.parametrize("kind", ["none", "A"])
def test_deleted_blocks_by_hand(kind):
    network, x = network_of(kind), images(3, 1, 8, 8)
    shapes = block_shapes(network, x[:1])
    assert shapes == SHAPES
    intact = network(x)
    assert_close(intact, by_hand(network, x, range(6)))
    for gone, left in (
        ([1], [0, 2, 3, 4, 5]),
        ([4, 0], [1, 2, 3, None, 5]),
        (range(6), [None, None]),  # stem and head alone, with two changes of shape between them
    ):
        with deleted(network, gone, shapes):
            assert_close(network(x), by_hand(network, x, left), str(gone))
    assert torch.equal(network(x), intact)


def test_what_stands_for_a_deleted_block_keeps_the_shortcuts_factor():
    network, x = network_of("A", shortcut_scale=0.5), images(3, 1, 8, 8)
    with deleted(network, [4], SHAPES):
        assert_close(network(x), by_hand(network, x, [0, 1, 2, 3, None, 5], scale=0.5))


def test_a_projection_stays():
    network, x = network_of("C"), images(3, 1, 8, 8)
    before = network.trace(x)[1][2 * 2]  # of the second block
    with deleted(network, [2], SHAPES):
        _, outputs = network.trace(x)
        assert_close(outputs[6], network.blocks[2].shortcut(before).relu())


def test_swapped_blocks_by_hand():
    network, x = network_of("A", depth=20), images(3, 1, 8, 8)
    shapes = block_shapes(network, x[:1])
    assert swappable(shapes) == [(0, 1), (0, 2), (1, 2), (4, 5), (7, 8)]
    plain = network(x)
    with reordered(network, [2, 1, 0, 3, 5, 4, 6, 7, 8]):
        outputs = network.trace(x)[1]
        assert not torch.equal(network(x), plain)
        assert_close(outputs[2], network.blocks[0](outputs[0])[-1])
    first = network.trace(x)[1]
    assert_close(network.blocks[2](first[0])[-1], outputs[2])
    assert torch.equal(network(x), plain)
    assert swappable(SHAPES) == [(0, 1)]


@pytest.fixture(scope="module")
def task():
    return DigitsTask("digits").load(None, False).to(torch.device("cpu"), torch.float32)


def rows_of(network, task, variant="residual"):
    copied = Copied(network, [Member(20, variant, 3)], False, [3])
    found = list(DIAGNOSTIC.measure(copied, task, FINAL))
    assert {member for member, _ in found} == {Member(20, variant, 3)}
    return [row for _, row in found]


def test_of_a_large_test_set_the_first_images_count(task, monkeypatch):
    """And of a smaller one all."""
    network = networks.build(CifarNetwork("cifar", 4, "A"), input_shape=(1, 8, 8), outputs=10, depth=8, seed=0)
    network.eval()
    for most in (30, 10_000):
        monkeypatch.setattr(lesion, "EXAMPLES", most)
        images = task.test.take(torch.arange(min(most, len(task.test))))
        _, expected = loss_and_error(network, images, task)
        assert rows_of(network, task)[0]["test_error"] == pytest.approx(expected, rel=1e-3)


def test_residual_blocks_of_zeros_can_be_deleted_and_swapped_without_a_trace(task):
    network = networks.build(CifarNetwork("cifar", 4, "A"), input_shape=(1, 8, 8), outputs=10, depth=20, seed=0)
    with torch.no_grad():
        for block in network.blocks:
            block.norm2.weight.zero_()
    found = rows_of(network, task)
    assert len({row["test_error"] for row in found}) == 1
    one = [row for row in found if row["lesion"] == "one"]
    assert [(row["count"], row["place"], row["reshaping"]) for row in one] == [
        (1, place, int(place in (4, 7))) for place in range(1, 10)
    ]
    random = [row for row in found if row["lesion"] == "random"]
    assert (random[0]["count"], len(random)) == (0, 1 + 9 * DRAWS)  # 9 blocks have nine numbers
    assert {row["count"] for row in random} == set(range(10))
    assert {row["reshaping"] for row in random if row["count"] == 9} == {2}
    swaps = [row for row in found if row["lesion"] == "swaps"]
    assert [row["count"] for row in swaps] == [0] + [count for count in SWAPS[1:] for _ in range(DRAWS)]
    assert {row["order"] for row in swaps if row["count"] == 1} == {0.9444, 0.8333}  # 1 and 3 inversions of 36
    assert COUNTS == 10


def test_errors_are_of_the_test_set_in_eval_mode_and_draws_are_of_the_seed(task, monkeypatch):
    monkeypatch.setattr(lesion, "DRAWS", 1)
    network = networks.build(CifarNetwork("cifar", 4, "none"), input_shape=(1, 8, 8), outputs=10, depth=20, seed=0)
    network.train()
    first = rows_of(network, task, "plain")
    assert not network.training
    wrong = network(task.prepare(task.test.inputs)).argmax(1) != task.test.targets
    intact = next(row for row in first if row["count"] == 0)
    assert intact["test_error"] == pytest.approx(100 * wrong.double().mean().item())
    assert rows_of(network, task, "plain") == first
    loss, error = loss_and_error(network, task.test, task)
    predicted = network(task.prepare(task.test.inputs))
    assert loss == pytest.approx(functional.cross_entropy(predicted, task.test.targets).item(), rel=1e-5)
    assert error == pytest.approx(intact["test_error"])


@pytest.mark.parametrize("order", ["full", "relu_only"])
def test_plain_blocks_of_every_order_are_deleted_alike(order):
    """Without the addition all orders are one network, so a deleted block leaves the same."""
    x, original, other = images(3, 1, 8, 8), network_of("none"), network_of("none", order=order)
    other.load_state_dict(original.state_dict())
    for gone in ([1], [4, 0]):
        with deleted(original, gone, SHAPES), deleted(other, gone, block_shapes(other, x[:1])):
            assert_close(other(x), original(x))


def test_what_it_does_not_fit():
    with pytest.raises(ConfigError, match="diagnostic lesion is for networks of blocks that say what they add"):
        check_blocks("lesion", torch.nn.Linear(1, 1))
    with pytest.raises(ConfigError, match="sums of branch and shortcut, and gates mix them otherwise"):
        check_blocks("paths", network_of("A", gate="exclusive"))
    assert not DIAGNOSTIC.fits(SimpleNamespace(has_errors=False, input_shape=(1,)))
    assert not DIAGNOSTIC.fits(SimpleNamespace(has_errors=True, input_shape=(5,)))
    assert DIAGNOSTIC.fits(SimpleNamespace(has_errors=True, input_shape=(1, 8, 8)))


def test_what_was_measured_before_is_kept_and_not_measured_again(task, monkeypatch):
    """Rows come one by one, so that each is in the file before the next is measured."""
    network = networks.build(CifarNetwork("cifar", 4, "A"), input_shape=(1, 8, 8), outputs=10, depth=20, seed=0)
    whole, measured = rows_of(network, task), []
    counted = lesion.loss_and_error
    monkeypatch.setattr(lesion, "loss_and_error", lambda *given: measured.append(given) or counted(*given))
    member = Member(20, "residual", 3)
    coming = DIAGNOSTIC.measure(Copied(network, [member], False, [3]), task, FINAL)
    begun = [next(coming)[1] for _ in range(25)]
    assert begun == whole[:25]
    assert len(measured) == 25
    done = {(*member, *(row[name] for name in DIAGNOSTIC.key)) for row in begun}
    rest = [row for _, row in DIAGNOSTIC.measure(Copied(network, [member], False, [3], done), task, FINAL)]
    assert rest == whole[25:]
    assert len(measured) == len(whole)
