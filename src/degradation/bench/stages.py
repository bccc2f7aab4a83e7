"""What has to be shown on a GPU, as stages of commands. The CPU can take the GPU's place, with tiny networks."""

from dataclasses import dataclass
from itertools import product
from pathlib import Path

from degradation.bench.proof import Case
from degradation.networks.compiler import missing_for_compilation

CONNECTIONS = "CUDA_DEVICE_MAX_CONNECTIONS"  # CUDA reads it when it starts
AGREEMENT = ("learns", "interrupted", "capture", "nothing", "float64", "parallel")  # names of tests in test_cuda.py
STREAMS = "tests/training/test_streams.py"
REPLAYS = 500
COHORTS = ["20+32+44+56+110", "20", "56", "110"]  # all ten networks of Fig. 6, and pairs
SWITCHES = ["counts=together", "counts=none", "benchmark=true", "deepest_first=true", "streams=false"]
TINY = ["network.width=2", "recipe.batch_size=8"]
SHORT_DIGITS = [
    *["recipe.max_steps=20", "recipe.milestones=[10]", "recipe.warmup_steps=0", "recipe.evaluations=1"],
    "network.width=4",
]
TINY_COHORTS = ["8+14", "8"]


@dataclass(frozen=True)
class Place:
    """Where the stages run.

    Attributes:
        device: `cuda` or `cpu`.
        tiny: networks and steps so small that the CPU is done in minutes.
        out, data: folders of results, and of CIFAR-10's files.
    """

    device: str
    tiny: bool
    out: Path
    data: Path

    @property
    def runtime(self) -> str:
        return "runtime=gpu" if self.device == "cuda" else "runtime=cpu"

    @property
    def folders(self) -> list[str]:
        return [f"runtime.results_dir={self.out}/results", f"runtime.data_dir={self.data}", "runtime.download=false"]

    @property
    def has_images(self) -> bool:
        return (self.data / "cifar-10-batches-py").exists() and not self.tiny

    @property
    def cohorts(self) -> list[str]:
        return TINY_COHORTS if self.tiny else COHORTS

    @property
    def small(self) -> list[str]:
        return TINY if self.tiny else []


def stages(place: Place) -> dict[str, list[Case]]:
    """All cases by stage, in the order in which they run."""
    return {
        "agreement": agreement(place),
        "stalls": streams(place),
        "grid": grid(place),
        "smoke": smoke(place),
        "depth": depth(place),
    }


def pytest(path: str, chosen: str) -> list[str]:
    arguments = ["-v", "-rs", "--durations=5", "-p", "no:cacheprovider"]
    return ["-m", "pytest", path, *arguments, "-k", chosen]


def agreement(place: Place) -> list[Case]:
    """The engines against one another, capturing, resuming and learning; on the CPU the pretended GPU."""
    if place.device == "cpu":
        return [Case("pretended", pytest("tests/training/test_graph.py", "pretended"), 4)]
    chosen = [(name, name) for name in AGREEMENT]
    chosen.append(("others", f"not ({' or '.join(AGREEMENT)})"))
    return [Case(name, pytest("tests/training/test_cuda.py", words), 5) for name, words in chosen]


def streams(place: Place) -> list[Case]:
    """Streams change no loss; replays with cuDNN's persistent kernels come to an end, or those without cuDNN do."""
    cases = [Case("streams", pytest(STREAMS, "streams"), 6)]
    replays = 2 if place.tiny else REPLAYS
    for precision in ("bf16", "fp32", "tf32") if place.device == "cuda" else ("fp32",):
        settings = [
            *["experiment=cifar10_depth", place.runtime, *place.folders, *place.small, "logger=none"],
            f"depth=[{place.cohorts[0].replace('+', ',')}]",
            *[f"recipe.precision={precision}", "runtime.memory_format=channels_last", "runtime.compile_blocks=false"],
        ]
        command = ["-m", "degradation.bench.stall", "--replays", str(replays)]
        name = f"stall_{precision}"
        cases.append(Case(name, [*command, "--", *settings], 2))
        native = [*command, "--switches", "cudnn_norm=false", "--", *settings]
        cases.append(Case(f"{name}_native_norm", native, 2, unless=name))
    return cases


def combinations(place: Place) -> list[tuple[str, str, bool]]:
    """Precision, memory format and compilation, the most promising first; in a tiny place the first and the last."""
    precisions = ("bf16", "tf32", "fp32") if place.device == "cuda" else ("bf16", "fp32")
    compiled = (True, False) if place.device == "cuda" else (False,)
    found = list(product(precisions, ("channels_last", "contiguous"), compiled))
    # bf16 pays most, then compilation, then the memory format
    found.sort(key=lambda way: (precisions.index(way[0]), not way[2], way[1] == "contiguous"))
    return found[:: len(found) - 1] if place.tiny else found


def grid(place: Place) -> list[Case]:
    """Every combination timed and profiled, then the switches on the first one, then the bench at the defaults."""
    missing = missing_for_compilation(place.device)
    cases = []
    ways = combinations(place)
    for precision, memory_format, compiled in ways:
        name = f"{precision}_{memory_format}_{'compiled' if compiled else 'eager'}"
        command = timing(place, (precision, memory_format, compiled), [], place.cohorts)
        cases.append(Case(name, command, 4, absent=missing if compiled else None))
    best = ways[0] if not missing else (*ways[0][:2], False)
    for switch in SWITCHES[:1] if place.tiny else SWITCHES:
        command = timing(place, best, [switch], place.cohorts[:1])
        cases.append(Case(f"switch_{switch.replace('=', '_')}", command, 2.5))
    library = [*timing(place, best, [], place.cohorts[:1]), "runtime.small_convolutions=false"]
    cases.append(Case("switch_small_convolutions_false", library, 2.5))
    connections = timing(place, best, [], place.cohorts[:1])
    cases.append(Case("switch_connections_32", connections, 2.5, environment={CONNECTIONS: "32"}))
    settings = ["experiment=cifar10_depth", place.runtime, *place.folders, *place.small, "logger=none"]
    bench = ["experiments/bench.py", *settings, "depth=[20,56,110]"]
    cases.append(Case("bench", bench, 9, absent="it takes a GPU" if place.device == "cpu" else None))
    return cases


def timing(place: Place, way: tuple[str, str, bool], switches: list[str], cohorts: list[str]) -> list[str]:
    """The command that times one way for some cohorts."""
    precision, memory_format, compiled = way
    chosen = ["--switches", *switches] if switches else []
    chosen += ["--tiny"] if place.tiny else []
    return [
        *["-m", "degradation.bench.grid", "--out", str(place.out / "bench"), *chosen, "--cohorts", *cohorts, "--"],
        *["experiment=cifar10_depth", place.runtime, *place.folders, *place.small, "logger=none"],
        *[f"recipe.precision={precision}", f"runtime.memory_format={memory_format}"],
        f"runtime.compile_blocks={str(compiled).lower()}",
    ]


def smoke(place: Place) -> list[Case]:
    """A short training that is stopped after its first segment, and goes on to its end; digits where images lack."""
    runs = place.out / "smoke"
    task = ["experiment=cifar10_smoke"] if place.has_images else ["experiment=digits_depth", *SHORT_DIGITS]
    compiled = place.device == "cuda" and missing_for_compilation("cuda") is None
    command = [
        *["experiments/train.py", *task, place.runtime, *place.folders, f"runtime.runs_dir={runs}", "logger=none"],
        *["depth=8", "recipe.precision=bf16", f"runtime.compile_blocks={str(compiled).lower()}"],
        "runtime.segment_steps=5",
    ]
    stopped = [*command, "runtime.max_minutes=0.0001"]
    return [
        Case("interrupted_training", stopped, 3, expected=75, fresh=runs),
        Case("resumed_training", command, 3),
    ]


def depth(place: Place) -> list[Case]:
    """The experiment itself in slices; in a tiny place two depths on digits."""
    runs = f"runtime.runs_dir={place.out}/runs"
    sweep = ["experiments/train.py", "-m", place.runtime, *place.folders, runs, "hydra/launcher=basic", "logger=none"]
    if place.tiny:
        command = [*sweep, "experiment=digits_depth", *SHORT_DIGITS, "depth=8,14", "seeds=[0]"]
        return [Case("tiny_depth", command, 4, sliced=True)]
    absent = None if place.has_images else f"{place.data} has no cifar-10-batches-py"
    return [Case("cifar10_depth", [*sweep, "experiment=cifar10_depth"], 240, sliced=True, absent=absent)]
