"""Which of your records differ from the reference (or any other folder's) beyond seed noise.

python experiments/compare.py
python experiments/compare.py ours=results/sine_depth reference=../other/results/sine_depth
"""

import os

import hydra
from hydra.errors import HydraException
from omegaconf import DictConfig

from degradation.commands.compare import compare_job
from degradation.commands.errors import fail
from degradation.sweeps.exits import WRONG_CONFIGURATION


@hydra.main(version_base="1.3", config_path="../conf", config_name="compare")
def main(composed: DictConfig) -> None:
    compare_job(composed)


if __name__ == "__main__":
    os.environ["HYDRA_FULL_ERROR"] = (
        "1"  # so that Hydra raises: its own exit code, 1, means here that something differs
    )
    try:
        main()
    except HydraException as error:
        fail(str(error), WRONG_CONFIGURATION)
