"""From an experiment's tables to its summary, figures and README. Reads tables only; imports no torch."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import yaml
from matplotlib.lines import Line2D

from degradation.analysis.sentences import what_happened
from degradation.analysis.statistics import summary
from degradation.config import Config, ConfigError, Runtime
from degradation.figures.depth import loss_against_depth, shares_against_depth
from degradation.figures.functions import depths_to_show, fitted_functions
from degradation.figures.layers import LABELS, by_layer, colours
from degradation.figures.style import COLOURS, figure
from degradation.records.collect import collect
from degradation.records.files import write_text
from degradation.records.identity import digest, scientific
from degradation.records.rows import LAYERS, NETWORKS, PREDICTIONS
from degradation.records.run import make_folder
from degradation.records.tables import DamagedTableError, read

SEEDS_AND_CO = ("depth=", "seeds=", "variants=")  # parts of a slug that do not change the condition


@dataclass
class Condition:
    """The records that share one digest, drawn together: the experiment as its file has it, or a variation of it."""

    label: str  # empty for the experiment as its file has it
    networks: pd.DataFrame
    summary: pd.DataFrame

    def file(self, stem: str) -> str:
        return f"{stem},{self.label}" if self.label else stem


@dataclass
class Report:
    """What `report` wrote: the text to print, the conditions, and each one's figures as PNG files."""

    text: str
    conditions: list[Condition]
    figures: dict[str, list[Path]]  # by condition label


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
            train = f"python experiments/train.py -m experiment={name}"
            raise ConfigError(f"{runs} holds no finished run; train with: {train}")
        conditions = read_conditions(results, defaults)
        figures = {condition.label: draw(results, condition) for condition in conditions}
    except DamagedTableError as error:
        raise ConfigError(f"{error} Delete it; the table is collected again from {runs}.") from error
    every = pd.concat([condition.summary for condition in conditions], ignore_index=True)
    write_text(results / "summary.csv", every.to_csv(index=False, float_format="%.6g"))
    write_text(results / "README.md", readme(defaults, conditions))
    lines = [f"warning: {sentence} It is left out." for sentence in damaged]
    for condition in conditions:
        title = f"{name} {condition.label}".rstrip()
        lines += ["", title, "", markdown(condition.summary), "", f"{title}: {what_happened(condition.summary)}", ""]
        lines += [f"figure: {path}" for path in figures[condition.label]]
    return Report("\n".join([*lines, f"tables: {results}"]), conditions, figures)


def read_conditions(results: Path, defaults: Config) -> list[Condition]:
    """The experiment's own condition first, then its variations by label."""
    networks = read(results / "networks.csv", NETWORKS)
    conditions = []
    for value, rows in networks.groupby("digest", sort=True):
        label = condition_label(str(rows["slug"].iloc[0]))
        if not label and value != digest(defaults):
            label = f"digest={value}"  # the experiment's file had other defaults then
        elif value == digest(defaults):
            label = ""
        conditions.append(Condition(label, rows, summary(rows)))
    return sorted(conditions, key=lambda condition: condition.label)


def condition_label(slug: str) -> str:
    """`lr=0.003,width=64` from `sine/mlp/depth=010,lr=0.003,seeds=0-1,width=64`."""
    parts = slug.rsplit("/", 1)[-1].split(",")
    return ",".join(part for part in parts if not part.startswith(SEEDS_AND_CO))


def draw(results: Path, condition: Condition) -> list[Path]:
    """All figures of one condition; returns the PNG files."""
    paths = [_draw_depth(results, condition)]
    own = condition.networks["digest"].iloc[0]
    for stem, columns, drawer in (("functions", PREDICTIONS, _draw_functions), ("layers", LAYERS, _draw_layers)):
        source = results / {"functions": "predictions.csv", "layers": "layers.csv"}[stem]
        if source.exists():
            rows = read(source, columns)
            rows = rows[rows["digest"] == own]
            if len(rows):
                paths.append(drawer(results / condition.file(stem), rows))
    return [path.with_name(path.name + ".png") for path in paths]


def _draw_depth(results: Path, condition: Condition) -> Path:
    path = results / condition.file("depth")
    with figure(path, 8, 5.6) as drawn:
        top, bottom = drawn.subplots(2, 1, sharex=True, height_ratios=(8, 1))
        loss_against_depth(top, condition.summary, float(condition.networks["mean_test_loss"].iloc[0]))
        top.set_title(" ".join([str(condition.networks["experiment"].iloc[0]), condition.label]).rstrip())
        shares_against_depth(bottom, condition.summary)
    return path


def _draw_functions(path: Path, predictions: pd.DataFrame) -> Path:
    variants = sorted(set(predictions["variant"]))
    depths = depths_to_show(list(set(predictions["depth"])))
    with figure(path, 2.1 * len(depths) + 0.4, 1.7 * len(variants) + 0.5) as drawn:
        grid = drawn.subplots(len(variants), len(depths), sharex=True, sharey=True, squeeze=False)
        for row, variant in zip(grid, variants, strict=True):
            row[0].set_ylabel(variant, color=COLOURS[variant], fontweight="bold")
            for axes, depth in zip(row, depths, strict=True):
                fitted_functions(axes, predictions, variant, depth)
        for axes, depth in zip(grid[0], depths, strict=True):
            axes.set_title(f"depth {depth}")
        for axes in grid[-1]:
            axes.set_xlabel("x")
    return path


def _draw_layers(path: Path, layers: pd.DataFrame) -> Path:
    layers = layers[layers["moment"] == "init"]
    variants = sorted(set(layers["variant"]))
    depths = sorted(set(layers["depth"]))
    with figure(path, 4.2 * len(variants) + 0.8, 5.8) as drawn:
        grid = drawn.subplots(2, len(variants), sharex=True, sharey="row", squeeze=False)
        for row, (quantity, label) in zip(grid, LABELS.items(), strict=True):
            row[0].set_ylabel(label)
            for axes, variant in zip(row, variants, strict=True):
                by_layer(axes, layers, quantity, variant, depths)
        for axes, variant in zip(grid[0], variants, strict=True):
            axes.set_title(f"{variant}, at initialisation", color=COLOURS[variant])
        for axes in grid[-1]:
            axes.set_xlabel("weighted layer")
        handles = [
            Line2D([], [], color=colour, label=str(depth))
            for depth, colour in zip(depths, colours(depths), strict=True)
        ]
        drawn.legend(handles=handles, title="depth", loc="outside right center", fontsize=9)
    return path


def markdown(summary: pd.DataFrame) -> str:
    """The summary as an aligned Markdown table: a row a depth and variant."""
    header = ["depth", "variant", "n", "training loss: median [quartiles]", "test loss: median [quartiles]"]
    header += ["diverged", "stuck"]
    body = [
        [
            str(row["depth"]),
            str(row["variant"]),
            str(row["n"]),
            *(_quartiles(row, metric) for metric in ("train_loss", "test_loss")),
            *(f"{row[f'share_{name}']:.0%}" for name in ("diverged", "stuck")),
        ]
        for _, row in summary.sort_values(["depth", "variant"]).iterrows()
    ]
    widths = [max(len(cells[column]) for cells in [header, *body]) for column in range(len(header))]
    rule = ["-" * width for width in widths]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"
        for cells in [header, rule, *body]
    )


def _quartiles(row: pd.Series, metric: str) -> str:
    median, q1, q3 = (f"{row[f'{metric}_{name}']:.1e}" for name in ("median", "q1", "q3"))
    return f"{median} [{q1}, {q3}]"


def readme(defaults: Config, conditions: list[Condition]) -> str:
    """What was run, how, what is seen."""
    experiment = defaults.experiment
    parts = [
        f"# {experiment.name}: {experiment.title}",
        f"**Statement.** {experiment.statement}",
        f"Made by `python experiments/report.py experiment={experiment.name}` from the tables beside this file.",
    ]
    for condition in conditions:
        if condition.label:
            parts.append(f"## {condition.label}")
        parts += [
            f"**Seen.** {what_happened(condition.summary)}",
            f"![loss against depth]({condition.file('depth')}.png)",
            f"![fitted functions]({condition.file('functions')}.png)",
            f"![signal and gradient by layer]({condition.file('layers')}.png)",
            made_with(condition.networks),
            markdown(condition.summary),
        ]
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
