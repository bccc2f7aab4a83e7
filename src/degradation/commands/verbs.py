"""The command `degradation VERB ...`: what the entry points in experiments/ do, wherever the package is installed."""

import sys
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version

from degradation.sweeps.exits import WRONG_CONFIGURATION


@dataclass(frozen=True)
class Verb:
    """What one verb does.

    Attributes:
        summary: in a few words.
        job: the function of Hydra's composed configuration, as MODULE.FUNCTION below `degradation.commands`.
        config: the file in conf/ that it takes.
    """

    summary: str
    job: str
    config: str = "config"


VERBS = {
    "train": Verb("one cohort, or with -m a sweep of cohorts", "train.train_job"),
    "demo": Verb("one pair, trained before one's eyes", "demo.demo_job", "demo"),
    "report": Verb("tables, figures and verdicts again, from what was run", "report.report_job"),
    "diagnose": Verb("a diagnostic on finished runs", "diagnose.diagnose_job", "diagnose"),
    "compare": Verb("which records differ from others beyond seed noise", "compare.compare_job", "compare"),
    "publish": Verb("an experiment's records as its reference", "publish.publish_job"),
    "export": Verb("a finished run's networks as state dicts or ONNX", "export.export_job", "export"),
    "wandb_sync": Verb("upload to W&B what was logged offline", "wandb_sync.wandb_sync_job"),
    "bench": Verb("what the engines gain on this machine", "bench.bench_job"),
    "growth": Verb("how time and memory grow", "bench.growth_job"),
}


def usage() -> str:
    """The verbs, a line each."""
    lines = [f"  {name:11} {verb.summary}" for name, verb in VERBS.items()]
    return "\n".join(
        [
            "usage: degradation VERB [KEY=VALUE ...]",
            "",
            *lines,
            "",
            "degradation VERB --help lists the keys, degradation --version says which version this is.",
            "runs/, results/ and data/ are in the folder that it is called in.",
        ]
    )


def run(arguments: list[str]) -> None:
    """Do what the command line says; Hydra reads the rest of it."""
    if arguments in ([], ["--help"], ["-h"]):
        print(usage())
        return
    if arguments == ["--version"]:
        print(f"degradation {version('degradation')}")
        return
    name, *rest = arguments
    if name not in VERBS:
        print(f"error: {name!r} is no verb; allowed: {', '.join(VERBS)}.", file=sys.stderr)
        raise SystemExit(WRONG_CONFIGURATION)
    sys.argv = [f"degradation {name}", *rest]
    start(VERBS[name])


def start(verb: Verb) -> None:
    """Call a verb's job as Hydra does for a script, with the configuration that the package brings along."""
    import hydra

    from degradation.commands.entry import command_line
    from degradation.config.places import CONF

    module, function = verb.job.split(".")
    job = getattr(import_module(f"degradation.commands.{module}"), function)
    command_line(hydra.main(version_base="1.3", config_path=str(CONF), config_name=verb.config)(job))()
