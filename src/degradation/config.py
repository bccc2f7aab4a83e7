"""The configuration: what may be set, its types, and every check that needs no training.

Hydra composes `conf/`; `parse` turns the result into the dataclasses below or raises `ConfigError` with one sentence
that names the key, says what is wrong and what is allowed. Defaults live in `conf/` alone. Imports no torch.
"""

import difflib
import math
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from degradation.compiler import missing_for_compilation
from degradation.secret_values import secret_in

VARIANTS = ("plain", "residual")
SCHEDULES = ("constant", "linear", "steps", "cosine")
MEMORY_FORMATS = ("auto", "contiguous", "channels_last")
PROJECTING = ("B", "C")  # shortcuts with 1x1 convolutions
COMPILED_FROM = 5000  # steps: below, compilation takes longer than it saves
ONEDNN_BLOCK = 16  # channels, with AVX-512; 8 with AVX2
OVERRUN = (
    f"needs network.width of at least {ONEDNN_BLOCK} on the CPU: oneDNN's backward pass of narrower 1x1 convolutions "
    "with stride 2 writes beyond its memory (oneDNN issue 6035)."
)
ENGINES = ("auto", "stacked", "sequential", "graph")
RUN_PER = ("cohort", "network")


class ConfigError(ValueError):
    """Wrong configuration; the message is a sentence for the user."""


def require(condition: bool, message: str) -> None:
    """Raise `ConfigError(message)` unless `condition` holds."""
    if not condition:
        raise ConfigError(message)


def one_of(key: str, value: Any, allowed: tuple[str, ...]) -> None:
    require(value in allowed, f"{key} is {value!r}; allowed: {', '.join(allowed)}.")


def at_least(key: str, value: float, least: float) -> None:
    require(value >= least, f"{key} is {value}; it must be at least {least}.")


def positive(key: str, value: float) -> None:
    require(0 < value < float("inf"), f"{key} is {value}; it must be a positive number.")


EXPECTED: dict[Any, str] = {  # types of fields in words
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    bool | str: "true, false or auto",
    str: "a text",
    list[int]: "a list of whole numbers",
    float | None: "a number or null",
    str | None: "a text or null",
}


@dataclass
class Experiment:
    name: str
    title: str
    statement: str
    run_per: str  # the default of logger.run_per
    published: Any = None  # test errors in percent by variant and depth, drawn beside ours
    reproductions: Any = None  # lowest and highest test error that others got with this recipe, by variant and depth
    deviations: Any = None  # sentences: where this is not what the source did

    def __post_init__(self) -> None:
        plain_name = self.name.replace("_", "").replace("-", "").isalnum()
        require(plain_name, f"experiment.name is {self.name!r}; use letters, digits, '_' and '-'.")
        sentences = isinstance(self.deviations, list | None)
        require(sentences, f"experiment.deviations is {self.deviations!r}; a list of sentences is expected.")
        one_of("experiment.run_per", self.run_per, RUN_PER)


@dataclass
class SineTask:
    name: str
    low: float
    high: float
    train_points: int
    test_points: int
    noise: float
    data_seed: int

    def __post_init__(self) -> None:
        for key in ("low", "high", "noise"):
            require(
                math.isfinite(getattr(self, key)), f"task.{key} is {getattr(self, key)}; a finite number is expected."
            )
        require(self.low < self.high, f"task.low is {self.low} and task.high is {self.high}; low must be below high.")
        at_least("task.train_points", self.train_points, 1)
        at_least("task.test_points", self.test_points, 2)
        at_least("task.noise", self.noise, 0)

    @property
    def train_size(self) -> int:
        return self.train_points

    @property
    def pixels(self) -> int:
        return 1

    @property
    def images(self) -> bool:
        return False


@dataclass
class DigitsTask:
    name: str

    @property
    def train_size(self) -> int:
        return 1297

    @property
    def pixels(self) -> int:
        return 64

    @property
    def images(self) -> bool:
        return True


@dataclass
class Cifar10Task:
    name: str
    split: str
    normalise: str
    augment: bool
    resolution: int

    def __post_init__(self) -> None:
        one_of("task.split", self.split, ("50k", "45k_5k"))
        require(
            self.resolution in (8, 16, 32), f"task.resolution is {self.resolution}; allowed: 32 (as published), 16, 8."
        )
        one_of("task.normalise", self.normalise, ("per_pixel", "per_channel"))

    @property
    def train_size(self) -> int:
        return 50_000 if self.split == "50k" else 45_000

    @property
    def pixels(self) -> int:
        return self.resolution**2

    @property
    def images(self) -> bool:
        return True


@dataclass
class MLPNetwork:
    family: str
    width: int
    span: int
    init: str
    norm: str

    def __post_init__(self) -> None:
        at_least("network.width", self.width, 1)
        at_least("network.span", self.span, 1)
        one_of("network.init", self.init, ("default", "he", "he_zero_last"))
        one_of("network.norm", self.norm, ("none", "batch", "layer"))

    def check_depth(self, depth: int) -> None:
        """Refuse a depth that a stem layer and blocks of `span` layers do not tile."""
        below = 1 + (depth - 1) // self.span * self.span
        if depth < 1:
            raise ConfigError(f"depth is {depth}; the smallest network has depth 1.")
        require(
            depth == below,
            f"depth is {depth}; one stem layer and blocks of network.span={self.span} layers make depths "
            f"1 + {self.span}m: the nearest are {below} and {below + self.span}.",
        )

    def check_task(self, task: "TaskConfig") -> None:
        require(not task.images, f"network.family=mlp takes numbers and task.name={task.name} has images; use cifar.")

    def default_engine(self, device: str, recipe: "Recipe") -> str:
        """What runtime.engine=auto stands for."""
        return "sequential" if recipe.precision == "bf16" else "stacked"

    def default_memory_format(self, device: str, recipe: "Recipe") -> str:
        """What runtime.memory_format=auto stands for."""
        return "contiguous"

    def default_compile_blocks(self, device: str, recipe: "Recipe") -> bool:
        """What runtime.compile_blocks=auto stands for."""
        return False

    def check_engine(self, engine: str) -> None:
        """Networks of this family can be stacked."""

    def layer_sizes(self, depth: int, pixels: int) -> list[int]:
        """Numbers that each hidden layer puts out for one example."""
        return [self.width] * depth

    def weights(self, depth: int) -> float:
        """About the number of parameters: the weights of the layers from hidden to hidden."""
        return depth * self.width**2

    def layer_multiply_adds(self, pixels: int) -> int:
        """Multiply-adds of a hidden layer for one example."""
        return self.width**2

    def shortcut_of(self, variant: str) -> str:
        return "identity" if variant == "residual" else "none"

    def check_variants(self, variants: list[str]) -> None:
        require(
            self.init != "he_zero_last" or variants == ["residual"],
            "network.init=he_zero_last is for residual networks alone (a plain network started so has no gradient); "
            "set variants=[residual].",
        )

    def paired(self, depth: int) -> bool:
        """Whether plain and residual differ in the shortcut alone; at depth 1 they are the same network."""
        return depth > 1 and self.init != "he_zero_last"


@dataclass
class CifarNetwork:
    family: str
    width: int
    shortcut: str

    init = "he"
    norm = "batch"

    def __post_init__(self) -> None:
        at_least("network.width", self.width, 1)
        one_of("network.shortcut", self.shortcut, ("A", "B", "C"))

    def check_depth(self, depth: int) -> None:
        """Refuse a depth that is not 6n + 2."""
        below = max(8, (depth - 2) // 6 * 6 + 2)
        nearest = f"the nearest are {below} and {below + 6}" if depth > 8 else "the smallest is 8"
        require(depth == below, f"depth is {depth}; networks of the cifar family have 6n + 2 layers: {nearest}.")

    def check_task(self, task: "TaskConfig") -> None:
        require(task.images, f"network.family=cifar takes images and task.name={task.name} has none; use mlp.")

    def layer_multiply_adds(self, pixels: int) -> int:
        """Multiply-adds of a 3x3 layer for one image: the same in every stage."""
        return 9 * self.width**2 * pixels

    def default_engine(self, device: str, recipe: "Recipe") -> str:
        """What runtime.engine=auto stands for."""
        return "graph" if device == "cuda" and recipe.warmup_until_error is None else "sequential"

    def default_memory_format(self, device: str, recipe: "Recipe") -> str:
        """What runtime.memory_format=auto stands for: what is faster where it is safe.

        On the CPU see `overruns`. On CUDA float32 with channels last takes cuDNN's persistent batch normalisation,
        which may stall beside other kernels; with bf16 cuDNN's is not taken.
        """
        safe = recipe.precision == "bf16" if device == "cuda" else not self.overruns
        return "channels_last" if safe else "contiguous"

    def default_compile_blocks(self, device: str, recipe: "Recipe") -> bool:
        """What runtime.compile_blocks=auto stands for: long trainings on CUDA, where there is a compiler."""
        worth_it = device == "cuda" and recipe.precision != "fp64" and recipe.max_steps >= COMPILED_FROM
        return worth_it and missing_for_compilation(device) is None

    @property
    def overruns(self) -> bool:
        """Whether oneDNN writes beyond its memory with channels last on the CPU (oneDNN issue 6035)."""
        return self.width < ONEDNN_BLOCK and self.shortcut in PROJECTING

    def check_engine(self, engine: str) -> None:
        require(
            engine != "stacked",
            "runtime.engine is 'stacked'; networks of the cifar family are not stacked, use auto, sequential or graph.",
        )

    def layer_sizes(self, depth: int, pixels: int) -> list[int]:
        """Numbers that each 3x3 layer puts out for one image: half as many from stage to stage."""
        stages = [self.width * pixels // 2**stage for stage in range(3)]
        return [stages[0], *(size for size in stages for _ in range((depth - 2) // 3))]

    def weights(self, depth: int) -> float:
        """About the number of parameters: the weights of the 3x3 layers within the stages."""
        layers = (depth - 2) // 3  # a stage; the first one of a later stage has half as many inputs
        return sum(9 * (self.width * 2**stage) ** 2 * (layers - (0.5 if stage else 0)) for stage in range(3))

    def check_variants(self, variants: list[str]) -> None:
        """Any variants."""

    def paired(self, depth: int) -> bool:
        """Whether plain and residual differ in the shortcut alone: option A has no parameters, B and C have."""
        return self.shortcut == "A"

    def shortcut_of(self, variant: str) -> str:
        return self.shortcut if variant == "residual" else "none"


@dataclass
class Recipe:
    optimizer: str
    lr: float
    momentum: float
    weight_decay: float
    batch_size: int
    max_steps: int
    schedule: str
    milestones: list[int]
    gamma: float
    warmup_steps: int
    warmup: str
    warmup_factor: float
    warmup_min_depth: int
    warmup_until_error: float | None
    warmup_window_steps: int
    evaluations: Any
    precision: str

    def __post_init__(self) -> None:
        one_of("recipe.optimizer", self.optimizer, ("adam", "sgd"))
        one_of("recipe.schedule", self.schedule, SCHEDULES)
        one_of("recipe.precision", self.precision, ("fp32", "tf32", "bf16", "fp64"))
        positive("recipe.lr", self.lr)
        positive("recipe.gamma", self.gamma)
        require(0 <= self.momentum < 1, f"recipe.momentum is {self.momentum}; it must be at least 0 and below 1.")
        require(
            self.optimizer == "sgd" or self.momentum == 0,
            f"recipe.momentum is {self.momentum} with recipe.optimizer=adam, which does not use it; set it to 0.",
        )
        at_least("recipe.weight_decay", self.weight_decay, 0)
        at_least("recipe.batch_size", self.batch_size, 1)
        at_least("recipe.max_steps", self.max_steps, 1)
        require(
            0 <= self.warmup_steps < self.max_steps,
            f"recipe.warmup_steps is {self.warmup_steps}; it must be at least 0 and below "
            f"recipe.max_steps={self.max_steps}.",
        )
        self._check_warmup()
        self._check_milestones()
        self._check_evaluations()

    def _check_warmup(self) -> None:
        one_of("recipe.warmup", self.warmup, ("linear", "constant"))
        positive("recipe.warmup_factor", self.warmup_factor)
        at_least("recipe.warmup_window_steps", self.warmup_window_steps, 1)
        if self.warmup_until_error is not None:
            require(
                self.warmup == "constant" and self.warmup_steps > 0,
                "recipe.warmup_until_error needs recipe.warmup=constant and recipe.warmup_steps, the most it may take.",
            )
            require(
                0 < self.warmup_until_error < 100,
                f"recipe.warmup_until_error is {self.warmup_until_error}; it is a percentage between 0 and 100.",
            )

    def _check_milestones(self) -> None:
        steps = self.milestones
        require(
            self.schedule == "steps" or not steps,
            f"recipe.milestones is {steps} with recipe.schedule={self.schedule}, which does not use them; "
            "set recipe.schedule=steps or recipe.milestones=[].",
        )
        require(
            self.schedule != "steps" or bool(steps), "recipe.schedule=steps needs recipe.milestones, a list of steps."
        )
        require(
            steps == sorted(set(steps)) and all(0 < step < self.max_steps for step in steps),
            f"recipe.milestones is {steps}; the steps must rise and lie between 0 and "
            f"recipe.max_steps={self.max_steps}.",
        )

    def _check_evaluations(self) -> None:
        steps = self.evaluations
        if isinstance(steps, int) and not isinstance(steps, bool):
            at_least("recipe.evaluations", steps, 1)
            return
        integers = isinstance(steps, list) and all(isinstance(step, int) for step in steps)
        require(integers, f"recipe.evaluations is {steps!r}; it must be a number of evaluations or a list of steps.")
        require(
            all(0 <= step <= self.max_steps for step in steps),
            f"recipe.evaluations is {steps}; the steps must lie between 0 and recipe.max_steps={self.max_steps}.",
        )

    @property
    def evaluation_steps(self) -> list[int]:
        """Steps at which the networks are evaluated, rising: 0, the configured ones, milestones, the last."""
        if isinstance(self.evaluations, int):
            chosen = [round(self.max_steps * k / self.evaluations) for k in range(self.evaluations)]
        else:
            chosen = self.evaluations
        return sorted({0, *chosen, *self.milestones, self.max_steps})


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

    def __post_init__(self) -> None:
        one_of("runtime.device", self.device, ("cpu", "cuda"))
        one_of("runtime.engine", self.engine, ENGINES)
        one_of("runtime.memory_format", self.memory_format, MEMORY_FORMATS)
        allowed = isinstance(self.compile_blocks, bool) or self.compile_blocks == "auto"
        require(allowed, f"runtime.compile_blocks is {self.compile_blocks!r}; allowed: auto, true, false.")
        at_least("runtime.threads", self.threads, 1)
        at_least("runtime.checkpoint_every_steps", self.checkpoint_every_steps, 1)
        at_least("runtime.segment_steps", self.segment_steps, 1)
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


TaskConfig = SineTask | DigitsTask | Cifar10Task
NetworkConfig = MLPNetwork | CifarNetwork
TASKS = {"sine": SineTask, "digits": DigitsTask, "cifar10": Cifar10Task}
FAMILIES = {"mlp": MLPNetwork, "cifar": CifarNetwork}
LOGGERS = {"none": NoLogger, "wandb": WandbLogger}


@dataclass
class Config:
    """One cohort: `depths` x `variants` x `seeds` networks of one task, family and recipe."""

    experiment: Experiment
    depths: list[int]
    variants: list[str]
    seeds: list[int]
    task: TaskConfig
    network: NetworkConfig
    recipe: Recipe
    runtime: Runtime
    logger: NoLogger | WandbLogger
    composed: dict[str, Any] = field(repr=False)  # the plain configuration this was parsed from, for config.yaml

    def __post_init__(self) -> None:
        unique_integers("depth", self.depths)
        unique_integers("seeds", self.seeds)
        for seed in self.seeds:
            at_least("seeds", seed, 0)
        require(bool(self.variants), f"variants is empty; choose from {', '.join(VARIANTS)}.")
        for variant in self.variants:
            one_of("variants", variant, VARIANTS)
        require(len(set(self.variants)) == len(self.variants), f"variants is {self.variants}; one is named twice.")
        for depth in self.depths:
            self.network.check_depth(depth)
        self.network.check_variants(self.variants)
        self.network.check_task(self.task)
        if self.runtime.engine == "auto":
            engine = self.network.default_engine(self.runtime.device, self.recipe)
            self.runtime = replace(self.runtime, engine=engine)
        if self.runtime.memory_format == "auto":
            memory_format = self.network.default_memory_format(self.runtime.device, self.recipe)
            self.runtime = replace(self.runtime, memory_format=memory_format)
        if self.runtime.compile_blocks == "auto":
            compile_blocks = self.network.default_compile_blocks(self.runtime.device, self.recipe)
            self.runtime = replace(self.runtime, compile_blocks=compile_blocks)
        self.network.check_engine(self.runtime.engine)
        self._check_graph()
        self._check_precision()
        self._check_memory_format()
        require(
            not self.runtime.compile_blocks or self.network.family == "cifar",
            f"runtime.compile_blocks is for network.family=cifar and it is {self.network.family}.",
        )
        require(
            not self.runtime.compile_blocks or self.runtime.device != "cpu" or not self._overruns,
            f"runtime.compile_blocks, which puts channels last, with projection shortcuts {OVERRUN}",
        )
        require(
            self.network.norm != "batch" or self.recipe.batch_size > 1,
            "recipe.batch_size is 1 and the network has batch normalisation, which needs at least 2 examples.",
        )
        require(
            self.recipe.warmup_until_error is None or (self.task.images and self.networks == 1),
            "recipe.warmup_until_error is for a single network of a classification task; set one of each.",
        )
        require(
            self.recipe.batch_size <= self.task.train_size,
            f"recipe.batch_size is {self.recipe.batch_size}; the {self.task.name} task has only "
            f"{self.task.train_size} training examples.",
        )

    def _check_graph(self) -> None:
        if self.runtime.engine != "graph":
            return
        require(
            self.runtime.device == "cuda",
            "runtime.engine=graph needs CUDA and runtime.device is cpu; use runtime=gpu or runtime.engine=auto.",
        )
        require(
            self.recipe.warmup_until_error is None,
            "recipe.warmup_until_error decides on the host between two steps, which a captured step cannot; "
            "use runtime.engine=sequential.",
        )

    def _check_memory_format(self) -> None:
        if self.runtime.memory_format == "contiguous":
            return
        require(
            self.task.images,
            f"runtime.memory_format=channels_last is for images and task.name={self.task.name} has none.",
        )
        require(
            self.runtime.device != "cpu" or not self._overruns,
            f"runtime.memory_format=channels_last with projection shortcuts {OVERRUN}",
        )

    @property
    def _overruns(self) -> bool:
        return isinstance(self.network, CifarNetwork) and self.network.overruns

    def _check_precision(self) -> None:
        on_cpu = self.runtime.device == "cpu"
        require(
            self.recipe.precision != "tf32" or not on_cpu,
            "recipe.precision=tf32 needs a GPU; on the CPU use fp32.",
        )
        require(
            self.recipe.precision != "bf16" or self.runtime.engine != "stacked",
            "recipe.precision=bf16 needs runtime.engine=sequential or graph.",
        )

    @property
    def networks(self) -> int:
        """How many networks the cohort has."""
        return len(self.depths) * len(self.variants) * len(self.seeds)

    @property
    def cost(self) -> int:
        """About the multiply-adds of the whole training, for ordering a sweep's jobs and estimating times."""
        examples = self.recipe.max_steps * self.recipe.batch_size * len(self.variants) * len(self.seeds)
        per_layer = self.network.layer_multiply_adds(self.task.pixels)
        return 3 * examples * per_layer * sum(depth + 1 for depth in self.depths)  # backward costs twice forward


def unique_integers(key: str, values: list[int]) -> None:
    integers = all(isinstance(value, int) and not isinstance(value, bool) for value in values)
    require(integers, f"{key} is {values}; whole numbers are expected.")
    require(bool(values), f"{key} is empty; at least one is needed.")
    repeated = sorted({value for value in values if values.count(value) > 1})
    require(not repeated, f"{key} holds {', '.join(map(str, repeated))} more than once; each may stand once.")


def parse(composed: DictConfig) -> Config:
    """The checked configuration of one cohort.

    Args:
        composed: what Hydra composed, without the `hydra` node.

    Raises:
        ConfigError: a key is unknown, missing or of the wrong type, or values do not fit together.
    """
    try:
        values = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise ConfigError(str(error).splitlines()[0]) from error
    assert isinstance(values, dict)
    secret = secret_in(values)
    if secret:
        raise ConfigError("{} holds the value of the environment variable {}; records would show it.".format(*secret))
    known = [f.name for f in fields(Config) if f.name not in ("composed", "depths")]
    _check_keys(values, ["depth", *known], prefix="")
    depth = values["depth"]
    return Config(
        experiment=_group(Experiment, values["experiment"], "experiment"),
        depths=depth if isinstance(depth, list) else [depth],
        variants=_list("variants", values["variants"]),
        seeds=_list("seeds", values["seeds"]),
        task=_choice(TASKS, values["task"], "task", "name"),
        network=_choice(FAMILIES, values["network"], "network", "family"),
        recipe=_group(Recipe, values["recipe"], "recipe"),
        runtime=_group(Runtime, values["runtime"], "runtime"),
        logger=_choice(LOGGERS, values["logger"], "logger", "name"),
        composed={str(key): value for key, value in values.items()},
    )


def _list(key: str, value: Any) -> list[Any]:
    require(isinstance(value, list), f"{key} is {value!r}; a list such as {key}=[...] is expected.")
    return value


def _check_keys(values: Mapping[Any, Any], known: list[str], prefix: str) -> None:
    for key in values:
        if key not in known:
            close = difflib.get_close_matches(str(key), known, n=1)
            hint = f"did you mean {prefix}{close[0]}?" if close else f"allowed: {', '.join(known)}."
            raise ConfigError(f"{prefix}{key} is not a key of the configuration; {hint}")
    for key in known:
        require(key in values, f"{prefix}{key} is not set.")


def _choice(classes: Mapping[str, type], values: Any, group: str, selector: str) -> Any:
    chosen = values.get(selector) if isinstance(values, dict) else None
    one_of(f"{group}.{selector}", chosen, tuple(classes))
    return _group(classes[str(chosen)], values, group)


def _group(cls: type, values: Any, group: str) -> Any:
    """An instance of the dataclass `cls`, its values checked and converted to the fields' types by OmegaConf."""
    require(isinstance(values, dict), f"{group} is {values!r}; a group of keys is expected.")
    values = {f.name: f.default for f in fields(cls) if f.default is not MISSING} | values
    _check_keys(values, [f.name for f in fields(cls)], prefix=f"{group}.")
    typed = OmegaConf.structured(cls)
    for f in fields(cls):
        try:
            typed[f.name] = values[f.name]
        except OmegaConfBaseException as error:
            raise ConfigError(f"{group}.{f.name} is {values[f.name]!r}; {EXPECTED[f.type]} is expected.") from error
    return cls(**OmegaConf.to_container(typed))  # type: ignore[arg-type]
