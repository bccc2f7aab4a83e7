"""Starting W&B runs. W&B is a view: no result depends on it, and nothing here prompts or waits forever."""

import contextlib
import netrc
import os
import warnings
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlparse

from degradation.checks import ConfigError
from degradation.config import Config, WandbLogger

FINISHED, FAILED, KILLED = 0, 1, 255  # exit codes of W&B runs; 255 is what W&B itself gives to Ctrl-C


@contextlib.contextmanager
def never_failing(what: str) -> Iterator[None]:
    """Turn whatever W&B raises into a warning that begins with `what`. Ctrl-C and exits pass."""
    try:
        yield
    except Exception as error:
        sentence = f"{what} ({type(error).__name__}: {error}). Training and its files are not affected."
        warnings.warn(sentence, stacklevel=3)


def start(logger: WandbLogger, **arguments: Any) -> Any:
    """`wandb.init` without prompt or console noise, bounded in time; several runs may be open in one process.

    If an online run cannot be started, a warning says why and the run is logged offline, under an id of its own: W&B's
    process keeps the other one for the run that failed.
    """
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # its only outside call when offline
    import wandb

    settings = wandb.Settings(
        init_timeout=logger.init_timeout_seconds,
        finish_timeout=logger.finish_timeout_seconds,
        finish_timeout_raises=True,
        silent=True,
        console="off",
        disable_code=True,
        disable_git=True,
    )
    if in_wandb_sweep():  # the agent has chosen the run's id, and ignores or overwrites another
        arguments = {name: value for name, value in arguments.items() if name not in ("id", "resume")}
    arguments |= {"project": logger.project, "entity": logger.entity, "reinit": "create_new", "settings": settings}
    if logger.mode == "online":
        try:
            return wandb.init(mode="online", **arguments)
        except (wandb.Error, OSError) as error:
            warnings.warn(f"W&B could not be reached ({error}); logging offline instead.", stacklevel=2)
            arguments |= {"resume": None}
            if arguments.get("id"):
                arguments["id"] += "-offline"
    return wandb.init(mode="offline", **arguments)


def in_wandb_sweep() -> bool:
    """Whether an agent of a W&B sweep (`wandb agent`) started this process, for one run."""
    return "WANDB_SWEEP_ID" in os.environ


def check_key(config: Config) -> None:
    """Refuse online logging without a key, which would fail in every job.

    Raises:
        ConfigError: there is no key for W&B's host in WANDB_API_KEY or ~/.netrc.
    """
    online = isinstance(config.logger, WandbLogger) and config.logger.mode == "online"
    if online and not has_key():
        raise ConfigError(
            "logger=wandb_online needs a W&B key and none was found; run `wandb login`, set WANDB_API_KEY, "
            "or use logger=wandb_offline."
        )


def server() -> str:
    """The address of W&B's server."""
    return os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")


def has_key() -> bool:
    """Whether WANDB_API_KEY or ~/.netrc holds a key for W&B's server."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    try:
        return netrc.netrc(os.environ.get("NETRC")).authenticators(urlparse(server()).hostname or "") is not None
    except (OSError, netrc.NetrcParseError):
        return False
