"""How time and memory grow with depth, seeds, cohorts, workers and records.

Writes growth.md and growth.csv into <runtime.results_dir>/reference/bench/:

python experiments/growth.py
"""

import hydra
from omegaconf import DictConfig

from degradation.commands.bench import growth_job
from degradation.commands.entry import command_line


@command_line
@hydra.main(version_base="1.3", config_path="../conf", config_name="config")
def main(composed: DictConfig) -> None:
    growth_job(composed)


if __name__ == "__main__":
    main()
