"""README and docs: their commands can be run, their links lead somewhere, their numbers are those of the tables."""

import re
import shlex
import tomllib

import pandas as pd
import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf, open_dict

from degradation.config import parse
from tests.conftest import ROOT

PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted(
    (ROOT / "docs").glob("*.md")
)
# Their code and commands need files of a reader's own; test_extending, test_library and tests of commands run them.
ELSEWHERE = ("extending.md", "hydra.md", "library.md")
OWN = [page for page in PAGES if page.name not in ELSEWHERE]
REFERENCE = ROOT / "results" / "reference"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
MADE = re.compile(r"^([a-z-]+):.*## ", re.M)  # documented targets of the Makefile
CONFIGS = {"compare": "compare", "diagnose": "diagnose", "export": "export"}  # of the entry points; others take config
NO_HYDRA = {"gpu_proof": r"(agreement|stalls|grid|smoke|depth|--again|--tiny|--device (cpu|cuda)|--minutes \d+| )*"}
OTHER = {"git clone <this repository> && cd degradation", "source .venv/bin/activate"}  # what every shell knows
# What cannot be run here: a line with one of these must say so.
NOT_RUN = re.compile(r"runtime=gpu|TASK=cifar10|local_gpus|device=cuda|make gpu-proof|wandb_online|wandb (sync|agent)")
PLACEHOLDERS = {"NAME": "sine_depth"}  # where a page leaves a name open


def running_text(page):
    """What is not in a block, on one line."""
    return BLOCK.sub("", page.read_text()).replace("\n", " ")


def commands():
    """Every command line of the pages' shell blocks, and those in running text that begin with python or make."""
    for page in OWN:
        text = page.read_text()
        for language, body in BLOCK.findall(text):
            if language == "sh":
                yield from ((page.name, line) for line in body.replace("\\\n", " ").splitlines() if line.strip())
        yield from ((page.name, line) for line in re.findall(r"`((?:python \w+/|make )[^`]+)`", running_text(page)))


def parts(line):
    """A command and its comment."""
    command, _, comment = line.partition(" #")
    return re.sub(" +", " ", command).strip(), comment


FOUND = list(commands())
COMMANDS = list({parts(line)[0]: (page, line) for page, line in reversed(FOUND)}.values())
INDENTED = re.compile(r"^ {4}(?:python|make|git|pip|source) ", re.M)


@pytest.fixture(scope="module")
def hydra():
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        yield
    GlobalHydra.instance().clear()


def check_overrides(config, overrides):
    """The first and the last job of a sweep are composed and pass every check of the configuration."""
    parsed = OverridesParser.create().parse_overrides(overrides)
    jobs = BasicSweeper.split_arguments(parsed, None)[0]
    for job in jobs[:1] + jobs[1:][-1:]:
        composed = compose(config, job, return_hydra_config=True)
        if config == "config":
            with open_dict(composed):
                del composed["hydra"]
            parse(composed)


def check(command):
    words = shlex.split(command)
    if command in OTHER:
        return
    if words[0] == "make":
        (target, *settings) = words[1:]
        assert target in MADE.findall((ROOT / "Makefile").read_text()), f"no target {target}"
        for name, _, value in (setting.partition("=") for setting in settings):
            assert re.search(rf"^{name} \?=", (ROOT / "Makefile").read_text(), re.M), f"no variable {name}"
            if name == "ARGS" and target == "gpu-proof":
                assert re.fullmatch(NO_HYDRA["gpu_proof"], value)
            elif name == "ARGS":
                check_overrides("config", value.split())
        return
    assert words[0] == "python", command
    assert (ROOT / words[1]).is_file(), words[1]
    script = words[1].removeprefix("experiments/").removesuffix(".py")
    overrides = [word for word in words[2:] if word != "-m"]
    if script in NO_HYDRA:
        assert re.fullmatch(NO_HYDRA[script], " ".join(overrides))
    elif overrides:
        check_overrides(CONFIGS.get(script, "config"), overrides)


@pytest.mark.parametrize(("page", "line"), COMMANDS, ids=[f"{page}: {line}" for page, line in COMMANDS])
def test_a_command_is_one(hydra, page, line):
    command, _ = parts(line)
    for name, example in PLACEHOLDERS.items():
        command = command.replace(f"={name}", f"={example}")
    check(command)


def test_what_was_not_run_says_so():
    marked = [(page, *parts(line)) for page, line in FOUND if "#" in line]
    untried = [(page, command, comment) for page, command, comment in marked if NOT_RUN.search(command)]
    assert len(untried) >= 4
    for page, command, comment in untried:
        assert "not run" in comment, f"{page}: {command} cannot be run here and does not say so"


def test_keys_in_running_text_exist(hydra):
    """`recipe.lr=3e-3` names a key, `runtime=gpu` a file."""
    config = compose("config", ["experiment=digits_depth", "hydra/launcher=joblib"], return_hydra_config=True)
    known = {*OmegaConf.to_container(compose("compare")), *config}
    found = {word for page in OWN for word in re.findall(r"`([a-z_.]+=[^ `]+)`", running_text(page))}
    assert len(found) > 12
    for key, value in (word.split("=", 1) for word in found):
        if (ROOT / "conf" / key).is_dir():
            assert (ROOT / "conf" / key / f"{value}.yaml").is_file(), f"{key}={value}"
        elif "." in key:
            assert OmegaConf.select(config, key, default="absent") != "absent", key
        else:
            assert key in known, key


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("make sweep-deep", "no target"),
        ("make smoke ARG=a", "no variable"),
        ("python experiments/trian.py -m experiment=sine_depth", "trian"),
        ("python experiments/train.py experiment=sine_deep", "sine_deep"),
        ("python experiments/train.py -m depth=7,10 network.witdh=3", "witdh"),
        ("python experiments/train.py -m depth=7,8", "nearest are 7 and 10"),
        ("make smoke ARGS=recipe.lrr=1", "lrr"),
    ],
)
def test_a_wrong_one_is_found(hydra, wrong, message):
    with pytest.raises(Exception, match=message):
        check(wrong)


def test_shell_blocks_are_fenced():
    """So that the tests above see every command."""
    assert len(COMMANDS) > 25
    for page in OWN:
        assert not INDENTED.search(BLOCK.sub("", page.read_text())), page


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_links_and_widths(page):
    text = page.read_text()
    prose = BLOCK.sub("", text)
    for link in re.findall(r"\]\(<?([^)>]+)>?\)", prose):
        assert "://" not in link or link.startswith("https://"), link
        assert "://" in link or (page.parent / link.split("#")[0]).exists(), f"{page.name}: {link}"
    narrow = re.sub(r"^!\[.*\)$", "", BLOCK.sub(lambda block: block[2] if block[1] == "sh" else "", text), flags=re.M)
    for line in narrow.splitlines():
        assert len(line) <= (120 if line.startswith("|") else 100), line


def test_the_readme_is_short_and_names_its_sources():
    text = (ROOT / "README.md").read_text()
    assert len(text.split()) <= 900
    assert text.index("depth.png") < text.index("git clone") < text.index("make sweep-depth")
    for page in (ROOT / "docs").glob("*.md"):
        assert f"(docs/{page.name})" in text, page.name
    for name in ("Deep Residual Learning for Image Recognition", "Kowsik", "CITATION.cff"):
        assert name in text


def test_the_version_stands_in_one_place():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == version
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text()


SEEN = (ROOT / "README.md").read_text().split("## What you will see")[1].split("\n## ")[0]
MEASURED = re.compile(r"(\d\.\de-\d\d)|(\d+\.\d+) %")  # a loss as the tables print it, an error in percent


@pytest.mark.parametrize("item", re.findall(r"^- (.*?)(?=^- |\n\n|\Z)", SEEN, re.M | re.S))
def test_numbers_of_the_readme_stand_in_the_tables(item):
    """Each loss or error is the median or mean of a network of that experiment, at a depth that the item names. An
    error is one of training, or in brackets of test.
    """
    (experiment,) = re.findall(r"results/reference/(\w+)/README", item)
    summary = pd.read_csv(REFERENCE / experiment / "summary.csv")
    depths = {int(depth) for depth in re.findall(r"\bat (\d+)|(\d+) layers", item) for depth in depth if depth}
    rows = summary[summary["depth"].isin(depths)]
    losses = {f"{value:.1e}" for value in rows["test_loss_median"]}
    errors = {
        name: {f"{value:.2f}" for value in rows.get(name, [])} for name in ("train_error_mean", "test_error_mean")
    }
    words = " ".join(item.split())
    bracketed = " ".join(re.findall(r"\(([^()]*)\)", words))
    found = MEASURED.findall(re.sub(r"\([^()]*\)", "", words))
    assert found, "an item without a number"
    for loss, error in found:
        assert loss in losses if loss else error in errors["train_error_mean"], f"{experiment}: {loss or error}"
    for loss, error in MEASURED.findall(bracketed):
        assert loss in losses if loss else error in errors["test_error_mean"], f"{experiment}: {loss or error}"


MATRIX = {
    "deeper plain networks train worse": ("plain-training-error-rises",),
    "residual do not (He: always bad; digits: to 56)": ("residual-does-not-degrade",),
    "deep residual networks test better than plain": ("residual-beats-plain",),
    "deeper residual networks test better than shallow": ("residual-test-error-falls",),
    "gradients of plain networks start balanced": ("plain-gradients-are-balanced-at-initialisation",),
}
COLUMNS = {
    "sine": "sine_depth",
    "sine, He": "sine_depth_he",
    "sine, batch norm": "sine_depth_batchnorm",
    "digits": "digits_depth",
    "small CIFAR-10": "cifar10_small",
}


def test_the_readme_has_the_verdicts_of_the_report():
    section = (ROOT / "README.md").read_text().split("## Claims and verdicts")[1].split("\n## ")[0]
    lines = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    header, _, *body = [[cell.strip() for cell in line] for line in lines]
    verdicts = pd.read_csv(REFERENCE / "claims.csv").set_index("id")["verdict"]
    assert len(body) == len(MATRIX)
    for words, *cells in body:
        for column, cell in zip(header[1:], cells, strict=True):
            tested = [f"{COLUMNS[column]}/{claim}" for claim in MATRIX[words]]
            assert [cell] == [verdicts[claim] for claim in tested if claim in verdicts] or not cell, (words, column)


def test_every_variant_and_family_has_its_place_on_the_page():
    page = (ROOT / "docs" / "variants.md").read_text()
    named = set(re.findall(r"`([a-z][a-z0-9_]*)`", page))
    variants, families = (
        {path.stem for path in (ROOT / "conf" / group).glob("*.yaml")} for group in ("variant", "network")
    )
    assert variants | families <= named
    table = page[page.index("## Families") :]
    assert set(re.findall(r"^\| `(\w+)`", table, re.M)) == families
