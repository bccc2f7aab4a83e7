"""The atlas: every variant that was trained on digits with one recipe, side by side, whichever experiment it is of."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from degradation.analysis.statistics import summary
from degradation.figures.variants import WORDS, draw_rows, worst_last
from degradation.records.columns import CONDITION, SIZES
from degradation.records.files import write_text
from degradation.reports.document import Chapter, Picture
from degradation.reports.experiment import mean_and_sd
from degradation.reports.markdown import aligned

if TYPE_CHECKING:
    from degradation.reports.overview import Section

FIRST = "digits_depth"  # the experiment whose task and recipe the others of the atlas have
FAMILY = "cifar"  # whose variants go by their names alone
DEPTHS = (20, 56, 110)
FEWEST = 4  # variants, below which there is no atlas
STEM = "atlas"
PICTURE = f"the atlas: {WORDS}"
WHAT = (
    f"Every variant that was trained on digits with the recipe of {FIRST} at {', '.join(map(str, DEPTHS[:-1]))} or "
    f"{DEPTHS[-1]} layers: training error in percent after the last step, mean ± standard deviation over seeds; test "
    "error, parameters and multiply-adds of the deepest. *Matched* variants differ from plain in the shortcut alone. "
    "Others have other parameters, initial tensors or recipes: their means can be compared, and they stay out of "
    "paired statistics."
)
COLUMNS = [
    "variant",
    "family",
    "depth",
    "n",
    "matched",
    *SIZES,
    "train_error_mean",
    "train_error_sd",
    "test_error_mean",
]


def networks_of(sections: Sequence["Section"]) -> pd.DataFrame:
    """Rows of networks.csv at the atlas's depths, each network once; a variant of another family is named with it.

    Empty where the first experiment was not run, or too few variants were.
    """
    of_name = {section.defaults.experiment.name: section for section in sections}
    first = of_name.get(FIRST)
    if first is None:
        return pd.DataFrame()
    shared = (first.defaults.task, first.defaults.recipe)
    tables = [
        section.tables.networks for section in sections if (section.defaults.task, section.defaults.recipe) == shared
    ]
    found = pd.concat([table[table[CONDITION] == ""] for table in tables], ignore_index=True)
    found = found[found["depth"].isin(DEPTHS)]
    found = found.drop_duplicates(["digest", "variant", "depth", "seed"]).reset_index(drop=True)
    beside = " (" + found["family"] + ")"
    found["variant"] += beside.where(found["family"] != FAMILY, "")
    return found if found["variant"].nunique() >= FEWEST else found.iloc[:0]


def write(results: Path, sections: Sequence["Section"]) -> pd.DataFrame:
    """Draw atlas.png and atlas.svg and write atlas.csv, where there is something to draw; its networks."""
    networks = networks_of(sections)
    if len(networks):
        draw_rows(results / STEM, networks, "digits, 150 steps: training error of every variant")
        of_variant = networks.groupby("variant")["family"].first()
        rows = summary(networks)
        rows["family"] = rows["variant"].map(of_variant)
        write_text(results / f"{STEM}.csv", rows[COLUMNS].to_csv(index=False, float_format="%.6g"))
    return networks


def in_markdown(networks: pd.DataFrame) -> list[str]:
    """The section of REPORT.md; nothing where there is no atlas."""
    return ["## Atlas", f"![{PICTURE}]({STEM}.png)", WHAT, table(networks)] if len(networks) else []


def chapters(results: Path, networks: pd.DataFrame) -> list[Chapter]:
    """The chapter of report.html; none where there is no atlas."""
    if networks.empty:
        return []
    pictures = [Picture(results / f"{STEM}.svg", PICTURE)]
    return [Chapter(STEM, "every variant side by side", [WHAT], pictures, [], {"Table": [table(networks)]})]


def table(networks: pd.DataFrame) -> str:
    """Markdown: a row a variant, the best at the greatest depth first."""
    rows = {(row["variant"], row["depth"]): row for _, row in summary(networks).iterrows()}
    body = []
    for variant in worst_last(networks, DEPTHS):
        found = {depth: rows[variant, depth] for depth in DEPTHS if (variant, depth) in rows}
        deepest = found[max(found)]
        seeds = sorted({int(row["n"]) for row in found.values()})
        body.append([
            variant,
            "yes" if deepest["matched"] else "no",
            " or ".join(map(str, seeds)),
            *(mean_and_sd(found[depth], "train_error") if depth in found else "" for depth in DEPTHS),
            mean_and_sd(deepest, "test_error"),
            *(f"{int(deepest[size]):,}" for size in SIZES),
        ])  # fmt: skip
    header = ["variant", "matched", "n", *(f"{depth} layers" for depth in DEPTHS)]
    return aligned([*header, "test error", "parameters", "multiply-adds"], body)
