"""The report on everything that was run: claims with verdicts, one section an experiment. Imports no torch.

Tables come from the user's results folder and, for experiments that were not run there, from the reference beside it.
"""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pandas as pd

from degradation.analysis.claims import KNOWN, TABLE_MARGIN, TABLE_SD, Claim, claims
from degradation.analysis.intervals import power_within
from degradation.analysis.metrics import Tables
from degradation.analysis.outcomes import DIVERGED
from degradation.analysis.rules import MINIMUM_N, Evidence, Finding
from degradation.analysis.sentences import what_happened
from degradation.analysis.statistics import summary
from degradation.checks import ConfigError
from degradation.config import Config, Runtime
from degradation.figures.layers import COLUMNS as LAYERS
from degradation.records.columns import CONDITION, CURVES, KEY, NETWORKS, to_csv
from degradation.records.files import write_text
from degradation.records.identity import own_conditions
from degradation.records.tables import DamagedTableError, EarlierTableError, read
from degradation.reports.condition import Condition, is_own
from degradation.reports.drawings import in_overview, words
from degradation.reports.experiment import made_with, mean_and_sd, summary_table
from degradation.reports.html import page
from degradation.reports.markdown import aligned
from degradation.reports.publish import REFERENCE

VERDICTS = ("reproduced", "contradicted", "mixed", "consistent", "inconsistent", "not enough data", "not run")
TOO_FEW = ("consistent", "inconsistent", "not enough data", "not run")  # what more seeds would turn into a verdict
CLAIM_COLUMNS = [
    "id",
    "verdict",
    "effect",
    "low",
    "high",
    "n",
    "unit",
    "results",
    "statement",
    "source",
    "rule",
    "reason",
]

HOW_TO_READ = (
    "An effect is a mean over seeds with its 95 % interval, the first-named networks minus the second; a decade "
    "is a factor of ten. *Reproduced* means that the whole interval fulfils the claim's rule, *contradicted* that"
    " none of it does, *mixed* that the interval holds the margin or that parts of the rule disagree. Where fewer "
    f"than {MINIMUM_N} seeds are compared with a number, *consistent* and *inconsistent* speak of their mean. "
    "A verdict is about these networks, this task and this budget: where the source speaks of other networks, it says "
    "whether the statement holds here as well."
)
CAVEATS = (
    f"Intervals: Student's t. Differences are paired by seed. {DIVERGED} An interval may reach beyond what an error "
    "can be. The claims are tested one by one, without correction for their number: of 40 effects that do not exist "
    "about one would pass."
)


@dataclass
class Section:
    """An experiment's own records, in every condition of its sweep, and where their tables lie."""

    defaults: Config
    folder: Path
    origin: str  # "your results" or "reference"
    tables: Tables

    @property
    def condition(self) -> Condition:
        networks = self.tables.networks[self.tables.networks[CONDITION] == ""]
        return Condition("", networks, summary(networks))


@dataclass
class Overview:
    """What `overview` wrote: its files, and each claim's finding."""

    files: list[Path]
    findings: list[tuple[Claim, Finding]]

    def text(self, experiments: list[str]) -> str:
        """The verdicts of some experiments' claims, to be printed."""
        lines = [
            f"{finding.verdict:16}{claim.statement} ({_effect(finding)}; {claim.experiment})"
            for claim, finding in self.findings
            if claim.experiment in experiments and finding.effect is not None
        ]
        return "\n".join([*(["claims:", *lines, ""] if lines else []), *(f"report: {file}" for file in self.files)])


def overview(experiments: list[Config], runtime: Runtime) -> Overview:
    """Judge every claim and write REPORT.md, report.html and claims.csv into the results folder.

    Args:
        experiments: every experiment as its file has it.
        runtime: the folders to use.

    Raises:
        ConfigError: a table is damaged.
    """
    results = Path(runtime.results_dir)
    registered = claims({defaults.experiment.name: defaults.experiment.published or {} for defaults in experiments})
    in_order = _ordered(experiments, registered)
    sections = [section for section in (_section(defaults, results) for defaults in in_order) if section]
    evidence: Evidence = {section.defaults.experiment.name: section.tables for section in sections}
    findings = [(claim, claim.judge(evidence)) for claim in registered]
    commands = {defaults.experiment.name: defaults.experiment.command for defaults in experiments}
    text = _text(sections, findings, commands, results)
    files = [results / "REPORT.md", results / "report.html"]
    write_text(files[0], text)
    write_text(files[1], page(text, results))
    origins = {section.defaults.experiment.name: section.origin for section in sections}
    rows = [_row(claim, finding, origins) for claim, finding in findings]
    write_text(results / "claims.csv", to_csv(rows, CLAIM_COLUMNS))
    return Overview(files, findings)


def _ordered(experiments: list[Config], registered: list[Claim]) -> list[Config]:
    """In the order of the claims, then those without any."""
    order = [claim.experiment for claim in registered]
    return sorted(experiments, key=lambda defaults: [*order, defaults.experiment.name].index(defaults.experiment.name))


def _section(defaults: Config, results: Path) -> Section | None:
    """The experiment's records of its own configuration: the user's, else the reference's, else None."""
    name, own = defaults.experiment.name, own_conditions(defaults)
    theirs = "reference" if results.name == REFERENCE else "your results"
    for folder, origin in ((results / name, theirs), (results / REFERENCE / name, "reference")):
        if not (folder / "networks.csv").exists():
            continue
        try:
            networks = read(folder / "networks.csv", NETWORKS)
            others = [_table(folder / "curves.csv", CURVES), _table(folder / "layers.csv", LAYERS)]
        except EarlierTableError:  # a report on that experiment says so
            continue
        except DamagedTableError as error:
            raise ConfigError(f"{error} Delete it; `make report` collects the table again from runs/.") from error
        networks = networks[is_own(networks, own)]
        networks = networks.assign(
            **{CONDITION: networks[CONDITION].map(lambda label: own[label].name if label else "")}
        )
        conditions = networks.set_index(KEY)[CONDITION]
        tables = Tables(networks, *(_with_condition(table, conditions) for table in others))
        if len(tables.networks):
            return Section(defaults, folder, origin, tables)
    return None


def _with_condition(table: pd.DataFrame, conditions: pd.Series) -> pd.DataFrame:
    """The rows of the networks that are `conditions`' index, with each one's condition."""
    return table.join(conditions, on=KEY, how="inner")


def _table(path: Path, columns: list[str]) -> pd.DataFrame:
    return read(path, columns) if path.exists() else pd.DataFrame(columns=columns)


def _row(claim: Claim, finding: Finding, origins: dict[str, str]) -> dict[str, object]:
    effect = finding.effect._asdict() if finding.effect else {}
    return {
        "id": claim.id,
        "verdict": finding.verdict,
        "effect": effect.get("mean"),
        **{name: effect.get(name) for name in ("low", "high", "n")},
        "unit": finding.unit,
        "results": origins.get(claim.experiment),
        "statement": claim.statement,
        "source": claim.source,
        "rule": claim.rule.words(),
        "reason": finding.reason,
    }


def _effect(finding: Finding) -> str:
    effect = finding.effect
    if effect is None:
        return ""
    sign = "" if finding.unit == "layers" else "+"  # depths are no differences
    mean, low, high = (f"{value:{sign}.3g}" for value in effect[:3])
    return f"{mean} [{low}, {high}] {finding.unit}, n = {effect.n}"


def _text(
    sections: list[Section], findings: list[tuple[Claim, Finding]], commands: dict[str, str], results: Path
) -> str:
    judged = [(claim, finding) for claim, finding in findings if finding.verdict != "not run"]
    counts = {verdict: sum(finding.verdict == verdict for _, finding in findings) for verdict in VERDICTS}
    parts = [
        "# What depth does to plain and residual networks",
        f"{len(findings)} tests of published claims: "
        + ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
        + ".",
        HOW_TO_READ,
        *_headline(sections, results),
        "## Claims",
        _claims_table(judged) if judged else "Nothing was run so far.",
        *_sections(sections, judged, commands, results),
        *_not_run(findings, commands),
        "## How each claim is tested",
        aligned(
            ["claim", "rule", "source", "decided by"],
            [[f"`{claim.id}`", claim.rule.words(), claim.source, finding.reason] for claim, finding in judged],
        )
        if judged
        else "",
        CAVEATS,
        _known(judged),
        _power(),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _known(judged: list[tuple[Claim, Finding]]) -> str:
    """Of which verdicts the results were known before the rule."""
    experiments = list(dict.fromkeys(claim.experiment for claim, _ in judged if claim.experiment in KNOWN))
    if not experiments:
        return ""
    return (
        f"The results of {', '.join(experiments)} were known when the rules and margins of their claims were entered, "
        "so there the verdicts state them and predict nothing. All other claims were entered before their experiment's "
        "results were known."
    )


def _power() -> str:
    """How many seeds it takes to confirm a printed error."""
    chances = [(n, 100 * power_within(TABLE_MARGIN, TABLE_SD, n)) for n in (MINIMUM_N, 5, 8)]
    shown = ", ".join(f"{chance:.0f} % with {n} seeds" for n, chance in chances)
    return (
        f"Power: if the mean over all seeds is a printed error exactly, and seeds spread by {TABLE_SD} points "
        f"(standard deviation), then a claim *within {TABLE_MARGIN} points of the printed error* is found reproduced "
        f"in {shown}; otherwise it is mixed."
    )


def _headline(sections: list[Section], results: Path) -> list[str]:
    """The figure of the foremost experiment that was run, and what it shows."""
    ranked = [section for section in sections if section.defaults.experiment.headline is not None]
    if not ranked:
        return []
    section = min(ranked, key=lambda section: section.defaults.experiment.headline or 0)
    figure = _figures(section, results)[:1]
    return [*figure, f"*{section.defaults.experiment.title}. {what_happened(section.condition.summary)}*"]


def _figures(section: Section, results: Path) -> list[str]:
    """Links to the figures of an experiment that the report shows."""
    name = section.defaults.experiment.name
    files = [section.folder / f"{stem}.png" for stem in in_overview()]
    return [
        f"![{name}: {words(file)}]({quote(file.relative_to(results).as_posix())})" for file in files if file.exists()
    ]


def _claims_table(findings: list[tuple[Claim, Finding]]) -> str:
    return aligned(
        ["verdict", "statement", "experiment", "effect"],
        [
            [f"**{finding.verdict}**", claim.statement, claim.experiment, _effect(finding)]
            for claim, finding in findings
        ],
    )


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


def _link(section: Section, results: Path) -> str:
    return (section.folder / "README.md").relative_to(results).as_posix()


def _answers(experiment: str, judged: list[tuple[Claim, Finding]]) -> str:
    verdicts = [finding.verdict for claim, finding in judged if claim.experiment == experiment]
    counted = [f"{verdicts.count(verdict)} {verdict}" for verdict in VERDICTS if verdict in verdicts]
    return f"Claims: {', '.join(counted)}. " if counted else ""


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


def _not_run(findings: list[tuple[Claim, Finding]], commands: dict[str, str]) -> list[str]:
    waiting: dict[str, list[str]] = {}
    for claim, finding in findings:
        if finding.verdict in TOO_FEW and finding.missing:
            waiting.setdefault(finding.missing, []).append(claim.statement)
    if not waiting:
        return []
    lines = []
    for experiment, statements in waiting.items():
        lines.append(f"`{commands[experiment]}` brings:")
        lines.append("\n".join(f"- {statement}" for statement in dict.fromkeys(statements)))
    return ["## Not run, or too few seeds", *lines]
