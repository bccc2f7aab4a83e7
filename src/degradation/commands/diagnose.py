"""`experiments/diagnose.py`: a diagnostic on finished runs, then tables and figures again."""

from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict

from degradation.checks import ConfigError, unique_integers
from degradation.commands.chosen import chosen_experiment
from degradation.commands.errors import sentences
from degradation.config.parsing import a_list
from degradation.sweeps.preflight import check_cuda


def diagnose_job(composed: DictConfig) -> None:
    """Make the diagnostic named by `diagnostic` on an experiment's finished runs, of `depths` if given; no training."""
    with sentences():
        values: Any = OmegaConf.to_container(composed, resolve=True)
        name, depths = values.get("diagnostic"), values.get("depths")
        with open_dict(composed):
            composed.pop("diagnostic", None)
            composed.pop("depths", None)
        config, defaults = chosen_experiment(composed, "a diagnostic measures", "Choose runs with depths=[...].")
        if name is None:
            raise ConfigError("no diagnostic is chosen; set diagnostic=NAME, a module of degradation.diagnostics.")
        if depths is not None:
            unique_integers("depths", a_list("depths", depths))
        if config.runtime.device == "cuda":
            check_cuda([config])
        from degradation.diagnostics.finished import diagnose
        from degradation.reports.experiment import report
        from degradation.training.fit import keep_freed_memory, set_threads_and_tf32

        keep_freed_memory()
        set_threads_and_tf32(config)  # as jobs have it: small tensors on several threads mostly wait
        folders, left_out = diagnose(defaults.experiment.name, str(name), values["runtime"], depths)
        print(f"{name}: {len(folders)} runs")
        for sentence in left_out:
            print(f"warning: {sentence} It is left out.")
        print(report(defaults, config.runtime).text)
