"""Numbers of networks' insides by hand, from made-up tables of diagnostics; what is said where one is missing."""

import math

import pandas as pd
import pytest

from degradation.analysis.metrics import METRICS, Tables
from degradation.analysis.rules import Cell, Difference
from degradation.reports.verdicts import lacking
from tests.analysis.test_claims import records

EMPTY = pd.DataFrame()
NETWORK = {"variant": "residual", "depth": 20, "condition": ""}


def tables(**diagnosed):
    return Tables(records({("residual", 20): [3.0, 3.0]}), EMPTY, EMPTY, {"test": 500}, ("",), diagnosed)


def of(metric, found):
    """By seed."""
    return METRICS[metric].of(found).droplevel(["variant", "depth"]).to_dict()


def lesion(seed, errors):
    """Rows of (kind, number, place, changes of shape, test error)."""
    names = ["lesion", "count", "place", "reshaping", "test_error"]
    return pd.DataFrame([dict(zip(names, row, strict=True)) | NETWORK | {"seed": seed} for row in errors])


LESIONS = pd.concat(
    [
        lesion(0, [("random", 0, 1, 0, 4.0), ("one", 1, 1, 0, 5.0), ("one", 1, 2, 0, 7.0), ("one", 1, 3, 0, 90.0),
                   ("one", 1, 4, 1, 64.0), ("random", 2, 1, 0, 10.0), ("random", 2, 2, 1, 30.0),
                   ("random", 4, 1, 1, 15.0), ("random", 4, 2, 1, 24.0), ("random", 9, 1, 1, 80.0),
                   ("swaps", 1, 1, 0, 9.0), ("swaps", 2, 1, 0, 8.0), ("swaps", 4, 1, 0, 7.0)]),
        lesion(1, [("random", 0, 1, 0, 1.0), ("one", 1, 1, 0, 1.0), ("one", 1, 2, 1, 1.0), ("random", 2, 1, 0, 2.0),
                   ("random", 4, 1, 0, 3.0), ("random", 9, 1, 0, 9.0), ("swaps", 1, 1, 0, 5.0)]),
    ]
)  # fmt: skip


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("deletion_error", {0: 41.5, 1: 1.0}),
        ("deletion_rise", {0: 3.0, 1: 0.0}),  # the median of 5, 7, 90, less 4
        ("reshaping_rise", {0: 57.0, 1: 0.0}),  # 64 less the median of 5, 7, 90
        ("deletion_smoothness", {0: 0.8, 1: 1.0}),  # means 4, 20, 19.5, 80: one inversion of neighbours in four ranks
        ("swap_smoothness", {0: -1.0, 1: math.nan}),
    ],
)
def test_lesions(metric, expected):
    assert of(metric, tables(lesion=LESIONS)) == pytest.approx(expected, nan_ok=True)
    assert METRICS[metric].diagnostic == "lesion"


def test_the_tables_of_some_networks():
    some = tables(lesion=pd.concat([LESIONS, LESIONS.assign(variant="plain")])).of(["plain"], [20])
    assert set(some.diagnosed["lesion"]["variant"]) == {"plain"}
    assert not len(tables(lesion=LESIONS.assign(condition="lr=1")).of(["residual"], [20]).diagnosed["lesion"])


def test_what_brings_a_table_that_is_missing():
    rule = Difference("deletion_rise", Cell("e", "residual", 20), 0, "below", 1)
    commands = {"e": "train e"}

    def said(finding):
        claim = type("claim", (), {"statement": "It is so."})
        return lacking([(claim, finding)], commands)[1]

    missing = rule.judge({"e": tables()})
    assert (missing.verdict, missing.missing, missing.diagnostic) == ("not enough data", "e", "lesion")
    assert said(missing) == "`python experiments/diagnose.py experiment=e diagnostic=lesion` brings:"
    other = Cell("e", "residual", 56)
    few = Difference("deletion_rise", other, 0, "below", 1).judge({"e": tables(lesion=LESIONS)})
    assert (few.verdict, few.diagnostic, said(few)) == ("not enough data", None, "`train e` brings:")
    assert rule.judge({}).diagnostic is None


def surface(seed, loss):
    """A 5x5 square of a function of x and y."""
    line = [-1.0, -0.5, 0.0, 0.5, 1.0]
    rows = [{"x": x, "y": y, "train_loss": loss(x, y)} | NETWORK | {"seed": seed} for y in line for x in line]
    return pd.DataFrame(rows).sample(frac=1, random_state=0)


def test_surfaces():
    """Second differences of quadratic functions are exact; networks of `records` guess at a loss of 1."""
    found = tables(
        surface=pd.concat(
            [
                surface(0, lambda x, y: 3 * x**2 + 1.5 * y**2),  # below 1: |x| <= 0.5 but for the four corners of y = 1
                surface(1, lambda x, y: 0.5 * (x**2 + y**2) + 2 * x * y),  # eigenvalues 3 and -1
            ]
        )
    )
    assert of("surface_curvature", found) == pytest.approx({0: math.log10(4.5), 1: 0.0})
    assert of("surface_bends", found) == {0: 0.0, 1: 100.0}
    below = sum(3 * x**2 + 1.5 * y**2 < 1 for x in (-1, -0.5, 0, 0.5, 1) for y in (-1, -0.5, 0, 0.5, 1))
    assert of("surface_share", found)[0] == pytest.approx(100 * below / 25)
    nearly = tables(surface=surface(0, lambda x, y: 5 * x**2 - 0.4 * y**2))  # a twelfth of the larger
    assert of("surface_bends", nearly) == {0: 0.0}
    clearly = tables(surface=surface(0, lambda x, y: 5 * x**2 - 0.6 * y**2))
    assert of("surface_bends", clearly) == {0: 100.0}
    part = tables(surface=surface(0, lambda x, y: 5 * x**2 + (-4.0 * y**2 if y > 0 else 0)))
    assert of("surface_bends", part) == pytest.approx({0: 200 / 3})  # two of three inner rows
    assert of("surface_curvature", tables(surface=surface(0, lambda x, y: -(x**2)))) == {0: -12}
    exploded = tables(surface=surface(0, lambda x, y: math.inf if x == y == 1 else x**2 + y**2))
    assert of("surface_bends", exploded) == pytest.approx({0: 100 / 9})  # the inner point that needs that corner
    assert of("surface_share", exploded) == pytest.approx({0: 100 * 9 / 25})


def test_paths():
    """Four blocks of factor 1/9: gradients of 9 to the minus k, shares binomial with a chance of a tenth. However small
    gradients are their slope counts; one of zero has none.
    """
    rows = [
        {"length": k, "path_share": math.comb(4, k) / 16, "gradient_norm": 9.0**-k,
         "gradient_share": math.comb(4, k) * 0.1**k * 0.9 ** (4 - k)} | NETWORK | {"seed": 0}
        for k in range(5)
    ]  # fmt: skip
    found = tables(paths=pd.DataFrame(rows))
    assert of("path_length", found) == pytest.approx({0: 0.4 / 2})
    assert of("path_decay", found) == pytest.approx({0: -math.log10(9)})
    small = pd.DataFrame(rows).assign(gradient_norm=[1e-9, 1e-13, 1e-17, 1e-21, 0.0])
    assert of("path_decay", tables(paths=small)) == pytest.approx({0: -4})
    assert of("long_paths", found) == pytest.approx({0: 100 * (4 * 0.1**3 * 0.9 + 0.1**4)})  # of 3 and 4 blocks
