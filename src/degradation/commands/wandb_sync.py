"""`experiments/wandb_sync.py`: what W&B logged offline, uploaded."""

from omegaconf import DictConfig

from degradation.commands.errors import sentences
from degradation.config import parse
from degradation.sweeps.exits import FAILED


def wandb_sync_job(composed: DictConfig) -> None:
    """Upload what W&B logged offline."""
    from degradation.tracking.sync import sync

    with sentences():
        sentence, whole = sync(parse(composed).runtime)
    print(sentence)
    if not whole:
        raise SystemExit(FAILED)
