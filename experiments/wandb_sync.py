"""Upload to W&B what was logged offline.

python experiments/wandb_sync.py
"""

import hydra
from omegaconf import DictConfig

from degradation.commands.entry import command_line
from degradation.commands.wandb_sync import wandb_sync_job


@command_line
@hydra.main(version_base="1.3", config_path="../conf", config_name="config")
def main(composed: DictConfig) -> None:
    wandb_sync_job(composed)


if __name__ == "__main__":
    main()
