"""The numbers behind a verdict, by hand and against scipy; edges of what can be compared."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from degradation.analysis.comparison import cells
from degradation.analysis.comparison.cells import Compared, Measure, Side, compare, resolutions, t_test
from degradation.analysis.comparison.tables import read_folder
from degradation.checks import ConfigError
from tests.analysis.comparison.test_comparison import networks, regression, write

NONE = float("nan")
A, B = np.array([1.0, 2.0, 4.0]), np.array([3.0, 5.0, 4.0, 9.0])


def test_constants():
    assert pytest.approx(0.00432137, rel=1e-5) == cells.LOSS_RESOLUTION
    assert cells.LEAST_SEEDS == 2


def test_the_spread_is_at_least_the_resolution():
    t = abs(A.mean() - B.mean()) / (3.5 * math.sqrt(1 / 3 + 1 / 4))
    assert t_test(A, B, 3.5) == pytest.approx(2 * stats.t.sf(t, 5), rel=1e-12)
    assert t_test(B, A, 1e-3) == pytest.approx(stats.ttest_ind(A, B).pvalue, rel=1e-12)


def test_one_seed_is_not_judged():
    assert math.isnan(t_test(A, B[:1], 1.0))
    assert math.isnan(t_test(A[:1], B, 1.0))
    assert t_test(A[:2], B[:2], 1e-9) == pytest.approx(stats.ttest_ind(A[:2], B[:2]).pvalue)


def test_resolutions_by_hand():
    table = pd.concat([
        networks([0.5, 2.5, 0.5 + 1e-7, 0.0, None]).assign(test_error=[7.0, 7.0, 7.0, 7.25, None]),
        networks([1.0, 4.0], experiment="other"),
        networks([1.0, 1.0], experiment="level"),
        regression([0.1, 0.2]),
    ])  # fmt: skip
    assert resolutions(table) == {
        ("digits_depth", "train_error"): pytest.approx(0.5, abs=1e-6),
        ("digits_depth", "test_error"): 0.25,
        ("other", "train_error"): 3,
        ("other", "test_error"): 3,
    }


def compared(n=(3, 4), equal_seeds=0, measures=()):
    return Compared({}, n, (0, 0), 3, equal_seeds, list(measures))


def test_verdicts_at_the_edge():
    side = Side(3, 0.0, 1.0)
    tested, other = Measure("a", side, side, 0.01, 0.05), Measure("b", side, side, 0.2, 0.0501)
    untested = Measure("c", side, side, NONE)
    assert compared(measures=[tested, other, untested]).different(0.05) == ["a"]
    assert compared(measures=[tested, untested]).verdict(0.05) == "DIFFERS"
    assert compared(measures=[tested]).verdict(0.0499) == "within noise"
    assert compared(measures=[untested]).verdict(0.05) == "too few seeds"
    assert compared(measures=[untested, other]).tested
    assert [compared((3, 4), count, [tested]).equal for count in (2, 3, 4)] == [False, True, False]
    assert [compared((4, 3), count, [tested]).verdict(0.05) for count in (2, 3)] == ["DIFFERS", "equal"]


def test_a_cell_by_hand():
    ours, theirs = networks([1.0, 2.0, 6.0]), networks([2.0, None, 9.5, None], first_seed=1)
    theirs.loc[0, ["train_loss", "test_loss"]] = ours.loc[1, ["train_loss", "test_loss"]].to_numpy()
    (cell,) = compare(ours, theirs)
    assert cell.key == {"experiment": "digits_depth", "digest": "d1", "variant": "plain", "depth": 20}
    assert (cell.n, cell.diverged, cell.shared_seeds, cell.equal_seeds) == ((3, 4), (0, 2), 2, 1)
    train, test = cell.measures
    assert (train.name, test.name) == ("train_error", "test_error")
    their_errors = [2.0, 90.0, 9.5, 90.0]
    assert train.ours == Side(3, 3, pytest.approx(math.sqrt(7)))
    assert train.theirs == Side(4, pytest.approx(np.mean(their_errors)), pytest.approx(np.std(their_errors, ddof=1)))
    assert train.p == pytest.approx(stats.ttest_ind([1, 2, 6], their_errors).pvalue)
    both = stats.false_discovery_control([train.p, test.p])
    assert [train.adjusted, test.adjusted] == pytest.approx(both)
    (single,) = compare(networks([1.0]), networks([2.0], first_seed=4))
    assert math.isnan(single.measures[0].ours.sd)
    assert (single.shared_seeds, single.measures[0].ours.mean, single.tested) == (0, 1, False)


def test_equal_cells_are_not_tested():
    (cell,) = compare(networks([1.0, 2.0]), networks([1.0, 2.0, 7.0]))
    assert [math.isnan(measure.p) for measure in cell.measures] == [True, True]
    assert cell.measures[0].theirs.n == 3
    (other,) = compare(networks([1.0, 2.0]), networks([1.0, 2.0]).assign(status=["done", "diverged"]))
    assert (other.equal_seeds, other.diverged) == (1, (0, 1))


def test_losses_have_a_resolution_of_one_percent():
    (cell,) = compare(regression([1.0, 1.0, 1.0]), regression([1.02, 1.02, 1.02], first_seed=3))
    t = math.log10(1.02) / (math.log10(1.01) * math.sqrt(2 / 3))
    assert cell.measures[0].p == pytest.approx(2 * stats.t.sf(t, 4), rel=1e-9)


def test_only_cells_of_both_sides_are_compared():
    ours = pd.concat([networks([1.0, 2.0], depth=14), networks([1.0, 2.0], depth=8), networks([3.0], digest="d2")])
    theirs = pd.concat([networks([1.0, 2.0], depth=8), networks([1.0], depth=14, variant="residual")])
    assert [cell.key["depth"] for cell in compare(ours, theirs)] == [8]
    assert compare(ours, networks([1.0], depth=2)) == []
    assert [cell.key["depth"] for cell in compare(ours, ours.iloc[::-1])] == [8, 14, 20]  # sorted


def test_what_is_empty_on_one_side_is_not_equal():
    (cell,) = compare(networks([1.0, 2.0, None]), networks([1.0, 2.0, None]).assign(test_error=[2.0, None, None]))
    assert (cell.shared_seeds, cell.equal_seeds) == (3, 2)


def test_two_networks_have_a_spread_and_all_diverged_ones_are_counted():
    (cell,) = compare(networks([None, 1.0, None]), networks([3.0, 5.0], first_seed=7))
    assert cell.diverged == (2, 0)
    assert cell.measures[0].theirs == Side(2, 4, pytest.approx(math.sqrt(2)))


TWO = networks([1.0, 2.0])
LOST = networks([1.0, None])


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (LOST.assign(mean_train_loss=[2.3, np.nan]), "depth 20, seed 1 has no mean_train_loss"),
        (LOST.assign(mean_test_loss=[2.3, np.nan]), "depth 20, seed 1 has no mean_test_loss"),
        (TWO.assign(test_loss=[0.1, np.inf]), "seed 1 is done and has no test_loss"),
        (TWO.assign(test_error=[np.nan, 1.0]), "seed 0 is done and has no test_error"),
        (TWO.assign(test_loss=[0.1, -1e-9]), "seed 1 has a negative test_loss"),
        (TWO.assign(variant=["plain", None]), "has no variant"),
        (TWO.assign(digest=[None, "d"]), "has no digest"),
        (TWO.assign(depth=[20, None]), "has no depth"),
    ],
)
def test_networks_that_cannot_be_compared(tmp_path, table, message):
    with pytest.raises(ConfigError, match=f"networks.csv: the network .*{message}; it cannot be compared."):
        read_folder(tmp_path / write(tmp_path / "a", table))


def test_what_is_read(tmp_path):
    lost = LOST.assign(train_loss=[0.0, -1.0], mean_train_loss=[np.nan, 2.3])
    write(tmp_path, regression([0.0, 0.5]), lost.iloc[::-1])
    both = read_folder(tmp_path)
    assert both["experiment"].tolist() == ["digits_depth"] * 2 + ["sine_depth"] * 2
    assert (both["seed"].tolist(), both["depth"].dtype.kind) == ([1, 0, 0, 1], "i")
    assert both["train_loss"].tolist() == [-1, 0, 0, 0.5]
    assert len(read_folder(tmp_path / "sine_depth")) == 2
    (tmp_path / "sine_depth" / "networks.csv").write_bytes(b'a,b\n"cut')
    with pytest.raises(ConfigError, match="networks.csv is damaged .* It cannot be compared"):
        read_folder(tmp_path)
    with pytest.raises(ConfigError, match="nowhere is no folder; name one with tables, such as results or"):
        read_folder(tmp_path / "nowhere")
