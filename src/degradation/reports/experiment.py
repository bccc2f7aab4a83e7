"""An experiment's page: from its tables to summary, figures and README. Reads tables only; imports no torch."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import yaml

from degradation.analysis.sentences import what_happened
from degradation.checks import ConfigError
from degradation.config import Config, Runtime
from degradation.config.places import command
from degradation.records.collect import collect
from degradation.records.columns import CONDITION, ERRORS, LOSSES, SIZES
from degradation.records.files import write_text
from degradation.records.identity import scientific
from degradation.records.run import make_folder
from degradation.records.tables import DamagedTableError, EarlierTableError
from degradation.reports.condition import Condition, read_conditions
from degradation.reports.drawings import draw, draw_overlays, sections, words
from degradation.reports.markdown import aligned

MOST_NAMED = 3  # runs that cannot be used, where there are no others
MANY_CONDITIONS = 5  # of a sweep: of more, each but the first has one figure, and the overlays tell the rest


@dataclass
class Report:
    """What `report` wrote.

    Attributes:
        text: with a table a condition, to be printed.
        conditions: what is drawn together.
        figures: PNG files by condition label.
        overlays: PNG files over the conditions of the experiment's own sweep.
        folder: where all of it lies.
        warnings: runs that were left out.
    """

    name: str
    text: str
    conditions: list[Condition]
    figures: dict[str, list[Path]]
    overlays: list[Path]
    folder: Path
    warnings: list[str]

    def brief(self, conditions: set[str] | None = None) -> str:
        """A sentence and the first figure that tells something of each condition, to be printed.

        Args:
            conditions: as the tables' column has them; None: all.
        """
        lines = list(self.warnings)
        for condition in _own_last(self.conditions):
            if conditions is None or conditions & set(condition.networks[CONDITION]):
                title = f"{self.name} {condition.label}".rstrip()
                lines.append(f"{title}: {what_happened(condition.summary)}")
                figures = self.figures[condition.label]
                one_depth = condition.summary["depth"].nunique() == 1  # a point against depth, but a course of training
                courses = [path for path in figures if one_depth and path.stem == "steps"]
                lines += [f"figure: {path}" for path in (courses or figures)[:1]]
        lines += [f"figure: {path}" for path in self.overlays[:1]]
        return "\n".join([*lines, f"tables: {self.folder}"])


def report(defaults: Config, runtime: Runtime) -> Report:
    """Collect an experiment's runs into its tables, then write summary, figures and README beside them.

    Args:
        defaults: the experiment as its file has it.
        runtime: the folders to use.

    Raises:
        ConfigError: nothing was run so far, or a table is damaged.
    """
    name = defaults.experiment.name
    runs, results = Path(runtime.runs_dir) / name, Path(runtime.results_dir) / name
    make_folder(results, "runtime.results_dir")
    try:
        damaged = collect(runs, results)
        if not (results / "networks.csv").exists():
            train = f"{command('train')} -m experiment={name}"
            raise ConfigError(" ".join([*damaged[:MOST_NAMED], f"{runs} holds no finished run; train with: {train}"]))
        conditions = read_conditions(results, defaults)
        many = sum(condition.own is not None for condition in conditions) > MANY_CONDITIONS
        figures = {
            condition.label: draw(
                results, condition, defaults.experiment, foremost=many and bool(condition.label and condition.own)
            )
            for condition in conditions
        }
        together = draw_overlays(results, conditions, defaults.experiment)
    except EarlierTableError as error:
        raise ConfigError(str(error)) from error
    except DamagedTableError as error:
        raise ConfigError(f"{error} Delete it; the table is collected again from {runs}.") from error
    every = pd.concat([condition.summary.assign(condition=condition.label) for condition in conditions])
    write_text(results / "summary.csv", every.to_csv(index=False, float_format="%.6g"))
    write_text(results / "README.md", readme(defaults, conditions, figures, together))
    warnings = [f"warning: {sentence} It is left out." for sentence in damaged]
    lines = list(warnings)
    for condition in _own_last(conditions):
        title = f"{name} {condition.label}".rstrip()
        lines += [
            "",
            title,
            "",
            summary_table(condition.summary),
            "",
            f"{title}: {what_happened(condition.summary)}",
            "",
        ]
        lines += [f"figure: {path}" for path in figures[condition.label]]
    lines += [f"figure: {path}" for path in together]
    text = "\n".join([*lines, f"tables: {results}"])
    return Report(name, text, conditions, figures, together, results, warnings)


def _own_last(conditions: list[Condition]) -> list[Condition]:
    """The experiment as its file has it last, by the prompt."""
    return sorted(conditions, key=lambda condition: condition.label == "")


def summary_table(summary: pd.DataFrame) -> str:
    """The summary as a Markdown table: a row a depth and variant; multiply-adds are of one example's forward pass."""
    header = ["depth", "variant", "matched", "n"]
    if "train_error_mean" in summary:
        header += ["training error: mean ± sd", "test error: mean ± sd"]
        cells, metrics = mean_and_sd, ERRORS
    else:
        header += ["training loss: median [quartiles]", "test loss: median [quartiles]"]
        cells, metrics = _quartiles, LOSSES
    header += ["diverged", "stuck", "parameters", "multiply-adds"]
    body = [
        [
            *(str(row[name]) for name in ("depth", "variant")),
            "yes" if row["matched"] else "no",
            str(row["n"]),
            *(cells(row, metric) for metric in metrics),
            *(f"{row[f'share_{name}']:.0%}" for name in ("diverged", "stuck")),
            *(f"{int(row[name]):,}" for name in SIZES),
        ]
        for _, row in summary.sort_values(["depth", "variant"]).iterrows()
    ]
    return aligned(header, body)


def mean_and_sd(row: pd.Series, metric: str) -> str:
    """An error's mean over seeds, and its standard deviation if there are several."""
    spread = f" ± {row[f'{metric}_sd']:.2f}" if row["n"] > 1 else ""
    return f"{row[f'{metric}_mean']:.2f}{spread} %"


def _quartiles(row: pd.Series, metric: str) -> str:
    median, q1, q3 = (f"{row[f'{metric}_{name}']:.1e}" for name in ("median", "q1", "q3"))
    return f"{median} [{q1}, {q3}]"


def readme(defaults: Config, conditions: list[Condition], figures: dict[str, list[Path]], together: list[Path]) -> str:
    """What was run, how, what is seen: the conditions together, then one by one."""
    experiment = defaults.experiment
    parts = [
        f"# {experiment.name}: {experiment.title}",
        f"**Statement.** {experiment.statement}",
        f"Made by `{command('report')} experiment={experiment.name}` from the tables beside this file.",
        *(f"![{words(path)}]({path.name})" for path in together),
    ]
    for condition in conditions:
        drawn = sections(figures[condition.label])
        if condition.label:
            parts.append(f"## {condition.label}")
        parts += [
            f"**Seen.** {what_happened(condition.summary)}",
            *(f"![{words(path)}]({path.name})" for path in drawn.pop("", [])),
            made_with(condition.networks),
            summary_table(condition.summary),
        ]
        for heading, files in drawn.items():
            parts.append(f"## {', '.join(part for part in (heading, condition.label) if part)}")
            for path in files:
                told = words(path)
                parts += [f"{told[0].upper()}{told[1:]}.", f"![{told}]({path.name})"]
    parts += ["## Recipe", f"```yaml\n{yaml.safe_dump(scientific(defaults), sort_keys=False)}```"]
    return "\n\n".join(parts) + "\n"


def made_with(networks: pd.DataFrame) -> str:
    """Number of networks, seeds, device, versions, commit, time."""

    def values(column: str) -> str:
        return ", ".join(str(value) for value in sorted(networks[column].dropna().unique())) or "unknown"

    seeds = networks.groupby(["depth", "variant"])["seed"].nunique()
    n = f"{seeds.min()}" if seeds.min() == seeds.max() else f"{seeds.min()} to {seeds.max()}"
    return (
        f"{len(networks)} networks, {n} seeds a depth and variant, after {values('steps')} steps; "
        f"engine {values('engine')} on {values('device')}, {values('threads')} thread a job; torch "
        f"{values('torch_version')}; commit {values('commit')}; {networks['seconds'].sum() / 60:.1f} min of training."
    )
