"""What can be said of a network of the `cifar` family without building it. Imports no torch."""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from degradation.checks import at_least, one_of, require
from degradation.networks.compiler import missing_for_compilation
from degradation.networks.convolutional import whole_blocks
from degradation.networks.shortcuts import SHORTCUTS
from degradation.networks.sums import check_gate, check_sum

if TYPE_CHECKING:
    from torch import nn

PUBLISHED = (20, 32, 44, 56, 110)  # depths of He et al. 2015, Table 6, that are trained the usual way
DEEPENED = ("deepened", "deepened_unit_norms")  # initialisations that start from a trained, shallower network
ORDERS = ("original", "bn_after", "relu_before", "relu_only", "full")
PREACTIVATED = ("relu_only", "full")
# Initialisations by what normalises a network or stands in its place.
INITS = {
    "batch": ("he", "he_zero_last", "dirac", *DEEPENED),
    "none": ("he", "he_zero_last"),
    "skipinit": ("he",),
    "fixup": ("fixup",),
}
DRAWN: dict[str, Any] = {"init": "he", "deepened_from": 0}  # keys of that network
# Steps: below, compilation takes longer than it saves. On an H200 it took 32 s and saved 1.0 ms a step of four networks
# and 2.9 of ten, without our own convolutions.
COMPILED_FROM = 20_000
ONEDNN_BLOCK = 16  # channels, with AVX-512; 8 with AVX2
OVERRUN = (
    f"needs network.width of at least {ONEDNN_BLOCK} on the CPU: oneDNN's backward pass of narrower 1x1 convolutions "
    "with stride 2 writes beyond its memory (oneDNN issue 6035)."
)


@dataclass
class CifarNetwork:
    """Settings of `degradation.networks.cifar.CifarNet`. Keys and their meaning: conf/network/cifar.yaml."""

    family: str
    width: int
    shortcut: str
    init: str = field(default="he", metadata={"absent": "he"})
    shortcut_scale: float = field(default=1.0, metadata={"absent": 1.0})
    branch_scale: float = field(default=1.0, metadata={"absent": 1.0})
    dropout: float = field(default=0.0, metadata={"absent": 0.0})
    deepened_from: int = field(default=0, metadata={"absent": 0})
    gate: str = field(default="none", metadata={"absent": "none"})
    gate_bias: float = field(default=0.0, metadata={"absent": 0.0})
    shortcut_dropout: float = field(default=0.0, metadata={"absent": 0.0})
    order: str = field(default="original", metadata={"absent": "original"})
    norm: str = field(default="batch", metadata={"absent": "batch"})
    survival: float = field(default=1.0, metadata={"absent": 1.0})

    block_layers = 2

    def __post_init__(self) -> None:
        at_least("network.width", self.width, 1)
        one_of("network.shortcut", self.shortcut, ("none", *SHORTCUTS))
        self._check_norm()
        check_sum(self.shortcut, self.shortcut_scale, self.branch_scale, self.init)
        check_gate(self.shortcut, self.gate, self.gate_bias)
        self._check_noise()
        self._check_order()
        at_least("network.deepened_from", self.deepened_from, 0)
        deepened = self.init in DEEPENED
        require(
            deepened == (self.deepened_from > 0),
            f"network.deepened_from is {self.deepened_from} with network.init={self.init}; it is the depth from which "
            f"{' and '.join(DEEPENED)} start, and 0 for all others.",
        )
        require(
            not deepened or self.shortcut == "none",
            f"network.init={self.init} is for networks without shortcuts; use the variant plain_deepened.",
        )

    def _check_norm(self) -> None:
        """Refuse what does not fit what normalises the network or stands in its place."""
        one_of("network.norm", self.norm, tuple(INITS))
        fitting = INITS[self.norm]
        beside = "" if self.norm == "batch" else f" with network.norm={self.norm}"
        require(self.init in fitting, f"network.init is {self.init!r}{beside}; allowed: {', '.join(fitting)}.")
        require(
            self.norm in ("batch", "none") or self.shortcut != "none",
            f"network.norm={self.norm} starts every branch at zero and is for networks with shortcuts; set "
            "variants=[residual], or use the variant of that name.",
        )
        require(
            self.norm == "batch" or self.order == "original",
            f"network.order is {self.order!r} with network.norm={self.norm}; orders are of batch normalisation.",
        )
        require(
            self.norm == "batch" or not self.projects,
            f"network.shortcut is {self.shortcut!r} with network.norm={self.norm}; its projections have batch "
            "normalisation, use network.shortcut=A.",
        )

    def _check_noise(self) -> None:
        """Refuse what is no probability, and noise in a sum that is not there."""
        for key in ("dropout", "shortcut_dropout"):
            share = getattr(self, key)
            require(0 <= share < 1, f"network.{key} is {share}; it must be at least 0 and below 1.")
        require(0 < self.survival <= 1, f"network.survival is {self.survival}; it must be above 0 and at most 1.")
        require(
            self.shortcut != "none" or (self.shortcut_dropout, self.survival) == (0, 1),
            f"network.shortcut_dropout is {self.shortcut_dropout} and network.survival {self.survival}; a network "
            "without shortcuts (network.shortcut=none) has none to drop and cannot do without a branch.",
        )

    def _check_order(self) -> None:
        """Refuse orders that do not fit shortcut or initialisation."""
        one_of("network.order", self.order, ORDERS)
        require(
            not (self.preactivated and self.projects),
            f"network.order={self.order} with projections as shortcuts (network.shortcut={self.shortcut}) is not made; "
            "use network.shortcut=A.",
        )
        require(
            self.order != "relu_before" or self.init != "he_zero_last",
            "network.init=he_zero_last with network.order=relu_before would start branches at a ReLU of zero, which "
            "has no gradient; use another of the two.",
        )

    def check_depth(self, depth: int) -> None:
        """Refuse a depth that is not 6n + 2."""
        whole_blocks(depth, 6, 2, "cifar family")
        start = self.deepened_from
        needs = f"network.init={self.init} needs at least the {start} that it starts from"
        require(depth >= start, f"depth is {depth}; {needs}.")
        if start and start != depth:
            replace(self, **DRAWN).check_depth(start)

    def check_task(self, task: str, shape: tuple[int, ...], outputs: int) -> None:
        require(len(shape) == 3, f"network.family=cifar takes images and task.name={task} has none; use mlp.")

    def check_execution(self, *, device: str, engine: str, memory_format: str, compile_blocks: bool) -> None:
        require(
            engine != "stacked",
            "runtime.engine is 'stacked'; networks of the cifar family are not stacked, use auto, sequential or graph.",
        )
        require(
            not self.draws or (engine != "graph" and not compile_blocks),
            f"{self.draws} draws on the CPU, which neither runtime.engine=graph nor runtime.compile_blocks can "
            "capture; use runtime.engine=sequential and runtime.compile_blocks=false.",
        )
        safe = device != "cpu" or not self.overruns
        require(
            safe or memory_format == "contiguous",
            f"runtime.memory_format=channels_last with projection shortcuts {OVERRUN}",
        )
        require(
            safe or not compile_blocks,
            f"runtime.compile_blocks, which puts channels last, with projection shortcuts {OVERRUN}",
        )

    def default_engine(self, device: str, precision: str) -> str:
        return "graph" if device == "cuda" and not self.draws else "sequential"

    def default_memory_format(self, device: str, precision: str) -> str:
        """What is faster where it is safe.

        On the CPU see `overruns`. On CUDA float32 with channels last takes cuDNN's persistent batch normalisation,
        which may stall beside other kernels; with bf16 cuDNN's is not taken.
        """
        safe = precision == "bf16" if device == "cuda" else not self.overruns
        return "channels_last" if safe else "contiguous"

    def default_compile_blocks(self, device: str, precision: str, max_steps: int) -> bool:
        """Long trainings on CUDA, where there is a compiler."""
        worth_it = device == "cuda" and not self.draws and precision != "fp64" and max_steps >= COMPILED_FROM
        return worth_it and missing_for_compilation(device) is None

    @property
    def preactivated(self) -> bool:
        """Whether shortcuts start from a sum before its activation."""
        return self.order in PREACTIVATED

    @property
    def draws(self) -> str | None:
        """The key of a noise in training, if there is one."""
        quiet = {"dropout": 0, "shortcut_dropout": 0, "survival": 1}
        return next((f"network.{key}" for key, value in quiet.items() if getattr(self, key) != value), None)

    def survival_at(self, place: float) -> float:
        """The probability with which a branch survives a step, falling linearly (Huang et al. 2016, 1603.09382, eq. 4).

        Args:
            place: of the block, l / L for the l-th of L.
        """
        return 1 - place * (1 - self.survival)

    @property
    def overruns(self) -> bool:
        """Whether oneDNN writes beyond its memory with channels last on the CPU (oneDNN issue 6035)."""
        return self.width < ONEDNN_BLOCK and self.projects

    @property
    def projects(self) -> bool:
        """Whether shortcuts have 1x1 convolutions."""
        return self.shortcut != "none" and SHORTCUTS[self.shortcut].projects

    def layer_sizes(self, depth: int, shape: tuple[int, ...]) -> list[int]:
        """Numbers that each 3x3 layer puts out for one image: half as many from stage to stage."""
        stages = [self.width * shape[1] * shape[2] // 2**stage for stage in range(3)]
        return [stages[0], *(size for size in stages for _ in range((depth - 2) // 3))]

    def weights(self, depth: int) -> float:
        """The weights of the 3x3 layers within the stages."""
        layers = (depth - 2) // 3  # a stage; the first one of a later stage has half as many inputs
        return sum(9 * (self.width * 2**stage) ** 2 * (layers - (0.5 if stage else 0)) for stage in range(3))

    def layer_multiply_adds(self, shape: tuple[int, ...]) -> int:
        """The same in every stage."""
        return 9 * self.width**2 * shape[1] * shape[2]

    def source(self) -> tuple[int, dict[str, Any]] | None:
        return (self.deepened_from, DRAWN) if self.init in DEEPENED else None

    def module(self, *, shape: tuple[int, ...], outputs: int, depth: int) -> "nn.Module":
        from degradation.networks.cifar import CifarNet

        return CifarNet(self, channels=shape[0], classes=outputs, depth=depth)
