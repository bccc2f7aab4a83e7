"""Values that a browser shows where the pointer rests on a point: `<title>` elements in a figure's SVG file."""

import re
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
from matplotlib.artist import Artist
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

NEAR = 0.05  # points of 1/72 inch: the file has six decimals


def hover(artist: Line2D | PathCollection, text: str | Sequence[str]) -> None:
    """Say what the points of a line with markers, or of a scatter, show.

    Args:
        artist: what was drawn.
        text: one for each point, or one for all, in which {x} and {y} stand for a point's place:
            "depth {x:g}, plain: {y:.1f} %".
    """
    artist.set_gid(text if isinstance(text, str) else "\n".join(text))


def taken_titles(drawn: Figure) -> dict[str, tuple[np.ndarray, list[str]]]:
    """Places in points from the top left, and titles, of every artist that has some; each gets a short id instead.

    The layout must be final.
    """
    found = {}
    artists: list[Any] = [artist for artist in drawn.findobj(_has_points) if artist.get_gid()]
    for number, artist in enumerate(artists):
        points = _points(artist)
        titles = artist.get_gid().split("\n")
        if len(titles) == 1:
            titles = [titles[0].format(x=x, y=y) for x, y in points]
        if len(titles) != len(points):
            raise ValueError(f"{len(titles)} texts for {len(points)} points, the first: {titles[0]}")
        transform = artist.get_transform() if isinstance(artist, Line2D) else artist.get_offset_transform()
        places = transform.transform(points) * 72 / drawn.dpi
        places[:, 1] = 72 * drawn.get_figheight() - places[:, 1]
        artist.set_gid(f"points-{number}")
        found[f"points-{number}"] = (places, titles)
    return found


def with_titles(text: str, found: dict[str, tuple[np.ndarray, list[str]]]) -> str:
    """An SVG file that Matplotlib wrote, with the titles put into it."""
    for name, (places, titles) in found.items():
        left = places.copy()

        def titled(use: re.Match[str], left: np.ndarray = left, titles: list[str] = titles) -> str:
            distances = np.hypot(*(left - [float(use[1]), float(use[2])]).T)
            if not np.nanmin(distances, initial=np.inf) < NEAR:
                return use[0]
            place = int(np.nanargmin(distances))
            left[place] = np.nan  # of two points at one place each has its own
            return f"{use[0][:-2]}><title>{escape(titles[place])}</title></use>"

        group = re.compile(rf'<g id="{name}">.*?(?=<g id=|\Z)', re.S)
        text = group.sub(lambda found: re.sub(r'<use [^>]*x="([^"]+)" y="([^"]+)"[^>]*/>', titled, found[0]), text)
    return text


def _has_points(artist: Artist) -> bool:
    return isinstance(artist, Line2D | PathCollection)


def _points(artist: Any) -> np.ndarray:
    points = artist.get_xydata() if isinstance(artist, Line2D) else artist.get_offsets()
    return np.ma.filled(np.ma.asarray(points, dtype=float), np.nan)
