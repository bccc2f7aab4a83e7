"""The networks of a finished run as files for other programs, one a network.

python experiments/export.py "run='runs/digits_depth/digits/cifar/depth=020'"
python experiments/export.py "run='runs/digits_depth/digits/cifar/depth=020'" format=onnx out=models
"""

import hydra
from omegaconf import DictConfig

from degradation.commands.entry import command_line
from degradation.commands.export import export_job


@command_line
@hydra.main(version_base="1.3", config_path="../conf", config_name="export")
def main(composed: DictConfig) -> None:
    export_job(composed)


if __name__ == "__main__":
    main()
