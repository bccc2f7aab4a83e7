"""A diagnostic on the finished runs of an experiment, without training again.

python experiments/diagnose.py experiment=digits_depth diagnostic=layers
"""

import hydra
from omegaconf import DictConfig

from degradation.commands.diagnose import diagnose_job
from degradation.commands.entry import command_line


@command_line
@hydra.main(version_base="1.3", config_path="../conf", config_name="diagnose")
def main(composed: DictConfig) -> None:
    diagnose_job(composed)


if __name__ == "__main__":
    main()
