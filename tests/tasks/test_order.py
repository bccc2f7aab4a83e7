import torch

from degradation.tasks.order import per_position
from degradation.tasks.task import permutation


def batch_indices(seed, **where):
    return per_position(seed, "order", permutation, **where)


def test_every_pass_takes_every_example_once_and_runs_into_the_next():
    indices = batch_indices(3, train_size=10, batch_size=4, start=0, stop=5)
    assert indices.shape == (5, 4)
    flat = indices.flatten()
    assert sorted(flat[:10].tolist()) == sorted(flat[10:].tolist()) == list(range(10))
    assert flat[:10].tolist() != flat[10:].tolist()


def test_position_follows_from_the_step_alone():
    whole = batch_indices(3, train_size=10, batch_size=4, start=0, stop=40)
    for start, stop in ((0, 1), (2, 3), (7, 31), (39, 40)):
        part = batch_indices(3, train_size=10, batch_size=4, start=start, stop=stop)
        assert torch.equal(part, whole[start:stop])


def test_order_depends_on_the_seed():
    first, second = (batch_indices(seed, train_size=100, batch_size=4, start=0, stop=10) for seed in (0, 1))
    assert not torch.equal(first, second)
