"""The `cifar` family: the CIFAR-10 networks of He et al. 2015, section 4.2, plain and residual, 6n + 2 layers."""

from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from degradation.networks.noise import Dropout
from degradation.networks.shortcuts import SHORTCUTS

if TYPE_CHECKING:
    from degradation.networks.cifar_spec import CifarNetwork


class Conv3x3(nn.Conv2d):
    """A 3x3 layer's convolution, without bias: (B, inputs, H, W) -> (B, outputs, H / stride, W / stride).

    On 2x2 images every output pixel sees every input pixel, and the convolution is a fully connected layer whose matrix
    repeats the weights. The CPU computes it so, in a third of the time (32 channels, 128 images, forward and backward:
    0.45 ms in place of 1.38 on one AVX2 core, each the least of 5 timings).
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__(inputs, outputs, 3, stride, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        if not x.is_cpu or self.stride != (1, 1) or x.shape[2:] != (2, 2):
            return super().forward(x)
        taps = self.weight.permute(0, 2, 3, 1)  # (outputs, 3, 3, inputs)
        of_pixel = [taps[:, 1 - row : 3 - row, 1 - col : 3 - col].flatten(1) for row in (0, 1) for col in (0, 1)]
        pixels = functional.linear(x.permute(0, 2, 3, 1).flatten(1), torch.cat(of_pixel))
        output = pixels.view(-1, 2, 2, self.out_channels).permute(0, 3, 1, 2)  # with channels last
        return output if x.is_contiguous(memory_format=torch.channels_last) else output.contiguous()


class Block(nn.Module):
    """Two 3x3 layers; a residual block adds its shortcut before the last ReLU, a plain one has none."""

    def __init__(self, settings: "CifarNetwork", inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = Conv3x3(inputs, outputs, stride)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.dropout = Dropout(settings.dropout) if settings.dropout else None
        self.conv2 = Conv3x3(outputs, outputs)
        self.norm2 = nn.BatchNorm2d(outputs)
        residual = settings.shortcut != "none"
        self.shortcut = SHORTCUTS[settings.shortcut].build(inputs, outputs, stride) if residual else None
        self.scales = (settings.branch_scale, settings.shortcut_scale)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Activations of the two layers, each (B, outputs, H / stride, W / stride)."""
        inner = torch.relu(self.norm1(self.conv1(x)))
        h = self.norm2(self.conv2(inner if self.dropout is None else self.dropout(inner)))
        if self.shortcut is not None:
            h = self.sum(h, self.shortcut(x))
        return [inner, torch.relu(h)]

    def become_identity(self, mean: Tensor, var: Tensor) -> None:
        """Put out what comes in, which must not be negative, in eval mode exactly but for rounding.

        Args:
            mean, var: of each channel (C,), which the normalisations take away and put back. Where they are those of
                the inputs, the block is nearly the identity in training mode, too.
        """
        for conv, norm in ((self.conv1, self.norm1), (self.conv2, self.norm2)):
            nn.init.dirac_(conv.weight)
            norm.running_mean.copy_(mean)  # type: ignore[union-attr]
            norm.running_var.copy_(var)  # type: ignore[union-attr]
            norm.weight.copy_((var + norm.eps).sqrt())
            norm.bias.copy_(mean)

    def sum(self, branch: Tensor, shortcut: Tensor) -> Tensor:
        """Branch and shortcut with their factors, of which 1 costs nothing."""
        if self.scales == (1, 1):
            return branch + shortcut
        return self.scales[0] * branch + self.scales[1] * shortcut


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

    def summands(self) -> list[tuple[nn.Module, nn.Module | None]]:
        """For each block the module at the end of its branch and its shortcut, whose outputs it adds."""
        return [(block.get_submodule("norm2"), block.shortcut) for block in self.blocks]  # type: ignore[misc]

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
