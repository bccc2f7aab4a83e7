"""The atlas, from the committed tables of two experiments."""

import shutil

import pandas as pd
import pytest

from degradation.reports.atlas import DEPTHS, in_markdown, networks_of
from degradation.reports.overview import overview
from tests.reports.test_overview import REFERENCE, experiments  # noqa: F401

HELD = ["digits_depth", "digits_init", "digits_lr", "sine_depth"]


@pytest.fixture
def written(experiments, config, tmp_path):  # noqa: F811
    for name in HELD:
        shutil.copytree(REFERENCE / name, tmp_path / "results" / "reference" / name)
    overview(list(experiments.values()), config.runtime)
    return tmp_path / "results"


def test_networks_of_one_recipe_are_together_once(experiments, written):  # noqa: F811
    table = pd.read_csv(written / "atlas.csv").set_index(["variant", "depth"])
    assert {depth for _, depth in table.index} == set(DEPTHS)
    assert {variant for variant, _ in table.index} == {"plain", "residual", "dirac", "plain_dirac"}
    depth = pd.read_csv(REFERENCE / "digits_depth" / "networks.csv")
    plain = depth[(depth["variant"] == "plain") & (depth["depth"] == 56)]
    row = table.loc[("plain", 56)]
    assert row["n"] == len(plain) == 8  # digits_init has three of the same networks
    assert row["train_error_mean"] == pytest.approx(plain["train_error"].mean(), rel=1e-4)
    assert row["parameters"] == plain["parameters"].iloc[0]
    text = (written / "REPORT.md").read_text()
    assert text.index("## Atlas") < text.index("## digits_depth")
    section = text[text.index("## Atlas") :].splitlines()
    first = [line.split("|")[1].strip() for line in section if line.startswith("| ")]
    assert first[2:6] == ["residual", "plain_dirac", "dirac", "plain"]
    assert 'id="atlas"' in (written / "report.html").read_text()
    assert (written / "atlas.png").exists()


def test_without_its_first_experiment_there_is_none():
    assert networks_of([]).empty
    assert in_markdown(pd.DataFrame()) == []
