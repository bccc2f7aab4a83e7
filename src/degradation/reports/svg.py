"""An SVG file of Matplotlib's as an element of an HTML page: smaller, and with names that no other figure has."""

import re
from html import escape

COORDINATES = re.compile(r'\b(d|x|y|width|height|points|transform)="([^"]*)"')
GROUP = re.compile(r"<g(?: [^>]*)?(?<!/)>(?:<title>)?|</g>")
NUMBER = re.compile(r"-?\d+\.\d\d+(?:e-?\d+)?")


def inline(svg: str, name: str, words: str) -> str:
    """The `<svg>` element.

    Args:
        svg: the file's text.
        name: of this figure, within the page; its ids begin with it.
        words: what it shows, for readers who cannot see it.
    """
    body = svg[svg.index("<svg ") :]
    head, body = body.split(">", 1)
    box = re.search(r'viewBox="([\d. ]+)"', head)
    if box is None:
        raise ValueError(f"{name}: an SVG file without viewBox")
    body = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->|<style .*?</style>", "", body, flags=re.S)
    body = COORDINATES.sub(lambda found: f'{found[1]}="{_short(found[2])}"', body)
    used = dict.fromkeys(re.findall(r'(?:href="#|url\(#)([^")]+)', body))
    short = {long: f"{name}-{place}" for place, long in enumerate(used)}
    body = re.sub(r' id="([^"]+)"', lambda found: f' id="{short[found[1]]}"' if found[1] in short else "", body)
    body = re.sub(r'(?:xlink:)?href="#([^"]+)', lambda found: f'href="#{short[found[1]]}', body)
    body = re.sub(r"url\(#([^)]+)", lambda found: f"url(#{short[found[1]]}", body)
    body = re.sub(r'style="[^"]*"', lambda found: found[0].replace(": ", ":").replace("; ", ";"), body)
    body = re.sub(r'font-family:[^;"]*;?', "", body)  # the page has one for all
    body = re.sub(r' ?transform="rotate\(-?0 [^"]*"', "", body)
    body = re.sub(r"<g>\s*</g>|<defs>\s*</defs>", "", body)
    body = _without_bare_groups(re.sub(r">\s+<", "><", body).strip())
    return f'<svg viewBox="{box[1]}" role="img" aria-label="{escape(words)}">{body}'


def _without_bare_groups(body: str) -> str:
    """Without the groups that say nothing of what is in them."""
    kept: list[bool] = []

    def tag(found: re.Match[str]) -> str:
        if found[0] == "</g>":
            return "</g>" if kept.pop() else ""
        kept.append(found[0] != "<g>")
        return found[0] if kept[-1] else ""

    return GROUP.sub(tag, body)


def _short(numbers: str) -> str:
    """Coordinates in tenths of a point, 1/720 inch, on one line."""
    numbers = NUMBER.sub(lambda found: f"{float(found[0]):.1f}".removesuffix(".0"), numbers)
    return re.sub(r" ([A-Za-z])", r"\1", re.sub(r"\s+", " ", numbers)).strip()
