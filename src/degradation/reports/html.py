"""A Markdown report as one HTML file: figures inside, no network, light and dark, wide tables scroll."""

import base64
import io
import re
from pathlib import Path
from urllib.parse import unquote

from markdown_it import MarkdownIt
from PIL import Image

STYLE = Path(__file__).with_suffix(".css")


def page(markdown: str, folder: Path) -> str:
    """The report as HTML.

    Args:
        markdown: the report; its links are relative to `folder`.
        folder: where the figures that it names are found; those that exist are put inside.
    """
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown)
    body = re.sub(
        r'<img src="([^"]+)"', lambda found: f'<img loading="lazy" src="{_inline(folder / unquote(found[1]))}"', body
    )
    body = body.replace("<table>", '<div class="table" tabindex="0"><table>').replace("</table>", "</table></div>")
    verdict = r"<strong>(reproduced|contradicted|inconclusive|conflicting)</strong>"
    body = re.sub(verdict, r'<strong class="\1">\1</strong>', body)
    title = markdown.splitlines()[0].removeprefix("# ")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>\n{STYLE.read_text()}</style>\n</head>\n"
        f"<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )


def _inline(file: Path) -> str:
    """A PNG file as a data address, with a palette of 128 colours: a third of the size, to the eye the same."""
    small = io.BytesIO()
    Image.open(file).convert("RGB").quantize(128).save(small, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(small.getvalue()).decode()
