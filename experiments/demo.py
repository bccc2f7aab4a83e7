"""One plain and one residual network of 32 layers, side by side, in under a minute: the degradation problem.

python experiments/demo.py
"""

import hydra
from omegaconf import DictConfig

from degradation.commands.demo import demo_job
from degradation.commands.entry import command_line


@command_line
@hydra.main(version_base="1.3", config_path="../conf", config_name="demo")
def main(composed: DictConfig) -> None:
    demo_job(composed)


if __name__ == "__main__":
    main()
