"""What trained networks get wrong when blocks are deleted or change places (Veit et al. 2016, 1605.06431)."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import torch
from scipy import stats

from degradation.diagnostics.blocks import Shapes, block_shapes, check_blocks, deleted, loss_and_error, reordered
from degradation.diagnostics.diagnostic import FINAL, Copied, rounded
from degradation.diagnostics.progress import Progress
from degradation.records.columns import Row
from degradation.streams import generator
from degradation.tasks.task import Task
from degradation.training.members import Member

EXAMPLES = 2000  # the first ones of the test set, at most: every lesion is measured on the same
DRAWS = 10  # of each number of blocks or swaps
COUNTS = 10  # numbers of blocks that are deleted together, evenly up to all of them
SWAPS = (0, 1, 2, 4, 8, 16)
ONE, RANDOM, SWAPPED = "one", "random", "swaps"  # kinds of lesion


class Lesion:
    """lesion.csv: the test error with each block deleted, with random ones deleted, and with pairs swapped; of at most
    `EXAMPLES` test images.

    A residual block is replaced by its shortcut; see `degradation.diagnostics.blocks.deleted`. Normalisations keep the
    statistics of training, and nothing is trained again. Equal seeds draw equal blocks, so that a pair can be compared.
    """

    table = "lesion.csv"
    moments: tuple[str, ...] = (FINAL,)
    key = ["lesion", "count", "place"]  # noqa: RUF012 - a constant
    columns = ["reshaping", "order", "test_error"]  # noqa: RUF012

    def fits(self, task: Task) -> bool:
        return task.has_errors and len(task.input_shape) == 3

    @torch.no_grad()
    def measure(self, copied: Copied, task: Task, moment: str) -> Iterator[tuple[Member, Row]]:
        check_blocks("lesion", copied.network)
        network, (member,) = copied.network.eval(), copied.members
        images = task.test.take(torch.arange(min(EXAMPLES, len(task.test))))
        shapes = block_shapes(network, task.prepare(images.inputs[:1]))
        every = [*_deletions(network, shapes, member.seed), *_swaps(network, shapes, member.seed)]
        names = [(*member, *(row[name] for name in self.key)) for row, _ in every]
        lesions = [lesion for lesion, name in zip(every, names, strict=True) if name not in copied.done]
        progress = Progress(f"lesions of {member}", len(lesions))
        for row, hurt in lesions:
            with hurt():
                _, error = loss_and_error(network, images, task)
            progress.tick()
            yield member, row | {"test_error": rounded(error)}


DIAGNOSTIC = Lesion()


Hurt = tuple[Row, Callable[[], AbstractContextManager[None]]]  # what a lesion's row says, and what makes it


def _deletions(network: Any, shapes: Shapes, seed: int) -> Iterator[Hurt]:
    changes = [before != after for before, after in shapes]
    for kind, count, place, blocks in _deleted_blocks(len(shapes), seed):
        reshaping = sum(changes[block] for block in blocks)
        row: Row = {"lesion": kind, "count": count, "place": place, "reshaping": reshaping}
        yield row, partial(deleted, network, blocks, shapes)


def _deleted_blocks(blocks: int, seed: int) -> Iterator[tuple[str, int, int, list[int]]]:
    """Kind, number, place (the block, or the draw, from 1) and deleted blocks of every lesion; the first is none."""
    yield RANDOM, 0, 1, []
    for block in range(blocks):
        yield ONE, 1, block + 1, [block]
    for count in sorted({max(1, round(part * blocks / COUNTS)) for part in range(1, COUNTS + 1)}):
        for draw in range(1, DRAWS + 1):
            order = torch.randperm(blocks, generator=generator(seed, "lesion", f"{RANDOM}/{count}/{draw}"))
            yield RANDOM, count, draw, order[:count].tolist()


def _swaps(network: Any, shapes: Shapes, seed: int) -> Iterator[Hurt]:
    pairs = swappable(shapes)
    if not pairs:
        return
    trained = list(range(len(shapes)))
    for count in SWAPS:
        for draw in range(1, (DRAWS if count else 1) + 1):
            drawn = generator(seed, "lesion", f"{SWAPPED}/{count}/{draw}")
            order = list(trained)
            for pair in torch.randint(len(pairs), (count,), generator=drawn).tolist():
                one, other = pairs[pair]
                order[one], order[other] = order[other], order[one]
            tau = rounded(stats.kendalltau(trained, order).statistic)
            row: Row = {"lesion": SWAPPED, "count": count, "place": draw, "reshaping": 0, "order": tau}
            yield row, partial(reordered, network, order)


def swappable(shapes: Shapes) -> list[tuple[int, int]]:
    """Pairs of places whose blocks have equal shapes: those of a stage, its first left out where it changes shapes."""
    return [(one, other) for other in range(len(shapes)) for one in range(other) if shapes[one] == shapes[other]]
