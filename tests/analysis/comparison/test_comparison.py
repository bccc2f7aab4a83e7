"""Comparisons of made-up tables must give each verdict; wrong input gets a sentence."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from omegaconf import OmegaConf
from scipy import stats

from degradation.analysis.comparison.cells import compare, t_test
from degradation.checks import ConfigError
from degradation.commands.compare import compare_folders, parse_comparison
from degradation.records.columns import NETWORKS
from tests.conftest import ROOT

COMPARE = ROOT / "experiments" / "compare.py"


def networks(errors, experiment="digits_depth", digest="d1", variant="plain", depth=20, first_seed=0, **columns):
    """A classification table: one network an error; None is a diverged one."""
    rows = [
        {
            "experiment": experiment, "digest": digest, "task": "digits", "family": "cifar", "variant": variant,
            "depth": depth, "seed": first_seed + i, "lr": 0.1, "steps": 150, "torch_version": "2.15.0",
            "train_loss": np.nan if error is None else error / 50, "test_loss": np.nan if error is None else error / 40,
            "train_error": error, "test_error": None if error is None else error + 1,
            "mean_train_loss": 2.3, "mean_test_loss": 2.3, "chance_error": 90.0,
            "status": "diverged" if error is None else "done", "diverged_step": 7 if error is None else None,
        } | columns
        for i, error in enumerate(errors)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=NETWORKS)


def regression(losses, **columns):
    """A table with losses alone."""
    table = networks(losses, experiment="sine_depth", **columns)
    return table.assign(
        train_error=np.nan, test_error=np.nan, chance_error=np.nan, train_loss=losses, test_loss=losses
    )  # fmt: skip


def write(folder, *tables):
    for table in tables:
        path = folder / table["experiment"].iloc[0]
        path.mkdir(parents=True, exist_ok=True)
        table.to_csv(path / "networks.csv", index=False)
    return str(folder)


def verdicts(ours, theirs, level=0.05):
    return {(cell.key["variant"], cell.key["depth"]): cell.verdict(level) for cell in compare(ours, theirs)}


def test_the_four_verdicts():
    ours = pd.concat(
        [
            networks([1.0, 2.0, 3.0], depth=8),
            networks([1.0, 2.0, 3.0], depth=14, first_seed=5),
            networks([1.0, 2.0, 3.0], depth=20),
            networks([1.0], depth=32),
        ]
    )
    theirs = pd.concat(
        [
            networks([1.0, 2.0, 3.0], depth=8),
            networks([1.5, 2.0, 3.1], depth=14),
            networks([61.0, 62.0, 63.0], depth=20),
            networks([5.0, 6.0, 7.0], depth=32),
        ]
    )
    assert verdicts(ours, theirs) == {
        ("plain", 8): "equal",
        ("plain", 14): "within noise",
        ("plain", 20): "DIFFERS",
        ("plain", 32): "too few seeds",
    }


def test_p_is_students():
    first, second = np.array([1.0, 2.0, 4.0]), np.array([3.0, 5.0, 4.0, 9.0])
    assert t_test(first, second, 0) == pytest.approx(stats.ttest_ind(first, second).pvalue)
    assert t_test(first, first, 0.1) == 1


def test_ps_are_adjusted_over_the_whole_comparison():
    ours = pd.concat([networks([1.0, 2.0, 3.0], depth=depth) for depth in (8, 14)])
    theirs = pd.concat([networks([3.0, 4.5, 5.0], depth=8), networks([1.1, 2.1, 3.1], depth=14)])
    measures = [measure for cell in compare(ours, theirs) for measure in cell.measures]
    assert [measure.adjusted for measure in measures] == pytest.approx(
        stats.false_discovery_control([measure.p for measure in measures])
    )
    assert measures[0].p < 0.08 < measures[0].adjusted


def test_equal_errors_without_spread_do_not_differ_by_one_example():
    ours, theirs = networks([0.0] * 3), networks([0.0771] * 3, first_seed=3)
    assert verdicts(ours, theirs) == {("plain", 20): "within noise"}
    assert verdicts(networks([0.0] * 3), networks([0.0771, 0.0771, 30.0], first_seed=3)) == {
        ("plain", 20): "within noise"
    }
    # one side at chance, the other at zero; 0.0771 elsewhere in the experiment is one example
    step = networks([0.0, 0.0771], depth=8)
    both = pd.concat([networks([0.0] * 3), step]), pd.concat([networks([90.0] * 3, first_seed=3), step])
    assert verdicts(*both)["plain", 20] == "DIFFERS"


def test_diverged_networks_count_as_guessing():
    (cell,) = compare(networks([1.0, 2.0, 3.0]), networks([None, None, None], first_seed=3))
    assert cell.diverged == (0, 3)
    assert cell.measures[0].theirs.mean == 90
    assert cell.verdict(0.05) == "DIFFERS"
    assert verdicts(networks([None, 2.0]), networks([None, 2.0])) == {("plain", 20): "equal"}


def test_losses_are_compared_by_their_logarithm():
    (cell,) = compare(regression([1e-4, 1e-3, 1e-2]), regression([0.4, 0.5, 0.6], first_seed=3))
    assert [measure.name for measure in cell.measures] == ["train_loss", "test_loss"]
    assert cell.measures[0].ours.mean == pytest.approx(-3)
    assert cell.verdict(0.05) == "DIFFERS"


def test_a_subset_of_the_reference_is_equal():
    (cell,) = compare(networks([1.0, 2.0]), networks([1.0, 2.0, 5.0]))
    assert (cell.shared_seeds, cell.equal_seeds, cell.verdict(0.05)) == (2, 2, "equal")
    (cell,) = compare(networks([1.0, 2.1]), networks([1.0, 2.0, 5.0]))
    assert (cell.shared_seeds, cell.equal_seeds, cell.verdict(0.05)) == (2, 1, "within noise")


def test_false_findings_under_no_difference_are_rare():
    generator = np.random.default_rng(0)
    found = 0
    for _ in range(60):
        tables = [
            pd.concat([regression(list(10 ** generator.normal(-2, 1, 3)), depth=depth) for depth in (1, 4, 7, 10)])
            for _ in range(2)
        ]
        found += any(cell.different(0.05) for cell in compare(*tables))
    assert found <= 8  # of 60; with probability 0.05 more than 8 come once in a hundred


def test_other_recipes_and_depths_are_named_and_not_pooled(tmp_path):
    same = networks([1.0, 2.0])
    ours = write(
        tmp_path / "a", pd.concat([same, networks([1.0, 2.0], depth=56), networks([9.0], digest="d2", lr=0.5)])
    )
    theirs = write(tmp_path / "b", same.assign(torch_version="2.11.0"), regression([0.1, 0.2]))
    text, different = compare_folders(ours, theirs, 0.05)
    assert not different
    assert f"digits_depth: plain, depth 56 is in {ours} only." in text
    assert f"digits_depth: digest d2 is in {ours} only (1 networks): another recipe, not compared; lr=0.5 (0.1" in text
    assert f"sine_depth is in {theirs} only (2 networks)." in text
    assert f"torch_version: 2.15.0 in {ours}, 2.11.0 in {theirs}" in text
    assert text.splitlines()[-1].endswith("none differs beyond seed noise: 1 equal in every digit.")


def test_another_variant_is_no_other_recipe_and_recipes_are_told_within_a_variant(tmp_path):
    plain = networks([1.0, 2.0], shortcut="none")
    residual = networks([1.0, 2.0], variant="residual", digest="r1", shortcut="A")
    slower = networks([9.0], digest="d2", lr=0.5, shortcut="none")
    scaled = networks([3.0], variant="scaled", digest="s1", shortcut="A")
    ours = write(tmp_path / "a", pd.concat([plain, slower, scaled]))
    theirs = write(tmp_path / "b", pd.concat([plain, residual]))
    text, _ = compare_folders(ours, theirs, 0.05)
    assert f"digits_depth: scaled is in {ours} only (1 networks)." in text
    assert f"digits_depth: residual is in {theirs} only (2 networks)." in text
    assert f"another recipe, not compared; lr=0.5 (0.1 in {theirs})." in text


def test_the_closing_sentence_names_what_differs(tmp_path):
    ours = write(tmp_path / "a", networks([1.0, 2.0, 3.0]))
    theirs = write(tmp_path / "b", networks([51.0, 52.0, 53.0]))
    text, different = compare_folders(ours, theirs, 0.05)
    assert different
    assert text.splitlines()[-1].endswith(
        "differs beyond seed noise (t tests of 2 means, pooled spread, false discovery rate 5%): "
        "digits_depth plain 20 (train_error, test_error)."
    )
    row = next(line for line in text.splitlines() if line.startswith("| 20 "))
    assert [cell.strip() for cell in row.split("|")[1:5]] == ["20", "plain", "3", "0"]
    assert "2.00 ± 1.00" in row
    assert "DIFFERS" in row


def test_one_seed_on_both_sides_says_that_nothing_can_be_said(tmp_path):
    text, different = compare_folders(
        write(tmp_path / "a", networks([1.0])), write(tmp_path / "b", networks([80.0], first_seed=1)), 0.05
    )
    assert not different
    assert text.endswith("two seeds on each side are needed.")


GOOD = networks([1.0, 2.0])
WRONG = [
    (GOOD.drop(columns="test_error"), "networks.csv lacks the columns test_error. It cannot be compared."),
    (GOOD.assign(train_error=[1.0, np.nan]), "the network plain, depth 20, seed 1 is done and has no train_error"),
    (GOOD.assign(train_loss=["x", "0.1"]), "the network plain, depth 20, seed 0 is done and has no train_loss"),
    (GOOD.assign(seed=[0, np.nan]), "seed nan has no seed"),
    (GOOD.assign(seed=[0, 0]), "holds a network twice: plain, depth 20, seed 0"),
    (GOOD.assign(status=["done", "lost"]), "has a status other than done and diverged"),
    (GOOD.assign(train_loss=[-1.0, 1.0]), "has a negative train_loss"),
    (GOOD.iloc[:0].assign(experiment=[]), "networks.csv has no rows"),
    (GOOD.assign(digest="other"), "have no experiment, digest, variant and depth in common"),
]


@pytest.mark.parametrize(("table", "message"), WRONG, ids=[message for _, message in WRONG])
def test_wrong_tables_get_a_sentence(tmp_path, table, message):
    (tmp_path / "a" / "x").mkdir(parents=True)
    table.to_csv(tmp_path / "a" / "x" / "networks.csv", index=False)
    with pytest.raises(ConfigError, match=message):
        compare_folders(str(tmp_path / "a"), write(tmp_path / "b", GOOD), 0.05)


def run(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-W", "ignore", COMPARE, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


def test_exit_codes(tmp_path):
    write(tmp_path / "results", GOOD)
    write(tmp_path / "results" / "reference", GOOD)
    write(tmp_path / "other", networks([80.0, 81.0], first_seed=7))
    equal = run(tmp_path)
    assert equal.returncode == 0, equal.stderr
    assert "1 of 1 variants and depths are equal in every digit." in equal.stdout
    assert run(tmp_path, "reference=other/digits_depth").returncode == 1
    for argument, message in [
        ("ours=nowhere", "error: nowhere is no folder"),
        ("levl=0.1", "error: Could not override 'levl'"),  # Hydra's own exit code would be 1
    ]:
        wrong = run(tmp_path, argument)
        assert (wrong.returncode, "Traceback" in wrong.stderr) == (2, False)
        assert message in wrong.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "results"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"level": "x"}, "level is 'x'; a number is expected"),
        ({"level": True}, "level is True; a number is expected"),
        ({"ours": 3}, "ours is 3; a folder is expected"),
        ({"levl": 0.1}, "levl is not a key of the comparison; allowed: ours, reference, level"),
    ],
)
def test_wrong_keys_and_types(changed, message):
    chosen = OmegaConf.create({"ours": "a", "reference": "b", "level": 0.05} | changed)
    with pytest.raises(ConfigError, match=message):
        parse_comparison(chosen)


def test_wrong_values(tmp_path):
    folder = write(tmp_path / "a", GOOD)
    with pytest.raises(ConfigError, match="level is 2; it is a share between 0 and 1"):
        compare_folders(folder, folder, 2)
    with pytest.raises(ConfigError, match="ours and reference are the same folder"):
        compare_folders(folder, folder + "/.", 0.05)
    with pytest.raises(ConfigError, match="holds no tables"):
        compare_folders(str(tmp_path), folder, 0.05)


def test_the_reference_is_equal_to_itself_without_torch():
    reference = ROOT / "results" / "reference"
    script = (
        "import sys; from pathlib import Path; from degradation.analysis.comparison.tables import read_folder; "
        "from degradation.analysis.comparison.cells import compare; import degradation.commands.compare; "
        f"table = read_folder(Path({str(reference)!r})); "
        "print({cell.verdict(0.05) for cell in compare(table, table)}, {'torch', 'wandb'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "{'equal'} set()\n"
