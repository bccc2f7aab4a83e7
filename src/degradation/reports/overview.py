"""The report on everything that was run: claims with verdicts, one section an experiment. Imports no torch.

Tables come from the user's results folder and, for experiments that were not run there, from the reference beside it.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

import pandas as pd

from degradation.analysis.claims import claims
from degradation.analysis.findings import Finding
from degradation.analysis.metrics import METRICS, Tables
from degradation.analysis.rules import Evidence
from degradation.analysis.sentences import what_happened
from degradation.analysis.sources import Claim
from degradation.analysis.statistics import summary
from degradation.checks import ConfigError
from degradation.config import Config, Runtime
from degradation.config.composition import Listed
from degradation.figures.layers import COLUMNS as LAYERS
from degradation.records.columns import CONDITION, CURVES, KEY, NETWORKS, to_csv
from degradation.records.files import write_text
from degradation.records.identity import own_conditions
from degradation.records.tables import DamagedTableError, EarlierTableError, at, read
from degradation.reports import atlas
from degradation.reports.condition import Condition, is_own
from degradation.reports.contents import document, foremost, seen
from degradation.reports.drawings import in_overview, words
from degradation.reports.experiment import made_with, mean_and_sd, summary_table
from degradation.reports.html import page
from degradation.reports.markdown import aligned
from degradation.reports.matrix import in_markdown
from degradation.reports.publish import REFERENCE
from degradation.reports.verdicts import (
    CAVEATS,
    CHOICES,
    HOW_TO_READ,
    corrected,
    counts,
    gains,
    known,
    lacking,
    power,
    tested_how,
)

CLAIM_COLUMNS = [
    "id",
    "verdict",
    "effect",
    "low",
    "high",
    "n",
    "unit",
    "p",
    "known",
    "results",
    "statement",
    "source",
    "rule",
    "reason",
]

TITLE = "What depth does to plain and residual networks"


@dataclass
class Section:
    """An experiment's own records, in every condition of its sweep, and where their tables lie."""

    defaults: Config
    folder: Path
    origin: str  # "your results" or "reference"
    tables: Tables

    @cached_property
    def condition(self) -> Condition:
        networks = self.tables.networks[self.tables.networks[CONDITION] == ""]
        return Condition("", networks, summary(networks))


@dataclass
class Overview:
    """What `overview` wrote: its files, and each claim's finding."""

    files: list[Path]
    findings: list[tuple[Claim, Finding]]

    def text(self, experiments: list[str], verbose: bool = False) -> str:
        """The verdicts of some experiments, to be printed: how many of each, or every claim."""
        found = {
            name: [(claim, finding) for claim, finding in self.findings if claim.experiment == name and finding.effect]
            for name in experiments
        }
        lines = []
        for name, judged in found.items():
            if not judged:
                continue
            lines.append(f"{name}: {counts(finding for _, finding in judged)}")
            if verbose:
                lines += [
                    f"  {finding.verdict:15} {claim.statement} ({finding.effect_in_words})" for claim, finding in judged
                ]
        return "\n".join([*(["claims:", *lines, ""] if lines else []), *(f"report: {file}" for file in self.files)])


def overview(experiments: list[Listed], runtime: Runtime) -> Overview:
    """Judge every claim and write REPORT.md, report.html and claims.csv into the results folder.

    Args:
        experiments: every experiment; those that were run are composed, for which Hydra must be initialised.
        runtime: the folders to use.

    Raises:
        ConfigError: a table is damaged.
    """
    results = Path(runtime.results_dir)
    registered = claims({listed.experiment.name: listed.experiment.published or {} for listed in experiments})
    in_order = _ordered(experiments, registered)
    sections = [section for section in (_section(listed, results) for listed in in_order) if section]
    evidence: Evidence = {section.defaults.experiment.name: section.tables for section in sections}
    findings = [(claim, claim.judge(evidence)) for claim in registered]
    commands = {listed.experiment.name: listed.experiment.command for listed in experiments}
    mapped = atlas.write(results, sections)
    text = _text(sections, findings, commands, results, mapped)
    files = [results / "REPORT.md", results / "report.html"]
    write_text(files[0], text)
    judged = [found for found in findings if found[1].verdict != "not run"]
    notes = [gains(findings), corrected(judged), CAVEATS, CHOICES, known(judged), power()]
    folded = {section.defaults.experiment.name: _folded(section, commands) for section in sections}
    chapters = atlas.chapters(results, mapped)
    write_text(files[1], page(document(TITLE, sections, findings, commands, folded, [HOW_TO_READ], notes, chapters)))
    origins = {section.defaults.experiment.name: section.origin for section in sections}
    rows = [_row(claim, finding, origins) for claim, finding in findings]
    write_text(results / "claims.csv", to_csv(rows, CLAIM_COLUMNS))
    return Overview(files, findings)


def _ordered(experiments: list[Listed], registered: list[Claim]) -> list[Listed]:
    """In the order of the claims, then those without any."""
    order = [claim.experiment for claim in registered]
    return sorted(experiments, key=lambda listed: [*order, listed.experiment.name].index(listed.experiment.name))


def _section(listed: Listed, results: Path) -> Section | None:
    """The experiment's records of its own configuration: the user's, else the reference's, else None."""
    name = listed.experiment.name
    theirs = "reference" if results.name == REFERENCE else "your results"
    for folder, origin in ((results / name, theirs), (results / REFERENCE / name, "reference")):
        if not (folder / "networks.csv").exists():
            continue
        defaults = listed.defaults
        try:
            networks = read(folder / "networks.csv", NETWORKS)
            others = [_table(folder / "curves.csv", CURVES), _table(folder / "layers.csv", LAYERS)]
            diagnosed = {stem: read(folder / f"{stem}.csv", KEY) for stem in _diagnosed(folder)}
        except EarlierTableError:  # a report on that experiment says so
            continue
        except DamagedTableError as error:
            raise ConfigError(f"{error} Delete it; `make report` collects the table again from runs/.") from error
        own = own_conditions(defaults)
        networks = networks[is_own(networks, own)]
        if "" not in set(networks[CONDITION]):  # a condition of its sweep alone
            continue
        names = {label: now.name if label else "" for label, now in own.items()}
        networks = networks.assign(**{CONDITION: networks[CONDITION].map(names)})
        conditions = networks.set_index(KEY)[CONDITION]
        curves, layers = (_with_condition(table, conditions) for table in others)
        diagnosed = {stem: _with_condition(table, conditions) for stem, table in diagnosed.items()}
        tables = Tables(networks, curves, layers, _images(defaults), tuple(names.values()), diagnosed)
        return Section(defaults, folder, origin, tables)
    return None


def _diagnosed(folder: Path) -> list[str]:
    """The tables of diagnostics on finished runs that claims are about, of those that are there."""
    known = {metric.diagnostic for metric in METRICS.values() if metric.diagnostic}
    return sorted(name for name in known if at(folder / f"{name}.csv"))


def _images(defaults: Config) -> dict[str, int]:
    """How many images an error counts, by split, where the configuration says."""
    task = defaults.task
    sizes = {"train": task.train_size, "test": task.test_size} if task.classification else {}
    return {split: size for split, size in sizes.items() if size is not None}


def _with_condition(table: pd.DataFrame, conditions: pd.Series) -> pd.DataFrame:
    """The rows of the networks that are `conditions`' index, with each one's condition."""
    return table.join(conditions, on=KEY, how="inner")


def _table(path: Path, columns: list[str]) -> pd.DataFrame:
    return read(path, columns) if at(path) else pd.DataFrame(columns=columns)


def _row(claim: Claim, finding: Finding, origins: dict[str, str]) -> dict[str, object]:
    effect = finding.effect._asdict() if finding.effect else {}
    return {
        "id": claim.id,
        "verdict": finding.verdict,
        "effect": effect.get("mean"),
        **{name: effect.get(name) for name in ("low", "high", "n")},
        "unit": finding.unit,
        "p": finding.p,
        "known": claim.known,
        "results": origins.get(claim.experiment),
        "statement": claim.statement,
        "source": claim.source,
        "rule": claim.rule.words(),
        "reason": finding.reason,
    }


def _text(
    sections: list[Section],
    findings: list[tuple[Claim, Finding]],
    commands: dict[str, str],
    results: Path,
    mapped: pd.DataFrame,
) -> str:
    judged = [(claim, finding) for claim, finding in findings if finding.verdict != "not run"]
    parts = [
        f"# {TITLE}",
        f"{len(findings)} tests of published claims: {counts(finding for _, finding in findings)}.",
        HOW_TO_READ,
        *_headline(sections, results),
        "## Claims",
        *(in_markdown(judged) if judged else ["Nothing was run so far."]),
        *([gains(findings), corrected(judged)] if judged else []),
        *atlas.in_markdown(mapped),
        *_sections(sections, judged, commands, results),
        *lacking(findings, commands),
        "## How each claim is tested",
        *([tested_how(judged)] if judged else []),
        CAVEATS,
        CHOICES,
        known(judged),
        power(),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _headline(sections: list[Section], results: Path) -> list[str]:
    """The figure of the foremost experiment that was run, and what it shows."""
    section = foremost(sections)
    return [*_figures(section, results)[:1], f"*{seen(section)}*"] if section else []


def _figures(section: Section, results: Path) -> list[str]:
    """Links to the figures of an experiment that the report shows."""
    name = section.defaults.experiment.name
    files = [section.folder / f"{stem}.png" for stem in in_overview(section.defaults.experiment)]
    return [
        f"![{name}: {words(file)}]({quote(file.relative_to(results).as_posix())})" for file in files if file.exists()
    ]


def _sections(
    sections: list[Section], judged: list[tuple[Claim, Finding]], commands: dict[str, str], results: Path
) -> list[str]:
    parts = []
    for section in sections:
        defaults, condition = section.defaults, section.condition
        experiment = defaults.experiment
        parts += [
            f"## {experiment.name}: {experiment.title}",
            f"{_answers(experiment.name, judged)}[Tables and figures](<{_link(section, results)}>) ({section.origin}).",
            f"**Seen.** {what_happened(condition.summary)}",
            *_figures(section, results),
            f"**Recipe.** {recipe_sentence(defaults)}",
            f"**Made with.** {made_with(condition.networks)} Again: `{commands[experiment.name]}`.",
            *([f"**Not as in the source.** {' '.join(experiment.deviations)}"] if experiment.deviations else []),
            summary_table(condition.summary),
            *against_published(defaults, condition.summary),
        ]
    return parts


def _folded(section: Section, commands: dict[str, str]) -> dict[str, list[str]]:
    """What a browser shows of an experiment when asked to, by heading."""
    defaults, condition = section.defaults, section.condition
    made = f"{made_with(condition.networks)} {section.origin}. Again: `{commands[defaults.experiment.name]}`."
    beside = against_published(defaults, condition.summary)
    return {
        "Table by depth and variant": [summary_table(condition.summary)],
        **({"Test errors beside the source's": beside[1:]} if beside else {}),
        "Recipe, and what it was made with": [recipe_sentence(defaults), made],
    }


def _link(section: Section, results: Path) -> str:
    return (section.folder / "README.md").relative_to(results).as_posix()


def _answers(experiment: str, judged: list[tuple[Claim, Finding]]) -> str:
    counted = counts(finding for claim, finding in judged if claim.experiment == experiment)
    return f"Claims: {counted}. " if counted else ""


def recipe_sentence(defaults: Config) -> str:
    """The recipe in one line."""
    recipe, network = defaults.recipe, defaults.network
    parts = [
        f"{network.family}, width {network.width}, {network.init} initialisation, normalisation {network.norm}, "
        f"shortcut {network.shortcut}",
        f"{recipe.optimizer}, lr {recipe.lr:g}" + (f", momentum {recipe.momentum:g}" if recipe.momentum else ""),
        f"weight decay {recipe.weight_decay:g}, batch {recipe.batch_size}, {recipe.max_steps} steps",
        f"schedule {recipe.schedule}" + (f" at {', '.join(map(str, recipe.milestones))}" if recipe.milestones else ""),
    ]
    if recipe.warmup_steps:
        fewest = f" from {recipe.warmup_min_depth} layers on" if recipe.warmup_min_depth > 1 else ""
        parts.append(f"{recipe.warmup} warm-up of {recipe.warmup_steps} steps{fewest}")
    return "; ".join([*parts, recipe.precision]) + "."


def against_published(defaults: Config, summary: pd.DataFrame) -> list[str]:
    """Our test errors beside the printed ones and those of other reproductions."""
    published, others = defaults.experiment.published or {}, defaults.experiment.reproductions or {}
    cells = sorted(
        {(depth, variant) for source in (published, others) for variant in source for depth in source[variant]}
    )
    if not cells:
        return []
    ours = summary.set_index(["depth", "variant"])
    body = []
    for depth, variant in cells:
        band = others.get(variant, {}).get(depth)
        row = ours.loc[(depth, variant)] if (depth, variant) in ours.index else None
        body.append(
            [
                str(depth),
                variant,
                "not run" if row is None else f"{mean_and_sd(row, 'test_error')} (n = {int(row['n'])})",
                str(published.get(variant, {}).get(depth, "not printed")),
                "none" if band is None else f"{band[0]} to {band[1]}",
            ]
        )
    return [
        "Test error, ours beside the source's:",
        aligned(["depth", "variant", "ours", "source", "reproductions"], body),
    ]
