"""What all figures share: settings, and each variant's colour and marker."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl

mpl.use("agg")

from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D


class Look(NamedTuple):
    """How a variant is drawn, in every figure alike."""

    colour: str
    marker: str


# Okabe and Ito's colour-blind-safe palette with a grey in place of its yellow, which is too light for a line. Markers
# differ as well, so that eight variants can be told apart in print.
LOOKS = [
    *[Look("#D55E00", "o"), Look("#0072B2", "s"), Look("#009E73", "^"), Look("#CC79A7", "D")],
    *[Look("#56B4E9", "v"), Look("#E69F00", "P"), Look("#000000", "X"), Look("#7F7F7F", "*")],
]
# Variants that are often seen together; any other takes a look by its name, see `looks`.
NAMED = {"plain": 0, "residual": 1, "scaled": 2, "he_zero_last": 3, "plain_eps": 5}


def looks(variants: Iterable[str]) -> dict[str, Look]:
    """Colour and marker of each variant, in the order in which they are drawn: plain, residual, then by name.

    A name that is not `NAMED` has a place of its own, computed from the name; where two of a figure meet, the later one
    takes the next free place.
    """
    names = sorted(set(variants), key=lambda name: (NAMED.get(name, len(LOOKS)) > 1, name))
    found = {name: LOOKS[NAMED[name]] for name in names if name in NAMED}
    for name in names:
        if name not in found:
            place = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") % len(LOOKS)
            order = [LOOKS[(place + step) % len(LOOKS)] for step in range(len(LOOKS))]
            found[name] = next((look for look in order if look not in found.values()), order[0])
    return {name: found[name] for name in names}


def variant_handles(variants: Iterable[str]) -> list[Line2D]:
    """Legend entries of variants."""
    return [
        Line2D([], [], color=look.colour, marker=look.marker, ms=5, lw=2, label=name)
        for name, look in looks(variants).items()
    ]


def depth_colours(depths: list[int]) -> list[Any]:
    """One colour a depth, light to dark."""
    scale = mpl.colormaps["viridis_r"]
    return [scale(0.1 + 0.9 * place / max(1, len(depths) - 1)) for place in range(len(depths))]


def depth_legend(drawn: Figure, depths: list[int]) -> None:
    """The colours of depths, beside the panels."""
    handles = [
        Line2D([], [], color=colour, label=str(depth))
        for depth, colour in zip(depths, depth_colours(depths), strict=True)
    ]
    drawn.legend(handles=handles, title="depth", loc="outside right center", fontsize=9)


DASHES = (0, (4, 2))  # of lines of the training set
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
