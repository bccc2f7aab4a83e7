"""From results/ to results/reference/: an experiment's own records, without the variations tried beside it."""

from pathlib import Path

from degradation.checks import ConfigError
from degradation.config import Config, Runtime
from degradation.records.columns import KEY, NETWORKS
from degradation.records.files import write_text
from degradation.records.identity import own_conditions
from degradation.records.tables import DamagedTableError, read
from degradation.reports.condition import is_own

REFERENCE = "reference"  # below the results folder
SUMMARY = "summary.csv"  # drawn from the other tables


def publish(defaults: Config, runtime: Runtime) -> Path:
    """Write the tables of the reference anew; figures and README are drawn from them by a report on that folder.

    Returns:
        The reference's folder of this experiment.

    Raises:
        ConfigError: there are no records of the experiment as its file has it, or a table is damaged.
    """
    name = defaults.experiment.name
    source = Path(runtime.results_dir) / name
    target = Path(runtime.results_dir) / REFERENCE / name
    nothing = f"{source} holds no records of {name} as its file has it; nothing was published."
    if not (source / "networks.csv").exists():
        raise ConfigError(nothing)
    tables = {}
    for path in sorted(source.glob("*.csv")):
        if path.name == SUMMARY:
            continue
        try:
            rows = read(path, NETWORKS if path.name == "networks.csv" else KEY)
        except DamagedTableError as error:
            raise ConfigError(str(error)) from error
        tables[path.name] = rows
    networks = tables["networks.csv"]
    chosen = is_own(networks, own_conditions(defaults)) & networks["variant"].isin(defaults.variants)
    own = set(networks.loc[chosen, "digest"])  # of the sweep's conditions and variants, and none that was tried beside
    if not own:
        raise ConfigError(nothing)
    tables = {file: rows[rows["digest"].isin(own)] for file, rows in tables.items()}
    target.mkdir(parents=True, exist_ok=True)
    for file, rows in tables.items():
        write_text(target / file, rows.to_csv(index=False, float_format="%.9g"))
    for old in target.glob("*.*"):
        if old.name not in tables:
            old.unlink()
    return target
