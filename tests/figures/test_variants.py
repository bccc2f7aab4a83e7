"""Many variants side by side."""

import pandas as pd
import pytest
from matplotlib.figure import Figure

from degradation.figures.kind import kinds
from degradation.figures.variants import error_of_variants, worst_last


def networks():
    rows = [
        ("plain", "none", 20, [1.0, 3.0], "done"),
        ("plain", "none", 56, [60.0, 70.0], "done"),
        ("residual", "A", 20, [0.0, 0.0], "done"),
        ("residual", "A", 56, [0.0, 1.0], "done"),
        ("gated", "gate", 20, [0.0, 0.0], "done"),
        ("gated", "gate", 56, [5.0, None], "diverged"),
        ("shallow", "A", 20, [0.5, 0.5], "done"),
    ]
    return pd.DataFrame(
        {"variant": variant, "shortcut": shortcut, "depth": depth, "seed": seed, "train_error": error,
         "status": status if error is None else "done", "chance_error": 90.0}
        for variant, shortcut, depth, errors, status in rows for seed, error in enumerate(errors)
    )  # fmt: skip


def test_variants_are_in_the_order_of_their_error_where_it_is_hardest():
    assert worst_last(networks(), [20, 56]) == ["residual", "gated", "plain", "shallow"]
    assert worst_last(networks(), [20]) == ["gated", "residual", "shallow", "plain"]


def test_every_seed_is_a_dot_and_a_diverged_one_guesses():
    found = networks()
    axes = error_of_variants(Figure().add_subplot(), found[found["depth"] == 56], worst_last(found, [20, 56]))
    drawn = [
        (line.get_marker(), list(line.get_xdata()), list(line.get_ydata()), line.get_color()) for line in axes.lines
    ]
    blue, orange = "#0072B2", "#D55E00"
    assert drawn == [
        (".", [0.0, 1.0], [0, 0], blue), ("|", [0.5], [0], blue),
        (".", [5.0], [1], blue), ("x", [90.0], [1], blue), ("|", [47.5], [1], blue),
        (".", [60.0, 70.0], [2, 2], orange), ("|", [65.0], [2], orange),
    ]  # fmt: skip
    assert [label.get_text() for label in axes.get_yticklabels()] == ["residual", "gated", "plain", "shallow"]
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the first on top


def test_lines_are_for_as_many_variants_as_have_looks_and_rows_for_many():
    def drawn(number):
        found = pd.DataFrame({"variant": [f"v{place}" for place in range(number)]}).assign(task="digits")
        return {kind.stem for kind in kinds() if kind.fits(found)} & {"depth", "steps", "variants"}

    assert [drawn(number) for number in (4, 5, 8, 9)] == [
        {"depth", "steps"},
        {"depth", "steps", "variants"},
        {"depth", "steps", "variants"},
        {"variants"},
    ]


@pytest.mark.parametrize("classification", [False, True])
def test_only_errors_are_drawn(classification):
    (kind,) = [kind for kind in kinds() if kind.stem == "variants"]
    assert len(kind.rows(networks(), classification)) == (14 if classification else 0)
