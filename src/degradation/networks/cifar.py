"""The `cifar` family: the CIFAR-10 networks of He et al. 2015, section 4.2, plain and residual, 6n + 2 layers."""

from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from degradation.networks.blocks import Conv3x3, TwoLayers
from degradation.networks.fixup import FixupBlock
from degradation.networks.norms import norm
from degradation.networks.orders import BLOCKS

if TYPE_CHECKING:
    from degradation.networks.cifar_spec import CifarNetwork


def run_block(block: nn.Module, *state: Tensor) -> list[Tensor]:
    """What the next block takes: a block's last activation and, of a pre-activated one, the sum before it."""
    return block(*state)[1:]


@cache
def compiled_run_block() -> Any:
    """`run_block` through torch.compile: one graph for each shape of a block, whatever network it is in."""
    settings = torch._dynamo.config
    settings.recompile_limit = settings.accumulated_recompile_limit = 10_000  # a sweep in one process has many shapes
    return torch.compile(run_block, dynamic=False, fullgraph=True)


class CifarNet(nn.Module):
    """A 3x3 stem, three stages of n blocks with width, 2 width, 4 width channels, average pooling, a linear head.

    Shapes: (B, channels, H, W) -> (B, classes).
    """

    def __init__(self, settings: "CifarNetwork", *, channels: int, classes: int, depth: int) -> None:
        super().__init__()
        width = settings.width
        self.preactivated = settings.preactivated
        self.unit_norms = settings.init == "deepened_unit_norms"
        self.stem = Conv3x3(channels, width)
        self.stem_norm = norm(settings.norm, width)
        self.blocks = nn.ModuleList()
        block = FixupBlock if settings.norm == "fixup" else BLOCKS[settings.order]
        inputs = width
        number = (depth - 2) // 2
        for stage in range(3):
            for place in range(number // 3):
                outputs, stride = width * 2**stage, 2 if stage > 0 and place == 0 else 1
                survival = settings.survival_at((len(self.blocks) + 1) / number)
                self.blocks.append(block(settings, inputs, outputs, stride, survival))
                inputs = outputs
        self.head = nn.Linear(inputs, classes)
        self.compiled = False  # whether blocks are compiled in training mode

    def forward(self, x: Tensor) -> Tensor:
        state = self.start(x)
        run = compiled_run_block() if self.compiled and self.training else run_block
        for block in self.blocks:
            state = run(block, *state)
        return self.head(state[0].mean((2, 3)))

    def start(self, x: Tensor) -> list[Tensor]:
        """What the first block takes: the stem's activation, from which a pre-activated block's shortcut starts too."""
        x = torch.relu(self.stem_norm(self.stem(x)))
        return [x, x] if self.preactivated else [x]

    def trace(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Predictions (B, classes), and all weighted layers' outputs after shortcut and ReLU, the predictions last."""
        state = self.start(x)
        outputs = [state[0]]
        for block in self.blocks:
            inner, *state = block(*state)
            outputs += [inner, state[0]]
        predictions = self.head(state[0].mean((2, 3)))
        return predictions, [*outputs, predictions]

    @staticmethod
    def spread(activation: Tensor) -> Tensor:
        """Standard deviation over inputs, root mean square over units and pixels: ()."""
        return activation.var(0, correction=0).mean().sqrt()

    def weights(self) -> list[Tensor]:
        """Weight tensors of the weighted layers in forward order, shortcuts left out."""
        convolutions = [module.weight for module in self.modules() if isinstance(module, Conv3x3)]
        return [*convolutions, self.head.weight]

    def norms(self) -> list[nn.Module]:
        """What puts out each 3x3 layer's response, in forward order: its normalisation, or the layer itself where the
        normalisation comes after the addition.
        """
        within = [module for block in self.all_blocks() for module in (block.norm1, block.response())]
        return [self.stem_norm, *within]

    def branch_ends(self) -> list[Tensor]:
        """See `TwoLayers.end`."""
        return [block.end() for block in self.all_blocks()]

    def all_blocks(self) -> list[TwoLayers]:
        """The blocks, typed."""
        return list(self.blocks)  # type: ignore[arg-type]

    def summands(self) -> list[tuple[nn.Module, nn.Module | None]]:
        """For each block the module at the end of its branch and its shortcut, whose outputs it adds."""
        return [(block.response(), block.shortcut) for block in self.all_blocks()]

    @torch.no_grad()
    def deepen(self, shallow: "CifarNet", inputs: Tensor) -> None:
        """Take a trained network's stem, head and blocks, the first of each stage; the blocks behind are identities."""
        for name in ("stem", "stem_norm", "head"):
            self.get_submodule(name).load_state_dict(shallow.get_submodule(name).state_dict())
        held, built = len(shallow.blocks) // 3, len(self.blocks) // 3
        shallow.eval()
        state = shallow.start(inputs)
        for stage in range(3):
            for place in range(held):
                block = shallow.blocks[stage * held + place]
                self.blocks[stage * built + place].load_state_dict(block.state_dict())
                state = run_block(block, *state)
            mean, var = state[0].mean((0, 2, 3)), state[0].var((0, 2, 3))
            if self.unit_norms:
                mean, var = torch.zeros_like(mean), torch.ones_like(var)
            for place in range(held, built):
                self.all_blocks()[stage * built + place].become_identity(mean, var)
