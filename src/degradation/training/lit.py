"""One network as Lightning users write it: beside the cohort, for callbacks and flags of theirs, and as its oracle.

Nothing is shared with groups and engines but the network itself, its initial tensors and the schedule's formula.
`degradation.training.lit_data` gives it the batches that a cohort would take.
"""

from dataclasses import asdict
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.nn import functional

from degradation.checks import require
from degradation.config import Config, Recipe, parsing
from degradation.networks.build import build
from degradation.networks.family import FAMILIES
from degradation.networks.noise import set_step
from degradation.training.engines import DTYPES
from degradation.training.schedule import learning_rate


class LitNetwork(pl.LightningModule):
    """A network with its loss, optimizer and schedule; all arguments are plain types and go into checkpoints.

    Logged are `train_loss` of each batch, as it was before its step, `val_loss` and `test_loss`, means over all
    examples in eval mode, and of classification `train_error`, `val_error` and `test_error` in percent.

    Args:
        network: keys of conf/network/NAME.yaml, as the variant has them.
        recipe: keys of conf/recipe/base.yaml; `precision` decides on parameters and autocast, and `max_steps`, which
            the trainer needs too, on the schedule.
        depth: weighted layers.
        seed: of the initial tensors.
        input_shape: of one example.
        outputs: features of a prediction, or classes.
        classification: cross-entropy of labels; otherwise the mean squared error.

    Raises:
        ConfigError: a key is unknown or wrong, the network starts from a trained one, or the recipe's warm-up ends
            when an error is low enough.
    """

    def __init__(
        self,
        network: dict[str, Any],
        recipe: dict[str, Any],
        depth: int,
        seed: int,
        input_shape: list[int],
        outputs: int,
        classification: bool,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        settings = parsing.choice(FAMILIES, network, "network", "family")
        settings.check_depth(depth)
        require(
            settings.source() is None,
            f"LitNetwork begins with drawn tensors, and network.init={settings.init} with those of a trained network.",
        )
        self.recipe = parsing.group(Recipe, recipe, "recipe")
        require(
            self.recipe.warmup_until_error is None,
            "recipe.warmup_until_error makes the schedule depend on errors, which LitNetwork does not; set it to null.",
        )
        built = build(settings, input_shape=tuple(input_shape), outputs=outputs, depth=depth, seed=seed)
        self.network = built.to(DTYPES[self.recipe.precision])
        self.depth = depth
        self.classification = classification

    @classmethod
    def of(cls, config: Config) -> "LitNetwork":
        """The one network that a configuration describes.

        Raises:
            ConfigError: it describes several.
        """
        require(
            config.networks == 1,
            f"LitNetwork is one network and the configuration has {config.networks}; set one depth, variant and seed.",
        )
        (depth,), (variant,), (seed,) = config.depths, config.variants, config.seeds
        settings = config.of(variant)
        return cls(
            network=asdict(settings.network),  # type: ignore[call-overload]
            recipe=asdict(settings.recipe),
            depth=depth,
            seed=seed,
            input_shape=list(config.task.input_shape),
            outputs=config.task.outputs,
            classification=config.task.classification,
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """Predictions (B, outputs) for (B, *input_shape)."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.precision == "bf16"):
            return self.network(inputs)

    def training_step(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        set_step(self.network, self.global_step)
        return self._measure(batch, "train")

    def validation_step(self, batch: tuple[Tensor, Tensor]) -> None:
        self._measure(batch, "val")

    def test_step(self, batch: tuple[Tensor, Tensor]) -> None:
        self._measure(batch, "test")

    def _measure(self, batch: tuple[Tensor, Tensor], name: str) -> Tensor:
        """The mean loss of a batch; loss and error are logged."""
        inputs, targets = batch
        predictions = self(inputs).to(DTYPES[self.recipe.precision])
        loss = (functional.cross_entropy if self.classification else functional.mse_loss)(predictions, targets)
        self.log(f"{name}_loss", loss, batch_size=len(targets), prog_bar=True)
        if self.classification:
            wrong = (predictions.argmax(1) != targets).double().mean()
            self.log(f"{name}_error", 100 * wrong, batch_size=len(targets))
        return loss

    def configure_optimizers(self) -> Any:
        """The recipe's optimizer, and its schedule in steps."""
        recipe = self.recipe
        shared: dict[str, Any] = {"lr": recipe.lr, "weight_decay": recipe.weight_decay, "fused": True}
        optimizer: torch.optim.Optimizer
        if recipe.optimizer == "adam":
            optimizer = torch.optim.Adam(self.parameters(), eps=recipe.eps, **shared)
        else:
            optimizer = torch.optim.SGD(self.parameters(), momentum=recipe.momentum, **shared)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self._share_of_lr)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _share_of_lr(self, step: int) -> float:
        return learning_rate(self.recipe, step, self.depth) / self.recipe.lr
