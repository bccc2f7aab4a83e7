"""What the stacked engine gains on this machine: 16 seeds at once against 16 one-network Lightning fits.

python experiments/bench.py depth=10 variants=[plain]
"""

import hydra
from omegaconf import DictConfig

from degradation.jobs import bench_job


@hydra.main(version_base="1.3", config_path="../conf", config_name="config")
def main(composed: DictConfig) -> None:
    bench_job(composed)


if __name__ == "__main__":
    main()
