"""The `graph` engine: one step of the whole cohort, captured once as a CUDA graph and replayed for every step.

A training step of these networks is hundreds of small kernels, and a GPU waits for their launches most of the time. A
replay launches all of them at once: gather, crop, flip, forward, backward and optimizer of every network, each network
on a stream of its own. What changes from step to step lies on the device: indices, augmentation and learning rates in
tables that are filled once a segment, and a place in them that the step itself moves on. Nothing in a step looks at the
host, and nothing is allocated by it after the capture.

PyTorch has 32 streams a device: beyond 31 networks, one stream being the capture's, networks share streams and wait for
one another. Results stay the same.

The device's learning rates are float32, as the fused optimizers want them: 0.1 is 0.100000001.
"""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from degradation.config import Config
from degradation.tasks.task import Batch, Task
from degradation.training.engines import Engine, Networks
from degradation.training.group import Group
from degradation.training.members import Member
from degradation.training.switches import Counts, Switches, counted, cudnn_benchmark, use_native_norms

WARM_UP_STEPS = 3  # before the capture: libraries choose their kernels and take their workspaces


class SeedTable(nn.Module):
    """What the steps of a segment take from the training set for one seed: static tensors, one row a step."""

    indices: Tensor  # (steps, B)
    augmentation: Tensor | None  # (steps, B, 3)

    def __init__(self, one_step: Batch, steps: int) -> None:
        super().__init__()
        for name, row in (("indices", one_step.indices), ("augmentation", one_step.augmentation)):
            table = None if row is None else row.new_zeros(steps, *row.shape[1:])
            self.register_buffer(name, table, persistent=False)

    def fill(self, batches: Batch) -> None:
        """Put in what the next steps take; the rows after them keep what they held."""
        steps = len(batches.indices)
        self.indices[:steps].copy_(batches.indices)
        if self.augmentation is not None:
            assert batches.augmentation is not None
            self.augmentation[:steps].copy_(batches.augmentation)

    def at(self, place: Tensor) -> Batch:
        """The batch in row `place` (1,), which stays on the device: indexing with a tensor would read it."""
        augmentation = None if self.augmentation is None else self.augmentation.index_select(0, place)[0]
        return Batch(self.indices.index_select(0, place)[0], augmentation)


class Lane(Group):
    """A group of one network with the static tensors that its captured step reads.

    A network that has diverged is frozen by a switch of the fused optimizers, made for gradient scaling: where
    `found_inf` is one they leave parameters and state as they are, and the host need not know.
    """

    rates: Tensor  # (steps,) the learning rates of a segment
    rate: Tensor  # () the learning rate of the step
    frozen: Tensor  # () one if the network has diverged, else zero

    def __init__(self, members: list[Member], networks: list[nn.Module], config: Config, dtype: torch.dtype) -> None:
        super().__init__(members, networks, config, dtype)
        self.register_buffer("rates", torch.zeros(config.runtime.segment_steps), persistent=False)
        self.register_buffer("rate", torch.zeros(()), persistent=False)
        self.register_buffer("frozen", torch.zeros(()), persistent=False)

    def configure_optimizer(self) -> torch.optim.Optimizer:
        """The recipe's optimizer, which takes learning rate and freezing from the static tensors."""
        optimizer = super().configure_optimizer()
        optimizer.found_inf = self.frozen  # type: ignore[attr-defined]
        for parameter_group in optimizer.param_groups:
            parameter_group["lr"] = self.rate
            if "capturable" in parameter_group:  # Adam asks for it; SGD has no such key
                parameter_group["capturable"] = True
        return optimizer

    def fill(self, start: int, stop: int) -> None:
        """Put in the learning rates of steps `start` to `stop` (excluded)."""
        rates = [self.learning_rate(step) for step in range(start, stop)]
        self.rates[: len(rates)].copy_(torch.tensor(rates))

    def device_step(
        self, inputs: Tensor, targets: Tensor, task: Task, place: Tensor, step: Tensor, counts: Counts = "each"
    ) -> None:
        """What `train_step` does, with every decision on the device.

        Args:
            inputs, targets: the batch.
            place: the row of `rates`, (1,).
            step: the number of this step, (1,).
            counts: how batch normalisation counts its batches, see `Switches`.
        """
        with counted(self.network, counts):
            predictions, losses = self.backward(inputs, targets, task)
        first = ~losses.isfinite() & (self.diverged_step < 0)
        self.diverged_step.copy_(torch.where(first, step, self.diverged_step))
        self.frozen.copy_((self.diverged_step >= 0).all())
        self.rate.copy_(self.rates.index_select(0, place)[0])
        self.optimizer.step()
        self.add_to_sums(predictions, losses, targets, task)


class GraphEngine(Engine):
    """Engine of single networks whose common step is replayed from a CUDA graph. See the module's docstring.

    Args:
        config, task: the cohort.
        switches: how the step is executed; only the bench sets them.
    """

    group_class = Lane

    place: Tensor  # (1,) the row of the tables that the next step takes
    step_number: Tensor  # (1,) the number of the next step

    def __init__(
        self, config: Config, task: Task, networks: Networks | None = None, switches: Switches | None = None
    ) -> None:
        super().__init__(config, task, networks)
        self.switches = switches or Switches()
        if not self.switches.cudnn_norm:
            use_native_norms(self)
        self.rows = config.runtime.segment_steps
        self.tables = nn.ModuleDict({str(seed): SeedTable(self._draw(seed, 0, 1), self.rows) for seed in config.seeds})
        self.register_buffer("place", torch.zeros(1, dtype=torch.int64))
        self.register_buffer("step_number", torch.zeros(1, dtype=torch.int64))
        self.streams: list[torch.cuda.Stream] = []  # one a network, once on a GPU
        self.replay: Callable[[], None] | None = None

    def run(self, start: int, stop: int) -> None:
        for begin in range(start, stop, self.rows):
            self._run_rows(begin, min(begin + self.rows, stop))

    def _run_rows(self, start: int, stop: int) -> None:
        """Steps `start` to `stop` (excluded), as many as the tables have rows or fewer."""
        self._fill(start, stop)
        if self.replay is None:
            self.replay = self.capture()
        for _ in range(start, stop):
            self.replay()
        for group in self.all_groups():
            group.steps_summed += stop - start

    def _fill(self, start: int, stop: int) -> None:
        for seed, table in self.all_tables().items():
            table.fill(self._draw(seed, start, stop))
        for lane in self.all_lanes():
            lane.fill(start, stop)
        self.place.zero_()
        self.step_number.fill_(start)

    def _draw(self, seed: int, start: int, stop: int) -> Batch:
        return self.task.batches(seed, batch_size=self.recipe.batch_size, start=start, stop=stop)

    def step(self) -> None:
        """One step of every network. This is what is captured: it reads and writes tensors on the device alone."""
        # All networks of a seed share a batch. It is held until the streams have joined: memory that is freed earlier
        # may be taken by the next network's stream while this one's still reads it.
        batches = {seed: self.task.training_batch(table.at(self.place)) for seed, table in self.all_tables().items()}
        lanes = self.all_lanes()
        if self.switches.deepest_first:
            lanes.sort(key=lambda lane: -lane.members[0].depth)
        for number, lane in enumerate(lanes):
            with beside(self.streams[number] if self.streams else None):
                inputs, targets = batches[lane.members[0].seed]
                lane.device_step(inputs, targets, self.task, self.place, self.step_number, self.switches.counts)
        for stream in self.streams:
            torch.cuda.current_stream().wait_stream(stream)
        self.place += 1
        self.step_number += 1

    def capture(self) -> Callable[[], None]:
        """The step as a CUDA graph; calling what is returned replays it. Networks and counters stay as they are."""
        self.streams = [torch.cuda.Stream() for _ in self.all_lanes()] if self.switches.streams else []
        stream = torch.cuda.Stream()  # for warm-up and capture: cuBLAS keeps a workspace for every stream
        with cudnn_benchmark(self.switches.benchmark):
            with beside(stream):
                self.warm_up()
            torch.cuda.current_stream().wait_stream(stream)
            gc.collect()  # a dead graph must not be freed in the middle of a capture
            graph = torch.cuda.CUDAGraph()
            # Other threads, such as those that pin memory for a loader, may go on with what a capture must not do.
            with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
                self.step()
        return graph.replay

    def warm_up(self) -> None:
        """Take some steps and undo each in place. Afterwards the optimizers have their state, at zero where it is new.

        A first step with zero momentum is what SGD does in its first step, which it otherwise does on another branch.
        """
        before = [(tensor, tensor.clone()) for tensor in self.state_dict().values()]
        had = {state: state.clone() for state in self._optimizer_states()}
        for _ in range(WARM_UP_STEPS):
            self.step()
            for tensor, value in before:
                tensor.copy_(value)
            for state in self._optimizer_states():
                state.copy_(had[state]) if state in had else state.zero_()
        for group in self.all_groups():
            group.optimizer.zero_grad()

    def _optimizer_states(self) -> Iterator[Tensor]:
        for group in self.all_groups():
            for state in group.optimizer.state.values():
                yield from state.values()

    def all_lanes(self) -> list[Lane]:
        """The lanes, typed."""
        return list(self.groups)  # type: ignore[arg-type]

    def all_tables(self) -> dict[int, SeedTable]:
        """The tables by seed, typed."""
        return {int(seed): table for seed, table in self.tables.items()}  # type: ignore[misc]


@contextmanager
def beside(stream: torch.cuda.Stream | None) -> Iterator[None]:
    """Queue what the body does on `stream`, after all that the current stream holds; None: on the current one."""
    if stream is None:
        yield
        return
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        yield
