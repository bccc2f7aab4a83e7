"""An SVG file of Matplotlib's as an element of an HTML page: smaller, and with names that no other figure has."""

import re
from html import escape

COORDINATES = re.compile(r'\b(d|x|y|width|height|points|transform)="([^"]*)"')
GROUP = re.compile(r"<g(?: [^>]*)?(?<!/)>(?:<title>)?|</g>")
NUMBER = re.compile(r"-?\d+\.\d\d+(?:e-?\d+)?")
MARKER = re.compile(r'<path id="([^"]+)" style="([^"]*)"')
TICK = re.compile(r'<path id="([^"]+)"( style="[^"]*") d="M0 0 (-?[\d.]+ -?[\d.]+)"/>')


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
    body = re.sub(r'(<path id="[^"]+") (d="[^"]*") (style="[^"]*")', r"\1 \3 \2", body)
    body = _with_ticks_in_one(_styled_once(body))
    body = re.sub(r"<g>\s*</g>|<defs>\s*</defs>", "", body)
    body = _without_bare_groups(re.sub(r">\s+<", "><", body).strip())
    return f'<svg viewBox="{box[1]}" role="img" aria-label="{escape(words)}">{body}'


def _styled_once(body: str) -> str:
    """Markers whose copies are all styled alike with that style themselves; opacity counts otherwise, and stays."""
    for name, path in MARKER.findall(body):
        copies = re.compile(rf'(<use href="#{name}"[^>]*?) style="([^"]*)"')
        styles = {style for _, style in copies.findall(body)}
        all_styled = len(copies.findall(body)) == body.count(f'href="#{name}"')
        if all_styled and len(styles) == 1 and not re.search(r"(?<!-)opacity:", *styles):
            (shared,) = styles
            merged = ";".join(f"{key}:{value}" for key, value in (_rules(shared) | _rules(path)).items())
            body = copies.sub(r"\1", body).replace(f'id="{name}" style="{path}"', f'id="{name}" style="{merged}"')
    return body


def _with_ticks_in_one(body: str) -> str:
    """Ticks, copies of one short line, as one path where the first of them stood; axes must not overlap."""
    for tick in TICK.finditer(body):
        name, style, line = tick.groups()
        copies = re.compile(rf'<use href="#{name}" x="([^"]*)" y="([^"]*)"/>')
        places = copies.findall(body)
        if len(places) == body.count(f'href="#{name}"'):
            lines = "".join(f"M{x} {y}l{line}" for x, y in places)
            body = copies.sub("", body).replace(tick[0], f'<path{style} d="{lines}"/>')
    return re.sub(r"<defs>\s*(<path style=[^>]*/>)\s*</defs>", r"\1", body)


def _rules(style: str) -> dict[str, str]:
    return dict(rule.split(":", 1) for rule in style.split(";") if rule)


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
    """Coordinates in tenths of a point, 1/720 inch, on one line. After a first point lines need no letter."""
    numbers = NUMBER.sub(lambda found: f"{float(found[0]):.1f}".removesuffix(".0"), numbers)
    numbers = re.sub(r" ?([A-Za-z]) ?", r"\1", re.sub(r"\s+", " ", numbers)).strip()
    numbers = re.sub(r"M[^A-Za-z]+(?:L[^A-Za-z]+)+", lambda found: found[0].replace("L", " "), numbers)
    return re.sub(r"(?<![\d.])(-?)0\.", r"\1.", numbers)
