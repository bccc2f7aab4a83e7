"""The report as one HTML file: figures inside as SVG, no network, nothing beside it; light and dark, phone and desk."""

import re
from collections.abc import Callable
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from degradation.reports.document import Document, Picture
from degradation.reports.svg import inline

HERE = Path(__file__).parent
SIGNS = {
    "reproduced": "✓",
    "contradicted": "✗",
    "consistent": "(✓)",
    "inconsistent": "(✗)",
    "inconclusive": "?",
    "conflicting": "±",
    "not enough data": "…",
    "not run": "·",
}


def page(document: Document) -> str:
    """The report as HTML."""
    return _with_classes(_environment().get_template("html.jinja").render(document=document))


def _with_classes(html: str) -> str:
    """The page with its figures' styles as classes, each of which is written once."""
    classes: dict[str, str] = {}

    def of_style(found: re.Match[str]) -> str:
        return f'class="{classes.setdefault(found[1], f"s{len(classes)}")}"'

    html = re.sub(r'style="([^"]*)"', of_style, html)
    rules = "".join(f".{name}{{{style}}}\n" for style, name in classes.items())
    return html.replace("</style>", f"{rules}</style>", 1)


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"markdown": _markdown, "line": _line, "sign": SIGNS.__getitem__}
    environment.globals |= {
        "figure": _figures(),
        "style": Markup((HERE / "html.css").read_text()),  # noqa: S704  ours
        "script": Markup((HERE / "html.js").read_text()),  # noqa: S704  ours
    }
    return environment


def _markdown(text: str) -> Markup:
    """Paragraphs and tables. HTML within the text is shown as text; wide tables scroll, by keyboard too."""
    body = MarkdownIt("commonmark", {"html": False}).enable("table").disable(["link", "image"]).render(text)
    table = '<div class="table" tabindex="0" role="region" aria-label="table"><table>'
    return Markup(body.replace("<table>", table).replace("</table>", "</table></div>"))  # noqa: S704  escaped above


def _line(text: str) -> Markup:
    """Markdown within a line."""
    return Markup(MarkdownIt("commonmark", {"html": False}).disable(["link", "image"]).renderInline(text))  # noqa: S704


def _figures() -> Callable[[Picture], Markup]:
    """What puts a figure in, each with names of its own."""
    drawn: list[Path] = []

    def figure(picture: Picture) -> Markup:
        drawn.append(picture.file)
        return Markup(inline(picture.file.read_text(), f"f{len(drawn)}", picture.words))  # noqa: S704  made by us

    return figure
