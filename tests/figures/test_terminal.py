"""The figure of characters: every mark stands where its error is."""

import pandas as pd

from degradation.figures.terminal import HEIGHT, error_against_steps


def test_marks_stand_at_their_errors():
    plain, residual = [(0, 90.0), (100, 50.0)], [(0, 90.0), (50, 0.0), (100, 0.0)]
    rows = [("plain", *point) for point in plain] + [("residual", *point) for point in residual]
    curves = pd.DataFrame(rows, columns=["variant", "step", "train_error"])
    lines = error_against_steps(curves, width=60).plain.splitlines()
    assert lines[0].split() == ["training", "error", "(%)", "o", "plain", "x", "residual"]
    grid = [line[6:] for line in lines[1 : HEIGHT + 2]]
    assert [line.rstrip()[-1] for line in (grid[HEIGHT // 2], grid[HEIGHT])] == ["o", "x"]  # 50 and 0 % at the end
    assert grid[HEIGHT // 2].rindex("o") == grid[HEIGHT].rindex("x") == 51
    assert grid[HEIGHT].index("x") < 51 / 2 + 1  # from the middle on
    assert lines[-1].split() == ["step", "0", "100"]
