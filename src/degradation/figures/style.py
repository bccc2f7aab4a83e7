"""What all figures share: settings, and each variant's colour and marker."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl

mpl.use("agg")

from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from degradation.figures.hover import taken_titles, with_titles
from degradation.records.files import write_bytes, write_text


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
# For the ninth variant of a figure and those after it: colours of others than plain and residual, with other markers.
MORE_LOOKS = [Look(look.colour, LOOKS[place].marker) for place, look in enumerate(LOOKS[2:])]
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
            order = [some[(place + step) % len(some)] for some in (LOOKS, MORE_LOOKS) for step in range(len(some))]
            found[name] = next((look for look in order if look not in found.values()), order[0])
    return {name: found[name] for name in names}


def variant_handles(variants: Iterable[str]) -> list[Line2D]:
    """Legend entries of variants."""
    return handles_of(looks(variants))


# For depths, light to dark. Chosen by a search: any two differ by 32 or more in CIE Lab for readers with and without
# each kind of colour blindness (Machado et al. 2009); of seven greens and blues of viridis two differ by 14.
DEPTHS = ["#63C481", "#B3B723", "#FD83F1", "#5A5DF8", "#8A5B84", "#AB2E05", "#531622", "#1F226C"]


def spread(depths: Iterable[int], most: int) -> list[int]:
    """At most `most` of the depths, evenly spread from the shallowest to the deepest."""
    rising = sorted(set(depths))
    if len(rising) <= most:
        return rising
    return [rising[round(place * (len(rising) - 1) / (most - 1))] for place in range(most)]


def ordered_looks(number: int) -> list[Look]:
    """A colour and a marker for each of a few things in an order, the first light, the last dark."""
    places = [round(place * (len(DEPTHS) - 1) / max(1, number - 1)) for place in range(number)]
    return [Look(DEPTHS[place], LOOKS[place].marker) for place in places]


def depth_looks(depths: Iterable[int]) -> dict[int, Look]:
    """Colour and marker of each depth that is drawn, in every figure alike: at most eight of them."""
    drawn = spread(depths, len(DEPTHS))
    return dict(zip(drawn, ordered_looks(len(drawn)), strict=True))


def handles_of(looks_by_label: Mapping[Any, Look]) -> list[Line2D]:
    """Legend entries."""
    return [
        Line2D([], [], color=look.colour, marker=look.marker, ms=5, lw=2, label=str(label))
        for label, look in looks_by_label.items()
    ]


def legend_beside(drawn: Figure, depths: Iterable[int], others: Sequence[Line2D] = ()) -> None:
    """The colours of depths, and what else there is, beside the panels."""
    every, shown = set(depths), depth_looks(depths)
    title = "depth" if len(shown) == len(every) else f"depth ({len(shown)} of {len(every)})"
    handles = [Line2D([], [], ls="", label=title), *handles_of(shown), *others]
    drawn.legend(handles=handles, loc="outside right center", fontsize=9)


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
            for title in drawn.texts:
                title.set_wrap(True)  # one that is wider than the figure takes two lines
            drawn.draw_without_rendering()
            drawn.set_layout_engine("none")  # laid out once, not for every file
            titles = taken_titles(drawn)
            png, svg = BytesIO(), StringIO()
            drawn.savefig(png, format="png", metadata={"Software": None})
            drawn.savefig(svg, format="svg", metadata={"Date": None})
            write_bytes(path.with_name(path.name + ".png"), png.getvalue())
            write_text(path.with_name(path.name + ".svg"), with_titles(svg.getvalue(), titles))
        finally:
            plt.close(drawn)
