"""The configuration of one cohort: its parts, and every check across them that needs no training. Imports no torch."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from omegaconf import DictConfig, OmegaConf

from degradation.checks import ConfigError, at_least, require, unique_integers
from degradation.config import parsing, variants
from degradation.config.experiment import Experiment
from degradation.config.recipe import Recipe
from degradation.config.runtime import LOGGERS, NoLogger, Runtime, WandbLogger
from degradation.config.secrets import refuse_secrets
from degradation.config.variants import Definition, Settings
from degradation.networks.compiler import missing_for_kernels
from degradation.networks.family import FAMILIES, Family
from degradation.tasks.spec import TASKS, TaskSpec

SMALL_CONVOLUTIONS = ("cuda", "bf16", "channels_last")  # device, precision and memory format of our own kernels


@dataclass
class Config:
    """One cohort: `depths` x `variants` x `seeds` networks of one task and family.

    Attributes:
        network, recipe: the experiment's, before a variant changes them; see `of`.
        definitions: every known variant, by name.
        composed: the plain configuration this was parsed from and the definitions of its variants, for config.yaml.
        conditions: of an experiment as its file has it, its settings in every condition of the file's sweep, in the
            sweep's order; empty where the sweep varies depth and seeds alone.
    """

    experiment: Experiment
    depths: list[int]
    variants: list[str]
    seeds: list[int]
    task: TaskSpec
    network: Family
    recipe: Recipe
    runtime: Runtime
    logger: NoLogger | WandbLogger
    definitions: dict[str, Definition] = field(repr=False)
    composed: dict[str, Any] = field(repr=False)
    conditions: list["Config"] = field(default_factory=list, repr=False)
    verbose: bool = False  # as it was before there was such a key, for the runs of that time

    def __post_init__(self) -> None:
        unique_integers("depth", self.depths)
        unique_integers("seeds", self.seeds)
        for seed in self.seeds:
            at_least("seeds", seed, 0)
        require(isinstance(self.verbose, bool), f"verbose is {self.verbose!r}; true or false is expected.")
        self._settings = {name: self.variant(name) for name in variants.chosen(self.variants, self.definitions)}
        self._check_variants()
        require(
            self.network.shortcut != "none",
            "network.shortcut is none, which the variant plain sets; use variants=[plain] for networks without any.",
        )
        for settings in self._settings.values():
            for depth in self.depths:
                settings.network.check_depth(depth)
            settings.network.check_task(self.task.name, self.task.input_shape, self.task.outputs)
        self._resolve_auto()
        self._check_execution()
        self._check_recipe()

    def of(self, variant: str) -> Settings:
        """What the networks of one of the cohort's variants are built and trained with."""
        return self._settings[variant]

    def variant(self, name: str) -> Settings:
        """What a variant makes of this experiment, whether or not the cohort has it.

        Raises:
            ConfigError: it does not fit the experiment.
        """
        definition = self.definitions[name]
        try:
            return Settings(
                _changed(self.network, definition.get("network"), "network"),
                _changed(self.recipe, definition.get("recipe"), "recipe"),
            )
        except ConfigError as error:
            raise ConfigError(f"variant {name}: {error}") from error

    def fitting_variants(self) -> dict[str, Settings]:
        """Every variant that fits the experiment, in the cohort or not."""
        fitting = {}
        for name in self.definitions:
            try:
                fitting[name] = self.variant(name)
            except ConfigError:
                continue
        return fitting

    def _check_variants(self) -> None:
        """Refuse two variants that are the same."""
        names = list(self._settings)
        for place, name in enumerate(names):
            for other in names[:place]:
                same = self._settings[name] == self._settings[other]
                require(not same, f"variants {other} and {name} are the same here; leave one out.")

    def _resolve_auto(self) -> None:
        """Put the families' choices in the place of `auto`."""
        families = [settings.network for settings in self._settings.values()]
        device, precision = self.runtime.device, self.recipe.precision
        if self.runtime.engine == "auto":
            engines = {family.default_engine(device, precision) for family in families}
            engine = engines.pop() if len(engines) == 1 else "sequential"  # which every network can
            on_host = engine == "graph" and (self._watched or not self.task.on_device)
            self.runtime = replace(self.runtime, engine="sequential" if on_host else engine)
        if self.runtime.memory_format == "auto":
            formats = {family.default_memory_format(device, precision) for family in [self.network, *families]}
            agreed = formats.pop() if len(formats) == 1 else "contiguous"  # so that a pair has one format
            self.runtime = replace(self.runtime, memory_format=agreed)
        if self.runtime.compile_blocks == "auto":
            max_steps = self.recipe.max_steps
            compiled = all(family.default_compile_blocks(device, precision, max_steps) for family in families)
            self.runtime = replace(self.runtime, compile_blocks=compiled)
        if self.runtime.small_convolutions == "auto":
            fitting = (device, precision, self.runtime.memory_format) == SMALL_CONVOLUTIONS
            self.runtime = replace(self.runtime, small_convolutions=fitting and missing_for_kernels() is None)

    def _check_execution(self) -> None:
        runtime, recipe = self.runtime, self.recipe
        for settings in self._settings.values():
            settings.network.check_execution(
                device=runtime.device,
                engine=runtime.engine,
                memory_format=runtime.memory_format,
                compile_blocks=bool(runtime.compile_blocks),
            )
        require(
            runtime.engine != "graph" or runtime.device == "cuda",
            "runtime.engine=graph needs CUDA and runtime.device is cpu; use runtime=gpu or runtime.engine=auto.",
        )
        require(
            runtime.engine != "graph" or not self._watched,
            "recipe.warmup_until_error decides on the host between two steps, which a captured step cannot; "
            "use runtime.engine=sequential.",
        )
        require(
            runtime.engine != "graph" or self.task.on_device,
            f"runtime.engine=graph takes a step's examples from tensors on the device and task.name={self.task.name} "
            "reads them from files; use runtime.engine=auto or sequential.",
        )
        found = (runtime.device, recipe.precision, runtime.memory_format)
        require(
            not runtime.small_convolutions or found == SMALL_CONVOLUTIONS,
            f"runtime.small_convolutions is for {', '.join(SMALL_CONVOLUTIONS)} and these are {', '.join(found)}; use "
            "auto or false.",
        )
        require(
            recipe.precision != "tf32" or runtime.device != "cpu",
            "recipe.precision=tf32 needs a GPU; on the CPU use fp32.",
        )
        require(
            recipe.precision != "bf16" or runtime.engine != "stacked",
            "recipe.precision=bf16 needs runtime.engine=sequential or graph.",
        )

    @property
    def _watched(self) -> bool:
        """Whether a network's warm-up ends when its error is low enough."""
        return any(settings.recipe.warmup_until_error is not None for settings in self._settings.values())

    def _check_recipe(self) -> None:
        batch_size = self.recipe.batch_size
        normalised = any(settings.network.norm == "batch" for settings in self._settings.values())
        require(
            not normalised or batch_size > 1,
            "recipe.batch_size is 1 and the network has batch normalisation, which needs at least 2 examples.",
        )
        require(
            not self._watched or (self.task.classification and self.networks == 1),
            "recipe.warmup_until_error is for a single network of a classification task; set one of each.",
        )
        require(
            batch_size <= self.task.train_size,
            f"recipe.batch_size is {batch_size}; the {self.task.name} task has only {self.task.train_size} training "
            "examples.",
        )

    @property
    def networks(self) -> int:
        """How many networks the cohort has."""
        return len(self.depths) * len(self.variants) * len(self.seeds)

    @property
    def cost(self) -> int:
        """About the multiply-adds of the whole training, for ordering a sweep's jobs and estimating times."""
        examples = self.recipe.max_steps * self.recipe.batch_size * len(self.variants) * len(self.seeds)
        per_layer = self.network.layer_multiply_adds(self.task.input_shape)
        return 3 * examples * per_layer * sum(depth + 1 for depth in self.depths)  # backward costs twice forward


def _changed(group: Any, keys: Mapping[str, Any] | None, name: str) -> Any:
    """A group with some keys set anew and checked; the group itself where none are."""
    return parsing.group(type(group), asdict(group) | dict(keys), name) if keys else group


def parse(composed: DictConfig, definitions: dict[str, Definition] | None = None) -> Config:
    """The checked configuration of one cohort.

    Args:
        composed: what Hydra composed, without the `hydra` node.
        definitions: every known variant, by name. None: those of Hydra's search path; Hydra must be initialised.

    Raises:
        ConfigError: a key is unknown, missing or of the wrong type, or values do not fit together.
    """
    values = {"verbose": False} | parsing.plain_values(composed)
    refuse_secrets(values)
    definitions = variants.definitions() if definitions is None else definitions
    groups = [f.name for f in fields(Config) if f.name not in ("composed", "conditions", "definitions", "depths")]
    parsing.check_keys(values, ["depth", *groups], prefix="")
    depth, names = values["depth"], parsing.a_list("variants", values["variants"])
    for name in names:
        require(isinstance(name, str), f"variants is {names}; names of files in conf/variant/ are expected.")
    kept = dict.fromkeys([*names, variants.PLAIN])  # plain too: what the others are matched with
    return Config(
        experiment=parsing.group(Experiment, values["experiment"], "experiment"),
        depths=depth if isinstance(depth, list) else [depth],
        variants=names,
        seeds=parsing.a_list("seeds", values["seeds"]),
        task=parsing.choice(TASKS, values["task"], "task", "name"),
        network=parsing.choice(FAMILIES, values["network"], "network", "family"),
        recipe=parsing.group(Recipe, values["recipe"], "recipe"),
        runtime=parsing.group(Runtime, values["runtime"], "runtime"),
        logger=parsing.choice(LOGGERS, values["logger"], "logger", "name"),
        definitions=definitions,
        verbose=values["verbose"],
        composed=values | {"variant": {name: definitions[name] for name in kept if name in definitions}},
    )


def parse_stored(values: Mapping[str, Any]) -> Config:
    """`parse` of what a run's config.yaml holds, the definitions of its variants included. Hydra is not needed."""
    composed = {name: value for name, value in values.items() if name != "variant"}
    return parse(OmegaConf.create(composed), values["variant"])
