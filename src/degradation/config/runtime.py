"""How and where, and what is logged: nothing here changes a result or an identity."""

from dataclasses import dataclass

from degradation.checks import at_least, one_of, positive, require

ENGINES = ("auto", "stacked", "sequential", "graph")
MEMORY_FORMATS = ("auto", "contiguous", "channels_last")
RUN_PER = ("cohort", "network")  # what is a run in W&B


@dataclass
class Runtime:
    device: str
    threads: int
    engine: str
    memory_format: str
    compile_blocks: bool | str
    checkpoint_every_steps: int
    segment_steps: int
    max_minutes: float | None
    restart: bool
    allow_slow: bool
    download: bool
    data_dir: str
    runs_dir: str
    results_dir: str
    loader_workers: int = 0  # as it was before there was such a key, for the runs of that time
    small_convolutions: bool | str = False  # likewise

    def __post_init__(self) -> None:
        require(
            self.device != "mps",
            "runtime.device is 'mps'; losses are summed in float64, which Apple's GPUs do not have: use cpu.",
        )
        one_of("runtime.device", self.device, ("cpu", "cuda"))
        one_of("runtime.engine", self.engine, ENGINES)
        one_of("runtime.memory_format", self.memory_format, MEMORY_FORMATS)
        for key in ("compile_blocks", "small_convolutions"):
            value = getattr(self, key)
            allowed = isinstance(value, bool) or value == "auto"
            require(allowed, f"runtime.{key} is {value!r}; allowed: auto, true, false.")
        at_least("runtime.threads", self.threads, 1)
        at_least("runtime.checkpoint_every_steps", self.checkpoint_every_steps, 1)
        at_least("runtime.segment_steps", self.segment_steps, 1)
        at_least("runtime.loader_workers", self.loader_workers, 0)
        if self.max_minutes is not None:
            positive("runtime.max_minutes", self.max_minutes)


@dataclass
class NoLogger:
    name: str


@dataclass
class WandbLogger:
    name: str
    mode: str
    project: str
    entity: str | None
    run_per: str
    init_timeout_seconds: int
    finish_timeout_seconds: int

    def __post_init__(self) -> None:
        one_of("logger.mode", self.mode, ("offline", "online"))
        one_of("logger.run_per", self.run_per, RUN_PER)
        at_least("logger.init_timeout_seconds", self.init_timeout_seconds, 1)
        at_least("logger.finish_timeout_seconds", self.finish_timeout_seconds, 1)


LOGGERS: dict[str, type] = {"none": NoLogger, "wandb": WandbLogger}
