"""What the engines gain on this machine.

16 sine networks at once against 16 one-network Lightning fits:

python experiments/bench.py depth=10 variants=[plain]

CIFAR-10's networks against the plain loop of reproductions, into <runtime.results_dir>/reference/bench/:

python experiments/bench.py experiment=cifar10_depth depth=20 recipe.precision=fp32
python experiments/bench.py experiment=cifar10_depth runtime=gpu depth=[20,56,110] recipe.precision=tf32
"""

import hydra
from omegaconf import DictConfig

from degradation.commands.bench import bench_job
from degradation.commands.entry import command_line


@command_line
@hydra.main(version_base="1.3", config_path="../conf", config_name="config")
def main(composed: DictConfig) -> None:
    bench_job(composed)


if __name__ == "__main__":
    main()
