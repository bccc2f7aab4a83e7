"""From an experiment's tables to its summary, figures and README. Reads tables only; imports no torch."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import yaml
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from degradation.analysis.sentences import what_happened
from degradation.analysis.statistics import ERRORS, LOSSES, summary
from degradation.config import Config, ConfigError, Runtime
from degradation.figures.depth import loss_against_depth, shares_against_depth
from degradation.figures.errors import Published, error_against_depth, error_against_steps
from degradation.figures.functions import depths_to_show, fitted_functions
from degradation.figures.layers import INITIAL_LABELS, RESPONSE_LABEL, by_layer, colours
from degradation.figures.style import COLOURS, figure
from degradation.markdown import aligned
from degradation.records.collect import collect
from degradation.records.files import write_text
from degradation.records.identity import digest, scientific
from degradation.records.rows import CURVES, LAYERS, NETWORKS, PREDICTIONS
from degradation.records.run import make_folder
from degradation.records.tables import DamagedTableError, read

SEEDS_AND_CO = ("depth=", "seeds=", "variants=")  # parts of a slug that do not change the condition


@dataclass
class Condition:
    """The records that share one digest, drawn together: the experiment as its file has it, or a variation of it."""

    label: str  # empty for the experiment as its file has it
    networks: pd.DataFrame
    summary: pd.DataFrame

    @property
    def has_errors(self) -> bool:
        """Whether there are errors in percent beside the losses."""
        return bool(self.networks["chance_error"].notna().any())

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
        figures = {condition.label: draw(results, condition, defaults.experiment.published) for condition in conditions}
    except DamagedTableError as error:
        raise ConfigError(f"{error} Delete it; the table is collected again from {runs}.") from error
    every = pd.concat([condition.summary for condition in conditions], ignore_index=True)
    write_text(results / "summary.csv", every.to_csv(index=False, float_format="%.6g"))
    write_text(results / "README.md", readme(defaults, conditions, figures))
    lines = [f"warning: {sentence} It is left out." for sentence in damaged]
    for condition in conditions:
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


def draw(results: Path, condition: Condition, published: Published | None) -> list[Path]:
    """All figures of one condition; returns the PNG files."""
    stems = ["depth"]
    _draw_depth(results / condition.file("depth"), condition, published)
    own = condition.networks["digest"].iloc[0]
    for stem, (source, columns, drawer) in DRAWERS.items():
        if (results / source).exists() and (stem not in OF_IMAGES or condition.has_errors):
            rows = read(results / source, columns)
            rows = rows[rows["digest"] == own]
            if stem == "responses":  # the head has none, nor have tables of earlier versions
                rows = rows.dropna(subset="response_sd")
            if len(rows):
                drawer(results / condition.file(stem), rows)
                stems.append(stem)
    return [results / f"{condition.file(stem)}.png" for stem in stems]


def _draw_depth(path: Path, condition: Condition, published: Published | None) -> None:
    first = condition.networks.iloc[0]
    with figure(path, 8, 5.6) as drawn:
        top, bottom = drawn.subplots(2, 1, sharex=True, height_ratios=(8, 1))
        if condition.has_errors:
            error_against_depth(top, condition.summary, float(first["chance_error"]), published)
        else:
            loss_against_depth(top, condition.summary, float(first["mean_test_loss"]))
        top.set_title(" ".join([str(first["experiment"]), condition.label]).rstrip())
        shares_against_depth(bottom, condition.summary)


def _draw_steps(path: Path, curves: pd.DataFrame) -> None:
    variants, depths = sorted(set(curves["variant"])), sorted(set(curves["depth"]))
    with figure(path, 4.2 * len(variants) + 0.8, 4.2) as drawn:
        (row,) = drawn.subplots(1, len(variants), sharex=True, sharey=True, squeeze=False)
        for axes, variant in zip(row, variants, strict=True):
            error_against_steps(axes, curves, variant, depths)
            axes.set_title(variant, color=COLOURS[variant])
        row[0].set_ylabel("error (%): training dashed, test solid")
        _depth_legend(drawn, depths)


def _depth_legend(drawn: Figure, depths: list[int]) -> None:
    handles = [
        Line2D([], [], color=colour, label=str(depth)) for depth, colour in zip(depths, colours(depths), strict=True)
    ]
    drawn.legend(handles=handles, title="depth", loc="outside right center", fontsize=9)


def _draw_functions(path: Path, predictions: pd.DataFrame) -> None:
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


def _draw_layers(path: Path, layers: pd.DataFrame) -> None:
    _draw_by_layer(path, layers[layers["moment"] == "init"], INITIAL_LABELS, "at initialisation")


def _draw_responses(path: Path, layers: pd.DataFrame) -> None:
    """He et al. 2015, Fig. 7."""
    _draw_by_layer(path, layers[layers["moment"] == "final"], RESPONSE_LABEL, "after training")


def _draw_by_layer(path: Path, layers: pd.DataFrame, labels: dict[str, str], moment: str) -> None:
    """A row of panels a quantity, a column a variant, one line a depth."""
    variants = sorted(set(layers["variant"]))
    depths = sorted(set(layers["depth"]))
    with figure(path, 4.2 * len(variants) + 0.8, 2.5 * len(labels) + 0.8) as drawn:
        grid = drawn.subplots(len(labels), len(variants), sharex=True, sharey="row", squeeze=False)
        for row, (quantity, label) in zip(grid, labels.items(), strict=True):
            row[0].set_ylabel(label)
            for axes, variant in zip(row, variants, strict=True):
                by_layer(axes, layers, quantity, variant, depths)
        for axes, variant in zip(grid[0], variants, strict=True):
            axes.set_title(f"{variant}, {moment}", color=COLOURS[variant])
        for axes in grid[-1]:
            axes.set_xlabel("weighted layer")
        _depth_legend(drawn, depths)


# figure: table, columns, function
DRAWERS: dict[str, tuple[str, list[str], Callable[[Path, pd.DataFrame], None]]] = {
    "steps": ("curves.csv", CURVES, _draw_steps),
    "functions": ("predictions.csv", PREDICTIONS, _draw_functions),
    "layers": ("layers.csv", LAYERS, _draw_layers),
    "responses": ("layers.csv", LAYERS, _draw_responses),
}
OF_IMAGES = ("steps", "responses")  # figures of classification tasks alone
ALTERNATIVE_TEXTS = {
    "depth": "error or loss against depth",
    "steps": "error against steps",
    "functions": "fitted functions",
    "layers": "signal and gradient by layer",
    "responses": "responses by layer",
}


def summary_table(summary: pd.DataFrame) -> str:
    """The summary as a Markdown table: a row a depth and variant."""
    header = ["depth", "variant", "n"]
    if "train_error_mean" in summary:
        header += ["training error: mean ± sd", "test error: mean ± sd"]
        cells, metrics = mean_and_sd, ERRORS
    else:
        header += ["training loss: median [quartiles]", "test loss: median [quartiles]"]
        cells, metrics = _quartiles, LOSSES
    header += ["diverged", "stuck"]
    body = [
        [
            *(str(row[name]) for name in ("depth", "variant", "n")),
            *(cells(row, metric) for metric in metrics),
            *(f"{row[f'share_{name}']:.0%}" for name in ("diverged", "stuck")),
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


def readme(defaults: Config, conditions: list[Condition], figures: dict[str, list[Path]]) -> str:
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
            *(
                f"![{ALTERNATIVE_TEXTS[path.name.split(',')[0].removesuffix('.png')]}]({path.name})"
                for path in figures[condition.label]
            ),
            made_with(condition.networks),
            summary_table(condition.summary),
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
