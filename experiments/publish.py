"""Copy an experiment's own records from results/ to results/reference/, and write the reference's figures and report.

python experiments/publish.py experiment=sine_depth
"""

import hydra
from omegaconf import DictConfig

from degradation.commands.entry import command_line
from degradation.commands.publish import publish_job


@command_line
@hydra.main(version_base="1.3", config_path="../conf", config_name="config")
def main(composed: DictConfig) -> None:
    publish_job(composed)


if __name__ == "__main__":
    main()
