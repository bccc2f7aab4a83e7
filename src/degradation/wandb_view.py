"""Starting W&B runs. W&B is a view: no result depends on it, and nothing here prompts or waits without a bound."""

import netrc
import os
import shutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

from degradation.config import Config, ConfigError, WandbLogger

if TYPE_CHECKING:  # imported where it is used: matplotlib and pandas cost two seconds
    from degradation.report import Report


def start(logger: WandbLogger, **arguments: Any) -> Any:
    """`wandb.init` without prompt or console noise, bounded in time; several runs may follow in one process.

    If an online run cannot be started, a warning says why and the run is logged offline.
    """
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # its only outside call when offline
    import wandb

    settings = wandb.Settings(
        init_timeout=logger.init_timeout_seconds, silent=True, console="off", disable_code=True, disable_git=True
    )
    arguments |= {"project": logger.project, "entity": logger.entity, "reinit": "create_new", "settings": settings}
    if logger.mode == "online":
        try:
            return wandb.init(mode="online", **arguments)
        except (wandb.Error, OSError) as error:
            warnings.warn(f"W&B could not be reached ({error}); logging offline instead.", stacklevel=2)
    return wandb.init(mode="offline", **arguments)


def check_key(config: Config) -> None:
    """Refuse online logging without a key, which would fail in every job.

    Raises:
        ConfigError: there is no key for W&B's host in WANDB_API_KEY or ~/.netrc.
    """
    online = isinstance(config.logger, WandbLogger) and config.logger.mode == "online"
    if online and not os.environ.get("WANDB_API_KEY") and not _netrc_holds_key():
        raise ConfigError(
            "logger=wandb_online needs a W&B key and none was found; run `wandb login`, set WANDB_API_KEY, "
            "or use logger=wandb_offline."
        )


def _netrc_holds_key() -> bool:
    host = urlparse(os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")).hostname or ""
    try:
        return netrc.netrc(os.environ.get("NETRC")).authenticators(host) is not None
    except (OSError, netrc.NetrcParseError):
        return False


def log_report(logger: WandbLogger, experiment: str, folder: Path, report: "Report") -> None:
    """One W&B run for each condition of an experiment: median losses by variant against depth, networks, figures.

    Args:
        folder: where offline files go, replacing those of the last report.
    """
    if logger.mode == "offline":
        shutil.rmtree(folder / "wandb", ignore_errors=True)
    for condition in report.conditions:
        run = start(
            logger,
            dir=str(folder),
            name=f"{experiment} {condition.label or 'by depth'}",
            group=experiment,
            job_type="report",
            config={"experiment": experiment, "condition": condition.label},
        )
        import wandb

        run.define_metric("depth")
        run.define_metric("*", step_metric="depth")
        for depth, rows in condition.summary.groupby("depth", sort=True):
            values: dict[str, Any] = {"depth": depth}
            for _, row in rows.iterrows():
                for name in ("train_loss_median", "test_loss_median", "train_error_mean", "test_error_mean"):
                    if name in row:
                        values[f"{row['variant']}/{name.rsplit('_', 1)[0]}"] = row[name]
            run.log(values)
        networks = condition.networks.astype({"diverged_step": "float"})
        run.log({"networks": wandb.Table(dataframe=networks)})
        run.log({path.stem: wandb.Image(str(path)) for path in report.figures[condition.label]})
        run.finish(exit_code=0)
