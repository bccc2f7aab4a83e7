"""One sentence that says what a sweep showed."""

import math

import numpy as np
import pandas as pd

SAME = 1.5  # losses within this factor are called about the same


def what_happened(summary: pd.DataFrame) -> str:
    """A sentence on error against depth, or for regression on the median test loss, for one condition's summary."""
    if "train_error_mean" in summary:
        return _errors(summary)
    parts = [_variant(str(name), rows.sort_values("depth")) for name, rows in summary.groupby("variant", sort=True)]
    return "; ".join([*parts, *_comparison(summary)]) + "."


def _variant(name: str, rows: pd.DataFrame) -> str:
    if not np.isfinite(rows["test_loss_median"]).any():
        return f"{name}: at every depth half of the networks or more diverged"
    best = rows.loc[rows["test_loss_median"].idxmin()]
    deepest = rows.iloc[-1]
    text = f"{name}: best at {layers(best['depth'])} (median test loss {best['test_loss_median']:.1e})"
    if len(rows) == 1:
        return text.replace("best at ", "")
    if best["depth"] == deepest["depth"]:
        shallowest = rows.iloc[0]
        return (
            f"{text}, the deepest, {times(shallowest['test_loss_median'] / best['test_loss_median'])} better than at \
{layers(shallowest['depth'])}"
        )
    ratio = deepest["test_loss_median"] / best["test_loss_median"]
    if ratio < SAME:
        return f"{text}, about the same at {deepest['depth']}"
    return f"{text}, {times(ratio)} worse at {deepest['depth']}{_failures(deepest)}"


def _failures(row: pd.Series) -> str:
    counts = {name: round(row[f"share_{name}"] * row["n"]) for name in ("stuck", "diverged")}
    named = [f"{count} of {row['n']} {name}" for name, count in counts.items() if count]
    return f" ({', '.join(named)})" if named else ""


def _comparison(summary: pd.DataFrame) -> list[str]:
    losses = _of_both(summary, "test_loss_median")
    if losses.empty or losses.index[-1] == 1:
        return []
    depth, (plain, residual) = losses.index[-1], losses.iloc[-1]
    if math.isinf(plain) and math.isinf(residual):
        return []
    ratio = plain / residual
    if 1 / SAME < ratio < SAME:
        return [f"at {depth} layers plain and residual are about the same"]
    better, worse = ("residual", "plain") if ratio > 1 else ("plain", "residual")
    return [f"at {depth} layers {better} is {times(max(ratio, 1 / ratio))} better than {worse}"]


def _errors(summary: pd.DataFrame) -> str:
    parts = []
    for name, rows in summary.groupby("variant", sort=True):
        rows = rows.sort_values("depth")
        first, last = rows.iloc[0], rows.iloc[-1]
        text = f"{name}: mean training error {first['train_error_mean']:.2f}% at {layers(first['depth'])}"
        if len(rows) > 1:
            text += f", {last['train_error_mean']:.2f}% at {last['depth']}{_failures(last)}"
        parts.append(text)
    errors = _of_both(summary, "test_error_mean")
    if not errors.empty:
        plain, residual = errors.iloc[-1]
        parts.append(f"test error at {layers(errors.index[-1])}: plain {plain:.2f}%, residual {residual:.2f}%")
    return "; ".join(parts) + "."


def _of_both(summary: pd.DataFrame, name: str) -> pd.DataFrame:
    """A column for plain and one for residual, at the depths that have both, whatever other variants have."""
    return summary.pivot(index="depth", columns="variant", values=name).reindex(columns=["plain", "residual"]).dropna()


def layers(depth: int) -> str:
    return f"{depth} layer" if depth == 1 else f"{depth} layers"


def times(ratio: float) -> str:
    """`170x`, with two significant digits; `infinitely` where a network diverged."""
    if not math.isfinite(ratio):
        return "infinitely"
    digits = max(0, 1 - math.floor(math.log10(ratio)))
    return f"{round(ratio, 1 - math.floor(math.log10(ratio))):,.{digits}f}x"
