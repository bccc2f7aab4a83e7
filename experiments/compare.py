"""Which of your records differ from the reference (or any other folder's) beyond seed noise.

python experiments/compare.py
python experiments/compare.py ours=results/sine_depth reference=../other/results/sine_depth
"""

import hydra
from omegaconf import DictConfig

from degradation.commands.compare import compare_job
from degradation.commands.entry import command_line


@command_line
@hydra.main(version_base="1.3", config_path="../conf", config_name="compare")
def main(composed: DictConfig) -> None:
    compare_job(composed)


if __name__ == "__main__":
    main()
