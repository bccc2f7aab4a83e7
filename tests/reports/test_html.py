"""The report for a browser: what it holds, and that it works in one."""

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from html.parser import HTMLParser
from itertools import chain
from types import SimpleNamespace

import pytest

from degradation.reports.contents import LARGEST, pictures
from degradation.reports.document import Chapter, Document, Headline, Judged, MatrixRow, Picture
from degradation.reports.html import page
from degradation.reports.svg import inline
from tests.conftest import ROOT
from tests.reports.browser import CHROMIUM, browser

REFERENCE = ROOT / "results" / "reference"


def judged(name, experiment, verdict, effect="+1 [0, 2] points, n = 3"):
    return Judged(
        f"{experiment}/{name}",
        experiment,
        verdict,
        f"{name} <b>of</b> it.",
        effect,
        "`a` < b",
        "He",
        "why",
        verdict == "contradicted",
    )


def chapter(name, tests, pictures=()):
    return Chapter(name, f"of {name}", [f"**Seen.** {name}"], list(pictures), tests, {"Table": ["| a |\n| - |\n| 1 |"]})


@pytest.fixture(scope="module")
def document():
    picture = Picture(REFERENCE / "sine_depth" / "depth.svg", "one: loss by depth")
    other = Picture(REFERENCE / "digits_depth" / "steps.svg", "two: error by step")
    one = [judged("rises", "one", "reproduced"), judged("falls", "one", "contradicted")]
    two = [judged("rises", "two", "inconclusive"), judged("gains", "two", "reproduced")]
    three = [judged("grows", "three", "not run", "")]
    rows = [
        MatrixRow("rises", {"one": one[0], "two": two[0]}),
        MatrixRow("falls", {"one": one[1]}),
        MatrixRow("gains", {"two": two[1]}),
        MatrixRow("grows", {"three": three[0]}),
    ]
    chapters = [chapter("one", one, [picture]), chapter("two", two, [other]), chapter("three", three)]
    return Document("A title", ["How."], Headline("one", picture, "seen"), rows, chapters, ["note"])


class Tags(HTMLParser):
    """Ids, links, and whether every tag is closed. Within an SVG a tag may close itself."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.links = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes, closed=False):
        named = dict(attributes)
        self.ids += [named["id"]] if "id" in named else []
        self.links += [named[name] for name in ("href", "src", "xlink:href") if name in named]
        if not closed and tag not in ("meta", "br", "hr", "link"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes, closed=True)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_well_formed_and_links_to_itself_alone(document):
    tags = Tags(page(document))
    assert tags.open == []
    assert len(tags.ids) == len(set(tags.ids))
    assert len(tags.links) > 60
    for link in tags.links:
        assert link.startswith("#"), link
        assert link[1:] in tags.ids, link


def test_figures_are_put_in_once_each_with_names_of_their_own(document):
    html = page(document)
    assert html.count("<svg ") == 3
    for name in ("f1", "f2", "f3"):
        assert f'id="{name}-' in html


def test_it_escapes_what_it_is_given(document):
    wild = judged('"><script>alert(1)</script>', "one", "reproduced")
    text = "<script>alert(1)</script> [x](javascript:alert(1)) ![y](file.png)"
    html = page(replace(document, title=text, notes=[text], chapters=[chapter(text, [wild])]))
    assert html.count("<script>") == 1
    assert "<b>" not in html
    assert 'href="javascript' not in html
    assert "<img" not in html


def test_an_inlined_figure_is_the_same_figure():
    svg = (REFERENCE / "digits_depth" / "depth.svg").read_text()
    small = inline(svg, "f1", 'words & "more"')
    assert len(small) < 0.75 * len(svg)
    before, after = (ElementTree.fromstring(text) for text in (svg, small))
    assert after.get("viewBox") == before.get("viewBox")
    assert after.get("aria-label") == 'words & "more"'

    def drawn(root):
        """Texts, and places of points and ticks to a tenth."""
        nodes = [node for node in root.iter() if isinstance(node.tag, str)]
        texts = [node.text for node in nodes if node.tag.split("}")[-1] in ("text", "tspan") and node.text.strip()]
        places = [(node.get("x"), node.get("y")) for node in nodes if node.tag.endswith("use")]
        hidden = [path for node in nodes if node.tag.endswith("defs") for path in node if path.get("d")]
        assert all(path.get("id") for path in hidden)  # what has no name can be seen only where it stands
        ticks = [re.findall(r"M(\S+) (\S+?)l", node.get("d", "")) for node in nodes if node.tag.endswith("path")]
        return texts, sorted((float(x), float(y)) for x, y in [*places, *chain(*ticks)])

    assert drawn(before)[0] == drawn(after)[0]
    assert len(drawn(before)[1]) > 40
    for point, same in zip(drawn(before)[1], drawn(after)[1], strict=True):
        assert point == pytest.approx(same, abs=0.1)
    assert "<metadata" not in small
    assert small.count("<title>") == svg.count("<title>") > 10  # of points
    named = svg.replace('"/>\n      </g>', '"><title>depth 8: 1.23456 %</title></use>\n      </g>', 1)
    assert "<title>depth 8: 1.23456 %</title>" in inline(named, "f1", "")


def test_groups_that_say_nothing_are_left_out():
    body = '<g id="a"><g><title>t</title><g class="c"><g><path/></g></g><g/></g><g><g/></g></g>'
    svg = f'<svg viewBox="0 0 9 9">{body}</svg>'
    assert inline(svg, "f1", "w").endswith('><g><title>t</title><g class="c"><path/></g><g/></g><g/></svg>')


def test_styles_of_figures_are_written_once(document):
    """Every element has the style that its figure gives it, as a class."""
    html = page(document)
    assert "style=" not in html
    rules = dict(re.findall(r"^\.(s\d+)\{(.*)\}$", html, re.M))
    assert len(set(rules.values())) == len(rules) > 20
    pictures = [document.headline.picture, *(picture for chapter in document.chapters for picture in chapter.pictures)]
    inlined = [inline(picture.file.read_text(), f"f{place}", "") for place, picture in enumerate(pictures, start=1)]
    styles = [style for svg in inlined for style in re.findall(r'style="([^"]*)"', svg)]
    assert [rules[name] for name in re.findall(r'class="(s\d+)"', html)] == styles


def test_no_svg_is_refused():
    with pytest.raises(ValueError, match="f1: an SVG file without viewBox"):
        inline("<svg width='3'></svg>", "f1", "words")


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
class TestInABrowser:
    @pytest.fixture(scope="class")
    def tab(self, tmp_path_factory):
        with browser(tmp_path_factory.mktemp("profile")) as tab:
            yield tab
            assert tab.complaints == []

    @pytest.fixture(scope="class")
    def address(self, document, tmp_path_factory):
        file = tmp_path_factory.mktemp("page") / "report.html"
        file.write_text(page(document))
        return file.as_uri()

    @staticmethod
    def shown(tab):
        """Ids of the tests, chapters and rows of the matrix that can be seen, and what the filter says."""
        seen = "[...document.querySelectorAll('{}')].filter(e => e.checkVisibility()).map(e => {})"
        return {
            "tests": tab.run(seen.format("article", "e.id.replace('claim-', '')")),
            "chapters": tab.run(seen.format("section", "e.dataset.chapter")),
            "rows": tab.run(seen.format(".matrix tbody th", "e.textContent")),
            "said": tab.run("document.querySelector('output').textContent"),
        }

    def test_everything_is_shown_at_first(self, tab, address):
        tab.resize(1100)
        tab.open(address)
        assert self.shown(tab) == {
            "tests": ["one-rises", "one-falls", "two-rises", "two-gains", "three-grows"],
            "chapters": ["one", "two", "three"],
            "rows": ["rises", "falls", "gains"],  # grows is folded: not run
            "said": "5 of 5 tests",
        }

    @pytest.mark.parametrize(
        ("chosen", "tests", "chapters", "rows"),
        [
            ("contradicted,", ["one-falls"], ["one"], ["falls"]),
            (",two", ["two-rises", "two-gains"], ["two"], ["rises", "gains"]),
            ("reproduced,two", ["two-gains"], ["two"], ["gains"]),
            ("not%20run,", ["three-grows"], ["three"], []),
            ("contradicted,two", [], [], []),
        ],
    )
    def test_a_filter_in_the_address(self, tab, address, chosen, tests, chapters, rows):
        tab.open(f"{address}#filter={chosen}")
        assert self.shown(tab) == {
            "tests": tests,
            "chapters": chapters,
            "rows": rows,
            "said": f"{len(tests)} of 5 tests",
        }

    def test_the_filter_by_keyboard(self, tab, address):
        tab.open(address)
        tab.run("document.querySelector('select[name=verdict]').focus()")
        tab.press("ArrowDown", 40)
        assert self.shown(tab)["tests"] == ["one-rises", "two-gains"]
        assert tab.run("location.hash") == "#filter=reproduced,"
        tab.press("Tab", 9)
        assert tab.run("document.activeElement.name") == "experiment"
        tab.press("ArrowDown", 40)
        assert self.shown(tab)["tests"] == ["one-rises"]
        tab.press("Tab", 9)
        tab.press("Enter", 13)  # Show all
        tab.run("new Promise(done => setTimeout(done, 50))")
        assert len(self.shown(tab)["tests"]) == 5

    def test_a_link_of_the_matrix_leads_to_its_test(self, tab, address):
        tab.open(f"{address}#filter=,one")
        tab.run("document.querySelector('.matrix a[href=\"#claim-one-falls\"]').click()")
        assert tab.run("location.hash") == "#claim-one-falls"
        tab.run("location.hash = '#claim-two-gains'")  # hidden by the filter until now
        tab.run("new Promise(done => setTimeout(done, 50))")
        assert len(self.shown(tab)["tests"]) == 5
        top = tab.run("document.getElementById('claim-two-gains').getBoundingClientRect().top")
        assert 0 <= top < 800

    @pytest.mark.parametrize("width", [380, 1100])
    def test_nothing_is_wider_than_the_window(self, tab, address, width):
        tab.resize(width)
        tab.open(address)
        tab.run("document.querySelectorAll('details').forEach(e => e.open = true)")
        assert tab.run("innerWidth") == width
        assert tab.run("document.documentElement.scrollWidth") <= width

    def test_dark_and_light(self, tab, address):
        colours = {}
        for dark in (False, True):
            tab.dark(dark)
            tab.open(address)
            style = "getComputedStyle(document.body)"
            colours[dark] = [
                sum(map(int, re.findall(r"\d+", tab.run(f"{style}.{key}")))) for key in ("color", "backgroundColor")
            ]
        text, back = colours[False]
        assert text < 150 < 700 < back
        text, back = colours[True]
        assert back < 150 < 600 < text
        assert len(tab.screenshot()) > 10_000


def test_a_large_figure_stays_on_its_own_page(tmp_path):
    (tmp_path / "depth.svg").write_text("<svg/>")
    (tmp_path / "conditions.svg").write_text(" " * (LARGEST + 1))
    (tmp_path / "steps.svg").write_text("<svg/>")
    for headline, shown in ((None, ["depth"]), (1, ["depth", "steps"])):
        experiment = SimpleNamespace(name="e", headline=headline)
        section = SimpleNamespace(defaults=SimpleNamespace(experiment=experiment), folder=tmp_path)
        assert [picture.file.stem for picture in pictures(section)] == shown
