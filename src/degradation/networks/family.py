"""The contract of a family, and the registry of families. Imports no torch.

A family is a settings class (below) beside the module that it builds. The settings say everything about the networks
that can be known without building them: which depths there are, what they cost, how they are best executed. What is
built keeps the contract `Network`.
"""

from typing import TYPE_CHECKING, Any, Protocol

from degradation.networks.bottleneck_spec import BottleneckNetwork
from degradation.networks.cifar_spec import CifarNetwork
from degradation.networks.conv_spec import ConvNetwork
from degradation.networks.densenet_spec import DenseNetwork
from degradation.networks.mlp_spec import MLPNetwork
from degradation.networks.unet_spec import UNetwork

if TYPE_CHECKING:
    from torch import Tensor, nn


class Family(Protocol):
    """Settings of a family's networks: a dataclass of the keys of `conf/network/NAME.yaml`, checked when made.

    A field with `absent` in its metadata names the value that stands for "as if there were no such key", which digests
    leave out: so a key can be added later without changing the identity of what was trained before.

    Attributes:
        family: the name in the registry.
        width: units, or channels of the first stage.
        shortcut: the kind of shortcut; `none` for the plain variant.
        init, norm: names of initialisation and normalisation.
    """

    family: str
    width: int
    shortcut: str
    init: str

    @property
    def norm(self) -> str: ...

    @property
    def block_layers(self) -> int:
        """Weighted layers of a block. The stem is layer 1, so blocks end at layers 1 + n, 1 + 2n and so on."""

    def check_depth(self, depth: int) -> None:
        """Refuse a depth that the family does not have, naming the nearest ones.

        Raises:
            ConfigError: there is no such network.
        """

    def check_task(self, task: str, shape: tuple[int, ...], outputs: int) -> None:
        """Refuse a task whose examples have a shape that the family does not take, or whose predictions it cannot make.

        Args:
            task: its name, for the sentence.
            shape: of one example, (features,) or (channels, height, width).
            outputs: features of a prediction, or classes.
        """

    def check_execution(self, *, device: str, engine: str, memory_format: str, compile_blocks: bool) -> None:
        """Refuse a way of executing a step that the family does not have; `auto` is resolved by now."""

    def default_engine(self, device: str, precision: str) -> str:
        """What `runtime.engine=auto` stands for."""

    def default_memory_format(self, device: str, precision: str) -> str:
        """What `runtime.memory_format=auto` stands for."""

    def default_compile_blocks(self, device: str, precision: str, max_steps: int) -> bool:
        """What `runtime.compile_blocks=auto` stands for."""

    def layer_sizes(self, depth: int, shape: tuple[int, ...]) -> list[int]:
        """Numbers that each hidden layer puts out for one example of `shape`."""

    def weights(self, depth: int) -> float:
        """About the number of parameters of a network."""

    def layer_multiply_adds(self, shape: tuple[int, ...]) -> int:
        """Multiply-adds of one hidden layer for one example of `shape`."""

    def source(self) -> tuple[int, dict[str, Any]] | None:
        """Depth of the trained network that this one starts as, and its keys where they are others; None: this one is
        drawn from its seed.
        """

    def module(self, *, shape: tuple[int, ...], outputs: int, depth: int) -> "nn.Module":
        """A network that keeps the contract `Network`, before its initial tensors are drawn.

        Args:
            shape: of one example.
            outputs: features of a prediction, or classes.
            depth: weighted layers, as `check_depth` allows.
        """


class Network(Protocol):
    """What every built network offers besides being an `nn.Module` from (B, *shape) to (B, outputs).

    Networks that can be stacked take and return a leading dimension S, written `...` here.
    """

    def trace(self, x: "Tensor") -> "tuple[Tensor, list[Tensor]]":
        """Predictions (..., B, outputs) and all weighted layers' outputs after shortcut and ReLU, predictions last."""

    def spread(self, activation: "Tensor") -> "Tensor":
        """Standard deviation over inputs, root mean square over units and pixels, of a traced output: (...)."""

    def weights(self) -> "list[Tensor]":
        """Weight tensors of the weighted layers in forward order, shortcuts left out, the head's last."""

    def norms(self) -> "list[nn.Module]":
        """What puts out each hidden layer's response, that is, its output as it is before shortcut and ReLU: the
        normalisation that follows it there, or the layer itself if none does.
        """

    def branch_ends(self) -> "list[Tensor]":
        """For each block with a shortcut the tensor that, at zero, makes the block its shortcut alone."""

    def summands(self) -> "list[tuple[nn.Module, nn.Module | None]]":
        """For each of the network's `blocks` the modules whose outputs it adds, its branch's last and its shortcut,
        before factors and gates; of families whose shortcuts are modules. A plain block adds nothing and has None. A
        block returns its layers' outputs, its own last.
        """

    def deepen(self, shallow: "nn.Module", inputs: "Tensor") -> None:
        """Become a trained shallower network with identity layers behind; of families whose settings have a `source`.

        Args:
            shallow: of the same settings but for depth.
            inputs: examples (B, *shape), for the statistics that the identity layers' normalisations need.
        """


FAMILIES: dict[str, type[Family]] = {
    "mlp": MLPNetwork,
    "cifar": CifarNetwork,
    "bottleneck": BottleneckNetwork,
    "densenet": DenseNetwork,
    "conv": ConvNetwork,
    "unet": UNetwork,
}
