"""The `cifar` family: the CIFAR-10 networks of He et al. 2015, section 4.2, plain and residual, 6n + 2 layers."""

from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from degradation.networks.blocks import Block, Conv3x3

if TYPE_CHECKING:
    from degradation.networks.cifar_spec import CifarNetwork


def run_block(block: nn.Module, x: Tensor) -> Tensor:
    """A block's last activation."""
    return block(x)[-1]


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
        self.unit_norms = settings.init == "deepened_unit_norms"
        self.stem = Conv3x3(channels, width)
        self.stem_norm = nn.BatchNorm2d(width)
        self.blocks = nn.ModuleList()
        inputs = width
        for stage in range(3):
            for place in range((depth - 2) // 6):
                outputs, stride = width * 2**stage, 2 if stage > 0 and place == 0 else 1
                self.blocks.append(Block(settings, inputs, outputs, stride))
                inputs = outputs
        self.head = nn.Linear(inputs, classes)
        self.compiled = False  # whether blocks are compiled in training mode

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.stem_norm(self.stem(x)))
        run = compiled_run_block() if self.compiled and self.training else run_block
        for block in self.blocks:
            x = run(block, x)
        return self.head(x.mean((2, 3)))

    def trace(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Predictions (B, classes), and all weighted layers' outputs after shortcut and ReLU, the predictions last."""
        outputs = [torch.relu(self.stem_norm(self.stem(x)))]
        for block in self.blocks:
            outputs.extend(block(outputs[-1]))
        predictions = self.head(outputs[-1].mean((2, 3)))
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
        """The batch normalisations of the 3x3 layers in forward order; their outputs are the layers' responses."""
        within = [block.get_submodule(name) for block in self.blocks for name in ("norm1", "norm2")]
        return [self.stem_norm, *within]

    def branch_ends(self) -> list[Tensor]:
        """The scale of each block's last normalisation (Goyal et al. 2017, 1706.02677, section 5.1)."""
        return [block.get_parameter("norm2.weight") for block in self.blocks]

    @torch.no_grad()
    def deepen(self, shallow: "CifarNet", inputs: Tensor) -> None:
        """Take a trained network's stem, head and blocks, the first of each stage; the blocks behind are identities."""
        for name in ("stem", "stem_norm", "head"):
            self.get_submodule(name).load_state_dict(shallow.get_submodule(name).state_dict())
        held, built = len(shallow.blocks) // 3, len(self.blocks) // 3
        shallow.eval()
        x = torch.relu(shallow.stem_norm(shallow.stem(inputs)))
        for stage in range(3):
            for place in range(held):
                block = shallow.blocks[stage * held + place]
                self.blocks[stage * built + place].load_state_dict(block.state_dict())
                x = run_block(block, x)
            mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3))
            if self.unit_norms:
                mean, var = torch.zeros_like(mean), torch.ones_like(var)
            for place in range(held, built):
                block = self.blocks[stage * built + place]
                assert isinstance(block, Block)
                block.become_identity(mean, var)
