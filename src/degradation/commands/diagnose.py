"""`experiments/diagnose.py`: a diagnostic on finished runs, then tables and figures again."""

from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict

from degradation.checks import ConfigError
from degradation.commands.chosen import chosen_experiment
from degradation.commands.errors import sentences
from degradation.sweeps.preflight import check_cuda


def diagnose_job(composed: DictConfig) -> None:
    """Make the diagnostic named by `diagnostic` on every finished run of an experiment; nothing is trained."""
    with sentences():
        name = composed.get("diagnostic")
        with open_dict(composed):
            composed.pop("diagnostic", None)
        config, defaults = chosen_experiment(composed, "a diagnostic measures")
        if name is None:
            raise ConfigError("no diagnostic is chosen; set diagnostic=NAME, a module of degradation.diagnostics.")
        if config.runtime.device == "cuda":
            check_cuda([config])
        runtime: Any = OmegaConf.to_container(composed.runtime, resolve=True)
        from degradation.diagnostics.finished import diagnose
        from degradation.reports.experiment import report
        from degradation.training.fit import keep_freed_memory, set_threads_and_tf32

        keep_freed_memory()
        set_threads_and_tf32(config)  # as jobs have it: small tensors on several threads mostly wait
        folders, left_out = diagnose(defaults.experiment.name, str(name), runtime)
        print(f"{name}: {len(folders)} runs")
        for sentence in left_out:
            print(f"warning: {sentence} It is left out.")
        print(report(defaults, config.runtime).text)
