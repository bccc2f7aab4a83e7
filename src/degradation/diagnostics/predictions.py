"""The functions of one number that networks have fitted."""

from collections.abc import Iterator

import torch

from degradation.diagnostics.diagnostic import FINAL, Copied, rounded
from degradation.records.columns import Row
from degradation.tasks.task import Task
from degradation.training.members import Member

SEEDS = 4  # networks a variant and depth whose function is kept
POINTS = 128


class Predictions:
    """predictions.csv: predictions of the first seeds' networks on points of the test set."""

    table = "predictions.csv"
    moments: tuple[str, ...] = (FINAL,)
    key = ["x"]  # noqa: RUF012 - a constant
    columns = ["prediction"]  # noqa: RUF012

    def fits(self, task: Task) -> bool:
        """One number in, one out."""
        return task.input_shape == (1,) and task.outputs == 1

    @torch.no_grad()
    def measure(self, copied: Copied, task: Task, moment: str) -> Iterator[tuple[Member, Row]]:
        network, test = copied.network.eval(), task.test
        inputs = test.take(torch.linspace(0, len(test) - 1, min(POINTS, len(test))).round().long()).inputs
        if copied.stacked:
            predicted = network(inputs.expand(len(copied.members), *inputs.shape))
        else:
            predicted = network(inputs).unsqueeze(0)
        for member, values in zip(copied.members, predicted, strict=True):
            if member.seed in copied.seeds[:SEEDS]:
                points = zip(inputs.flatten().tolist(), values.flatten().tolist(), strict=True)
                yield from ((member, {"x": rounded(x), "prediction": rounded(y)}) for x, y in points)


DIAGNOSTIC = Predictions()
