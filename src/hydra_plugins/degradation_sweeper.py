"""Hydra's basic sweeper, made to check first and to report last; see `degradation.sweeps.sweep`.

Hydra finds plugins in the namespace package `hydra_plugins` alone; hence the folder.
"""

import os
from contextlib import ExitStack
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_store import ConfigStore

from degradation.commands.entry import COMMAND
from degradation.commands.errors import sentences
from degradation.config.secrets import refuse_secrets
from degradation.sweeps.plan import plan
from degradation.sweeps.sweep import lock, run


class DepthSweeper(BasicSweeper):
    """Plans the whole sweep, trains what is missing, then writes tables and figures of its experiments."""

    def sweep(self, arguments: list[str]) -> Any:
        assert self.hydra_context is not None
        assert self.config is not None
        assert self.launcher is not None
        with sentences(), ExitStack() as locks:
            refuse_secrets({"command": os.environ.get(COMMAND, "")})
            planned = plan(self.hydra_context.config_loader, self.config, arguments)
            lock(planned, locks)
            return run(planned, self.launcher)


ConfigStore.instance().store(
    group="hydra/sweeper",
    name="degradation",
    node={"_target_": f"{__name__}.{DepthSweeper.__name__}", "max_batch_size": None, "params": None},
    provider="degradation",
)
