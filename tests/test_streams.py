import torch

from degradation.streams import generator


def test_equal_arguments_equal_draws():
    first, again = (torch.rand(5, generator=generator(7, "init", "a.weight")) for _ in range(2))
    assert torch.equal(first, again)


def test_every_argument_matters():
    keys = [(7, "init", "a"), (8, "init", "a"), (7, "order", "a"), (7, "init", "b"), (7, "init", 1)]
    draws = {tuple(torch.rand(5, generator=generator(*key)).tolist()) for key in keys}
    assert len(draws) == len(keys)


def test_global_generator_is_left_alone():
    before = torch.get_rng_state()
    torch.rand(5, generator=generator(7, "init", "a"))
    assert torch.equal(torch.get_rng_state(), before)
