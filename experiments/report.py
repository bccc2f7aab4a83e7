"""Tables, figures and the report with the claims' verdicts, again, from what was run.

python experiments/report.py                         # every experiment that was run
python experiments/report.py experiment=sine_depth   # this one's tables and figures, and the report on all
"""

import hydra
from omegaconf import DictConfig

from degradation.commands.entry import command_line
from degradation.commands.report import report_job


@command_line
@hydra.main(version_base="1.3", config_path="../conf", config_name="config")
def main(composed: DictConfig) -> None:
    report_job(composed)


if __name__ == "__main__":
    main()
