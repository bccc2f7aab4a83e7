"""A figure of characters, for terminals."""

import pandas as pd
from rich.text import Text

from degradation.figures.style import looks

HEIGHT = 12  # lines
MARKS = "ox+*#@%&"


def error_against_steps(curves: pd.DataFrame, width: int) -> Text:
    """Training error in percent against steps, a mark a variant, mean over seeds; later variants over earlier ones.

    Args:
        curves: rows of curves.csv.
        width: columns of the terminal.
    """
    means = curves.groupby(["variant", "step"])["train_error"].mean()
    columns, last = width - 8, int(curves["step"].max())
    grid = [[(" ", "")] * columns for _ in range(HEIGHT + 1)]
    drawn = list(zip(looks(curves["variant"]).items(), MARKS, strict=False))
    for (variant, look), mark in drawn:
        points = means[variant].dropna()  # a network that diverged has no error from then on
        for column in range(columns):
            step = last * column / (columns - 1)
            if points.empty or step > points.index.max():
                continue
            error = _between(points, step)
            grid[HEIGHT - round(error / 100 * HEIGHT)][column] = (mark, look.colour)
    text = Text("training error (%)   ")
    for (variant, look), mark in drawn:
        text.append(f"{mark} {variant}   ", style=look.colour)
    for line, cells in enumerate(grid):
        label = f"{100 - 100 * line // HEIGHT:4d} |" if line % 3 == 0 else "     |"
        text.append(f"\n{label}")
        for mark, colour in cells:
            text.append(mark, style=colour)
    ends = f"{0:<{columns - len(str(last))}}{last}"
    return text.append(f"\n     +{'-' * columns}\nstep  {ends}")


def _between(points: pd.Series, step: float) -> float:
    """The error at a step, on the straight line between the two evaluations around it."""
    steps = points.index.to_numpy()
    right = min(int((steps < step).sum()), len(steps) - 1)
    left = max(right - 1, 0)
    share = (step - steps[left]) / (steps[right] - steps[left]) if right > left else 0.0
    return float(points.iloc[left] + share * (points.iloc[right] - points.iloc[left]))
