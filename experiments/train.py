"""Train one cohort, or with -m a sweep of cohorts.

python experiments/train.py experiment=sine_depth depth=10
python experiments/train.py -m experiment=sine_depth
python experiments/train.py -m experiment=sine_depth depth=7,10 network.width=64 recipe.lr=3e-3 seeds=[0,1]
"""

import hydra
from omegaconf import DictConfig

from degradation.commands.entry import command_line
from degradation.commands.train import train_job


@command_line
@hydra.main(version_base="1.3", config_path="../conf", config_name="config")
def main(composed: DictConfig) -> float | None:
    return train_job(composed)


if __name__ == "__main__":
    main()
