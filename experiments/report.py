"""Tables and figures of one experiment again, from what was run.

python experiments/report.py experiment=sine_depth
"""

import hydra
from omegaconf import DictConfig

from degradation.jobs import report_job


@hydra.main(version_base="1.3", config_path="../conf", config_name="config")
def main(composed: DictConfig) -> None:
    report_job(composed)


if __name__ == "__main__":
    main()
