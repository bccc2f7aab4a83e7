"""What every entry point does with its command line before Hydra reads it, and after Hydra refuses it."""

import os
import shlex
import sys
import traceback
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from degradation.commands.errors import fail
from degradation.config.meanings import key_meanings
from degradation.config.places import command
from degradation.instructions import limit_instructions
from degradation.sweeps.exits import WRONG_CONFIGURATION
from degradation.sweeps.overrides import answer

COMMAND = "DEGRADATION_COMMAND"  # environment variable: what was called, for the records of jobs in other processes
FULL_ERROR = "HYDRA_FULL_ERROR"
FOLDERS = ("hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir")
OmegaConf.register_new_resolver("key_meanings", key_meanings, replace=True)  # for hydra.help in conf/config.yaml
OmegaConf.register_new_resolver("called", command, replace=True)  # likewise: how a verb is called here


def command_line(main: Callable[[], Any]) -> Callable[[], None]:
    """Decorates Hydra's main: `+experiment=x` is `experiment=x`; Hydra's folders are refused, since the suite has its
    own; a key that does not exist is answered with the nearest one; the command is kept for the records.
    """

    @wraps(main)
    def called() -> None:
        limit_instructions()
        sys.argv[1:] = [word.removeprefix("+") if word.startswith("+experiment=") else word for word in sys.argv[1:]]
        os.environ[COMMAND] = in_words(sys.argv)
        for word in sys.argv[1:]:
            key = word.lstrip("+").split("=")[0]
            if key in FOLDERS:
                sentence = f"{key} is not used: a run's folder is named by what it holds"
                fail(f"{sentence}; set runtime.runs_dir and runtime.results_dir.", WRONG_CONFIGURATION)
        asked = os.environ.get(FULL_ERROR)
        os.environ[FULL_ERROR] = "1"  # Hydra raises what it would print
        try:
            main()
        except HydraException as error:
            if asked == "1":
                raise
            fail(_sentence(error, sys.argv[1:]), WRONG_CONFIGURATION)
        except RuntimeError as error:
            if asked == "1" or not str(error).startswith("Invalid plugin"):  # Hydra's, of a class outside its plugins
                raise
            fail(str(error), WRONG_CONFIGURATION)
        finally:
            del os.environ[FULL_ERROR]
            if asked is not None:
                os.environ[FULL_ERROR] = asked

    return called


def _sentence(error: HydraException, words: Sequence[str]) -> str:
    """Hydra's own and its cause; of a key that does not exist the nearest one that does."""
    said = str(error)
    cause = str(error.__cause__).splitlines()[0] if isinstance(error.__cause__, OmegaConfBaseException) else ""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        loader = frame.f_locals.get("self")
        if isinstance(loader, ConfigLoader):
            said = answer(said, loader, frame.f_locals.get("config_name"), words)
            break
    return "\n".join(part.strip() for part in (said, cause) if part.strip())


def in_words(arguments: Sequence[str]) -> str:
    """A command as it can be called again from the checkout, without the folder that it lies in."""
    script = Path(arguments[0])
    called = ["python", "/".join(script.parts[-2:])] if script.suffix == ".py" else script.name.split()
    return shlex.join([*called, *arguments[1:]])
