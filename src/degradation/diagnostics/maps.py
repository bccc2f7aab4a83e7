"""What chosen layers of trained networks make of one image: the feature maps of their first channels."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from degradation.diagnostics.blocks import check_blocks
from degradation.diagnostics.diagnostic import FINAL, Copied, rounded
from degradation.records.columns import Row
from degradation.tasks.task import Task
from degradation.training.members import Member

CHANNELS = 4


class Maps:
    """maps.csv: a row a pixel of the first test image's maps, of each variant's and depth's first seed.

    Layer 0 is the image as networks take it, layer 1 the stem; of each stage there are its middle block and its last.
    """

    table = "maps.csv"
    moments: tuple[str, ...] = (FINAL,)
    key = ["layer", "channel", "row", "column"]  # noqa: RUF012 - a constant
    columns = ["activation"]  # noqa: RUF012

    def fits(self, task: Task) -> bool:
        return len(task.input_shape) == 3

    @torch.no_grad()
    def measure(self, copied: Copied, task: Task, moment: str) -> Iterator[tuple[Member, Row]]:
        check_blocks("maps", copied.network)
        (member,) = copied.members
        if member.seed != copied.seeds[0]:
            return
        image = task.prepare(task.test.take(torch.arange(1)).inputs)
        for layer, maps in chosen_maps(copied.network.eval(), image).items():
            for channel, of_channel in enumerate(maps[0, :CHANNELS].tolist(), start=1):
                for row, line in enumerate(of_channel, start=1):
                    for column, value in enumerate(line, start=1):
                        where = {"layer": layer, "channel": channel, "row": row, "column": column}
                        yield member, where | {"activation": rounded(value)}


DIAGNOSTIC = Maps()


def chosen_maps(network: Any, image: Tensor) -> dict[int, Tensor]:
    """By weighted layer its output after shortcut and ReLU: of the stem, and of the middle block and the last of each
    stage. Layer 0 is the image, (1, C, H, W) as all.
    """
    _, outputs = network.trace(image)
    layers = (len(outputs) - 2) // len(network.blocks)  # a block; the rest are stem and head
    ends = {1 + layers * (place + 1): outputs[layers * (place + 1)] for place in range(len(network.blocks))}
    stages: dict[tuple[int, ...], list[int]] = {}
    for layer, output in ends.items():
        stages.setdefault(tuple(output.shape), []).append(layer)
    chosen = [layer for of_stage in stages.values() for layer in (of_stage[len(of_stage) // 2], of_stage[-1])]
    return {0: image, 1: outputs[0]} | {layer: ends[layer] for layer in chosen}
