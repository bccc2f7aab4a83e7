"""An experiment's page: what it says where there is nothing to draw."""

import json

import pytest

from degradation.checks import ConfigError
from degradation.records.files import checksum
from degradation.reports.experiment import report


def test_runs_of_an_earlier_version_are_named_where_there_are_no_others(config, tmp_path):
    folder = tmp_path / "runs" / "sine_depth" / "sine" / "mlp" / "depth=004"
    folder.mkdir(parents=True)
    (folder / "records.csv").write_text("experiment,digest,variant,depth,seed\n")
    files = {"records.csv": checksum(folder / "records.csv")}
    (folder / "status.json").write_text(json.dumps({"state": "done", "files": files}))
    with pytest.raises(ConfigError, match="depth=004 was made by an earlier version of this suite. .*no finished run"):
        report(config, config.runtime)
