"""Statistics over made-up tables with closed forms."""

import math

import pandas as pd
import pytest

from degradation.analysis.sentences import times, what_happened
from degradation.analysis.statistics import describe, summary


def table(losses, variant="plain", depth=7, digest="d", **columns):
    return pd.DataFrame(
        {"digest": digest, "variant": variant, "depth": depth, "seed": range(len(losses)), "train_loss": losses,
         "test_loss": [2 * loss for loss in losses], "status": "done", "stuck": False,
         "matched": True, "chance_error": math.nan, "parameters": 31, "multiply_adds": 30} | columns
    )  # fmt: skip


def test_quartiles_mean_and_sd():
    (row,) = summary(table([1.0, 2.0, 3.0, 4.0, 10.0])).to_dict("records")
    assert (row["n"], row["train_loss_median"], row["train_loss_q1"], row["train_loss_q3"]) == (5, 3, 2, 4)
    assert row["test_loss_median"] == 6
    assert row["train_loss_mean"] == 4
    assert row["train_loss_sd"] == pytest.approx(math.sqrt(50 / 4))
    assert row["share_diverged"] == row["share_stuck"] == 0
    assert (row["parameters"], row["multiply_adds"]) == (31, 30)


def test_quartiles_interpolate_like_numpy():
    import numpy as np

    values = np.array([0.3, 7.0, 1.0, 2.5])
    measured = describe(values)
    expected = np.quantile(values, [0.25, 0.5, 0.75])
    assert [measured["q1"], measured["median"], measured["q3"]] == pytest.approx(expected)


def test_diverged_networks_count_as_infinite_loss():
    status = ["done", "diverged", "done", "diverged"]
    (row,) = summary(table([1.0, math.nan, 3.0, math.nan], status=status)).to_dict("records")
    assert row["share_diverged"] == 0.5
    assert row["n"] == 4
    assert row["train_loss_q1"] == 2.5
    assert row["train_loss_median"] == row["train_loss_q3"] == row["train_loss_mean"] == math.inf


def test_shares_and_groups():
    rows = pd.concat(
        [
            table([1.0, 2.0], stuck=[True, False]),
            table([5.0], "residual"),
            table([6.0], depth=10),
            table([7.0], "gated", matched=False),
        ]
    )
    found = summary(rows).set_index(["depth", "variant"])
    assert len(found) == 4
    assert found.loc[(7, "plain"), "share_stuck"] == 0.5
    assert found.loc[(7, "residual"), "train_loss_median"] == 5
    assert math.isnan(found.loc[(7, "residual"), "train_loss_sd"])
    assert found["matched"].to_dict() == {
        (7, "gated"): False,
        (7, "plain"): True,
        (7, "residual"): True,
        (10, "plain"): True,
    }


def test_sentence_says_where_plain_was_best_and_how_much_worse_it_got():
    rows = [table([0.1], depth=1), table([0.001], depth=10), table([0.2], depth=31, stuck=True)]
    rows += [table([0.1], "residual", 1), table([0.01], "residual", 10), table([0.0001], "residual", 31)]
    assert what_happened(summary(pd.concat(rows))) == (
        "plain: best at 10 layers (median test loss 2.0e-03), 200x worse at 31 (1 of 1 stuck); "
        "residual: best at 31 layers (median test loss 2.0e-04), the deepest, 1,000x better than at 1 layer; "
        "at 31 layers residual is 2,000x better than plain."
    )


def test_sentence_turns_round_with_the_data():
    rows = [table([0.1], depth=1), table([0.001], depth=10), table([0.1], "residual", 1), table([0.3], "residual", 10)]
    sentence = what_happened(summary(pd.concat(rows)))
    assert "residual: best at 1 layer (median test loss 2.0e-01), 3.0x worse at 10" in sentence
    assert "at 10 layers plain is 300x better than residual" in sentence


def test_sentence_compares_at_the_deepest_depth_of_plain_and_residual_whatever_else_was_run():
    rows = [table([0.1], depth=4), table([0.3], depth=31), table([0.2], "scaled", 4)]
    rows += [table([0.1], "residual", 4), table([0.01], "residual", 31)]
    assert what_happened(summary(pd.concat(rows))).endswith("at 31 layers residual is 30x better than plain.")
    rows = [classified([0.0], variant, 8) for variant in ("plain", "residual", "scaled")]
    rows += [classified([50.0], "plain", 56), classified([0.5], "residual", 56)]
    sentence = what_happened(summary(pd.concat(rows)))
    assert sentence.endswith("test error at 56 layers: plain 52.00%, residual 2.50%.")


def test_sentence_of_one_variant_and_of_divergence():
    rows = [table([0.1], depth=1), table([math.nan], depth=10, status="diverged")]
    assert what_happened(summary(pd.concat(rows))) == (
        "plain: best at 1 layer (median test loss 2.0e-01), infinitely worse at 10 (1 of 1 diverged)."
    )


def test_sentence_when_everything_diverged():
    rows = [table([math.nan], v, depth, status="diverged") for v in ("plain", "residual") for depth in (4, 7)]
    assert what_happened(summary(pd.concat(rows))) == (
        "plain: at every depth half of the networks or more diverged; "
        "residual: at every depth half of the networks or more diverged."
    )


def classified(errors, variant, depth, **columns):
    rows = table([1.0] * len(errors), variant, depth)
    return rows.assign(
        **{"train_error": errors, "test_error": [e + 2 for e in errors], "chance_error": 90.0, **columns}
    )


def test_errors_are_summarised_and_diverged_networks_count_as_guessing():
    rows = pd.concat([classified([1.0, 3.0], "plain", 8),
                      classified([math.nan, 30.0], "plain", 20, status=["diverged", "done"])])  # fmt: skip
    first, second = summary(rows).to_dict("records")
    assert (first["train_error_mean"], first["test_error_mean"]) == (2, 4)
    assert first["train_error_sd"] == pytest.approx(math.sqrt(2))
    assert second["train_error_mean"] == 60


def test_sentence_on_errors():
    rows = [classified([0.0], "plain", 8), classified([50.0], "plain", 56, stuck=True)]
    rows += [classified([0.0], "residual", 8), classified([0.5], "residual", 56)]
    assert what_happened(summary(pd.concat(rows))) == (
        "plain: mean training error 0.00% at 8 layers, 50.00% at 56 (1 of 1 stuck); "
        "residual: mean training error 0.00% at 8 layers, 0.50% at 56; "
        "test error at 56 layers: plain 52.00%, residual 2.50%."
    )


@pytest.mark.parametrize(("ratio", "text"), [(1.234, "1.2x"), (12.6, "13x"), (167, "170x"), (23456, "23,000x")])
def test_times(ratio, text):
    assert times(ratio) == text
