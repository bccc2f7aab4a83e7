"""The report on all experiments, made from the committed reference tables."""

import re
import shutil
import subprocess
import sys

import pandas as pd
import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from degradation.checks import ConfigError
from degradation.config.composition import all_experiments
from degradation.records.identity import own_conditions
from degradation.reports.experiment import report
from degradation.reports.overview import against_published, overview, recipe_sentence
from degradation.reports.verdicts import gains
from tests.conftest import ROOT

REFERENCE = ROOT / "results" / "reference"


@pytest.fixture(scope="module")
def experiments():
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        found = {listed.experiment.name: listed for listed in all_experiments()}
        assert all(listed.defaults for listed in found.values())  # composed while Hydra is there
    return found


@pytest.fixture
def runtime(config, tmp_path):
    """Folders whose reference holds sine_depth and digits_depth alone."""
    for name in ("sine_depth", "digits_depth"):
        shutil.copytree(REFERENCE / name, tmp_path / "results" / "reference" / name)
    return config.runtime


def judged(written):
    return {claim.id: finding for claim, finding in written.findings}


def test_the_reference_is_of_the_experiments_as_configured(experiments):
    for folder in REFERENCE.iterdir():
        if (folder / "networks.csv").exists():
            held = set(pd.read_csv(folder / "networks.csv", usecols=["digest"])["digest"])
            defaults = experiments[folder.name].defaults
            conditions = own_conditions(defaults).values()
            assert held == {own.digests[variant] for own in conditions for variant in defaults.variants}, folder


def test_the_committed_report_is_what_the_committed_tables_give(experiments, config, tmp_path):
    shutil.copytree(REFERENCE, tmp_path / "reference")
    config.runtime.results_dir = str(tmp_path / "reference")
    overview(list(experiments.values()), config.runtime)
    for name in ("REPORT.md", "claims.csv"):
        assert (tmp_path / "reference" / name).read_text() == (REFERENCE / name).read_text()
    html = (tmp_path / "reference" / "report.html").read_text()
    assert len(html) < 1_500_000
    assert html.count("<svg ") >= 20
    assert not re.search(r'\b(src|href)="(?!#|data:)', html)  # nothing beside the file


def test_falls_back_to_the_reference_and_says_so(experiments, runtime, tmp_path):
    written = overview(list(experiments.values()), runtime)
    text = (tmp_path / "results" / "REPORT.md").read_text()
    assert "[Tables and figures](<reference/sine_depth/README.md>) (reference)" in text
    assert judged(written)["sine_depth/residual-beats-plain"].verdict == "reproduced"
    assert judged(written)["cifar10_depth/resnet-20"].verdict == "not run"
    gradients = judged(written)["digits_depth/plain-gradients-are-balanced-at-initialisation"]
    assert gradients.verdict == "contradicted"
    assert "`python experiments/train.py -m experiment=cifar10_depth runtime=gpu`" in text
    claims = pd.read_csv(tmp_path / "results" / "claims.csv")
    assert list(claims["id"]) == [claim.id for claim, _ in written.findings]
    row = claims.set_index("id").loc["sine_depth/residual-beats-plain"]
    assert (row["results"], row["n"], row["known"]) == ("reference", 16, True)
    assert 0 < row["p"] < 0.05
    assert f"{len(written.findings)} tests of published claims: " in text
    assert "| A deep residual network has a lower test error (on the sine: loss) than" in text
    assert gains(written.findings) in text
    for sentence in (
        "survive Holm's correction",
        "over seeds alone",
        "**Choices.** ",
        "known for all claims of sine_depth",
    ):
        assert sentence in text


def test_own_results_come_first(experiments, runtime, tmp_path):
    own = tmp_path / "results" / "sine_depth"
    shutil.copytree(REFERENCE / "sine_depth", own)
    networks = pd.read_csv(own / "networks.csv")
    networks[networks["seed"] < 2].to_csv(own / "networks.csv", index=False)
    digits = tmp_path / "results" / "digits_depth"
    shutil.copytree(REFERENCE / "digits_depth", digits)
    pd.read_csv(digits / "networks.csv").assign(test_error=2.0).to_csv(digits / "networks.csv", index=False)
    written = overview(list(experiments.values()), runtime)
    finding = judged(written)["sine_depth/residual-beats-plain"]
    assert (finding.verdict, finding.effect.n) == ("not enough data", 2)
    equal = judged(written)["digits_depth/residual-test-error-falls"].effect
    assert equal[:3] == pytest.approx((0, -100 / 500, 100 / 500))  # one of the test images
    text = (tmp_path / "results" / "REPORT.md").read_text()
    assert "[Tables and figures](<sine_depth/README.md>) (your results)" in text
    assert "![sine_depth: error or loss after training against depth" in text


def test_a_variation_alone_does_not_answer_for_the_experiment(experiments, runtime, tmp_path):
    own = tmp_path / "results" / "sine_depth"
    shutil.copytree(REFERENCE / "sine_depth", own)
    pd.read_csv(own / "networks.csv").assign(digest="other").to_csv(own / "networks.csv", index=False)
    overview(list(experiments.values()), runtime)
    assert "(<reference/sine_depth/README.md>)" in (tmp_path / "results" / "REPORT.md").read_text()


def test_results_of_an_earlier_version_leave_the_reference_to_answer(experiments, runtime, tmp_path):
    own = tmp_path / "results" / "sine_depth"
    shutil.copytree(REFERENCE / "sine_depth", own)
    earlier = pd.read_csv(own / "networks.csv").rename(columns={"matched": "paired"})
    earlier.drop(columns=["condition", "base_digest"]).to_csv(own / "networks.csv", index=False)
    overview(list(experiments.values()), runtime)
    assert "(<reference/sine_depth/README.md>)" in (tmp_path / "results" / "REPORT.md").read_text()
    with pytest.raises(ConfigError, match=r"was written by an earlier version of this suite .* move the folder"):
        report(experiments["sine_depth"].defaults, runtime)


def test_nothing_was_run(experiments, config, tmp_path):
    (tmp_path / "results").mkdir()
    written = overview(list(experiments.values()), config.runtime)
    assert {finding.verdict for _, finding in written.findings} == {"not run"}
    assert "Nothing was run so far." in (tmp_path / "results" / "REPORT.md").read_text()


def test_a_damaged_table_is_named(experiments, runtime, tmp_path):
    own = tmp_path / "results" / "sine_depth"
    own.mkdir()
    (own / "networks.csv").write_text("variant,depth\nplain,1\n")
    with pytest.raises(ConfigError, match=r"sine_depth/networks.csv lacks the columns experiment, .*Delete it"):
        overview(list(experiments.values()), runtime)


def test_recipe_and_command(experiments):
    assert recipe_sentence(experiments["cifar10_depth"].defaults) == (
        "cifar, width 16, he initialisation, normalisation batch, shortcut A; sgd, lr 0.1, momentum 0.9; weight decay "
        "0.0001, batch 128, 64000 steps; schedule steps at 32000, 48000; constant warm-up of 400 steps from 110 layers "
        "on; bf16."
    )
    assert experiments["digits_depth"].experiment.command == "python experiments/train.py -m experiment=digits_depth"


def test_make_report_imports_no_torch(tmp_path):
    shutil.copytree(REFERENCE / "digits_depth", tmp_path / "results" / "reference" / "digits_depth")
    program = (
        "import runpy, sys; sys.argv = ['report.py', *sys.argv[1:]]\n"
        f"runpy.run_path({str(ROOT / 'experiments' / 'report.py')!r}, run_name='__main__')\n"
        "assert 'torch' not in sys.modules"
    )
    arguments = [f"runtime.results_dir={tmp_path}/results", f"runtime.runs_dir={tmp_path}/runs"]
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f"report: {tmp_path}/results/REPORT.md\nreport: {tmp_path}/results/report.html\n")


def test_ours_beside_the_published_errors_one_seed_has_no_spread(experiments):
    rows = [
        {"depth": depth, "variant": "residual", "n": n, "test_error_mean": 8.5, "test_error_sd": sd}
        for depth, n, sd in ((20, 1, float("nan")), (56, 3, 0.25))
    ]
    (_, table) = against_published(experiments["cifar10_depth"].defaults, pd.DataFrame(rows))
    lines = {tuple(cell.strip() for cell in line.split("|")[1:-1]) for line in table.splitlines()}
    assert ("20", "residual", "8.50 % (n = 1)", "8.75", "8.13 to 9.18") in lines
    assert ("56", "residual", "8.50 ± 0.25 % (n = 3)", "6.97", "6.93 to 7.4") in lines
    assert ("20", "plain", "not run", "not printed", "9.35 to 9.78") in lines
    assert against_published(experiments["digits_depth"].defaults, pd.DataFrame(rows)) == []
