"""What all figures share."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("agg")

from matplotlib import pyplot as plt
from matplotlib.figure import Figure

# Okabe and Ito's colour-blind-safe vermilion and blue
COLOURS = {"plain": "#D55E00", "residual": "#0072B2"}
MARKERS = {"plain": "o", "residual": "s"}

SETTINGS: dict[Any, Any] = {
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 12,
    "legend.frameon": False,
    "figure.dpi": 160,
    "savefig.dpi": "figure",
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "degradation",  # the same table gives the same file
}


@contextmanager
def figure(path: Path, width: float, height: float) -> Iterator[Figure]:
    """A figure of `width` x `height` inches, written to `path`.png and `path`.svg at the end."""
    with mpl.rc_context(SETTINGS):
        drawn = plt.figure(figsize=(width, height), layout="constrained")
        try:
            yield drawn
            drawn.draw_without_rendering()
            drawn.set_layout_engine("none")  # laid out once, not for every file
            drawn.savefig(path.with_name(path.name + ".png"), metadata={"Software": None})
            drawn.savefig(path.with_name(path.name + ".svg"), metadata={"Date": None})
        finally:
            plt.close(drawn)
