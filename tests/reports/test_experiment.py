"""An experiment's page: what it says where there is nothing to draw."""

import json
from pathlib import Path

import pytest

from degradation.checks import ConfigError
from degradation.config.composition import defaults_of
from degradation.records.files import checksum
from degradation.reports.condition import read_conditions
from degradation.reports.experiment import readme, report
from tests.conftest import ROOT


def test_runs_of_an_earlier_version_are_named_where_there_are_no_others(config, tmp_path):
    folder = tmp_path / "runs" / "sine_depth" / "sine" / "mlp" / "depth=004"
    folder.mkdir(parents=True)
    (folder / "records.csv").write_text("experiment,digest,variant,depth,seed\n")
    files = {"records.csv": checksum(folder / "records.csv")}
    (folder / "status.json").write_text(json.dumps({"state": "done", "files": files}))
    with pytest.raises(ConfigError, match="depth=004 was made by an earlier version of this suite. .*no finished run"):
        report(config, config.runtime)


def test_figures_of_diagnostics_on_finished_runs_have_a_section_behind_the_table(config):
    defaults = defaults_of("digits_depth")
    conditions = read_conditions(ROOT / "results" / "reference" / "digits_depth", defaults)
    text = readme(defaults, conditions, {"": [Path("depth.png"), Path("lesion.png"), Path("paths.png")]}, [])
    above, section = text.split("## Inside the trained networks\n\n")
    assert "(depth.png)" in above.split("| depth |")[0]
    assert "(lesion.png)" not in above
    told, figure, _ = section.split("\n\n", 2)
    assert told.startswith("The test error of trained networks with each block deleted")
    assert figure.endswith("](lesion.png)")
    assert section.index("(paths.png)") < section.index("## Recipe")
