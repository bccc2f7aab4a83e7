"""What needs a GPU to be shown: agreement of the engines, the bench, and short sweeps, each bounded in time.

python experiments/gpu_proof.py --out proof --data data                         # all stages, at most 62 minutes
python experiments/gpu_proof.py agreement bench_tf32 --out proof --data data    # some of them

Stages and minutes at most: agreement 9; bench_tf32, bench_bf16, bench_fp32, and bench_tf32 and bench_bf16 with
_channels_last or _compiled 6 each; digits 3; cifar10_tf32 and cifar10_bf16 4 each. Every stage leaves its log and
tables in --out as it goes; one that fails or runs out of time does not keep the others from running, and the exit code
is the number of such stages. No W&B and no network are needed. Without CIFAR-10's files below --data the bench takes
random images, and the stages cifar10_* are left out.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import torch

ROOT = Path(__file__).parents[1]
BENCH = ["experiments/bench.py", "experiment=cifar10_depth", "depth=[20,56,110]", "runtime=gpu"]
SWEEP = ["experiments/train.py", "-m", "runtime=gpu", "hydra/launcher=basic", "logger=none"]
# The first 1000 of the paper's 64k steps, without milestones: training errors of plain-56 and plain-20 part soon.
SHORT = ["depth=[20,56]", "recipe.max_steps=1000", "recipe.schedule=constant", "recipe.milestones=[]",
         "recipe.evaluations=4", "runtime.checkpoint_every_steps=250"]  # fmt: skip


def stages(out: Path, data: Path) -> dict[str, tuple[list[str], float]]:
    """By stage: arguments of the interpreter, and the minutes that it may take."""
    folders = [f"runtime.results_dir={out}", f"runtime.data_dir={data}", f"runtime.runs_dir={out}/runs"]
    tests = [
        "-m",
        "pytest",
        "-m",
        "gpu",
        "-v",
        "--durations=0",
        "-p",
        "no:cacheprovider",
        "tests/training/test_cuda.py",
    ]
    found: dict[str, tuple[list[str], float]] = {"agreement": (tests, 9)}
    for precision in ("tf32", "bf16", "fp32"):
        found[f"bench_{precision}"] = ([*BENCH, *folders, f"recipe.precision={precision}"], 6)
    for precision in ("tf32", "bf16"):
        settings = [f"recipe.precision={precision}", "runtime.memory_format=channels_last"]
        found[f"bench_{precision}_channels_last"] = ([*BENCH, *folders, *settings], 6)
    for precision in ("tf32", "bf16"):
        settings = [f"recipe.precision={precision}", "runtime.compile_blocks=true"]
        found[f"bench_{precision}_compiled"] = ([*BENCH, *folders, *settings], 6)
    found["digits"] = ([*SWEEP, *folders, "experiment=digits_depth", "runtime.max_minutes=2.5"], 3)
    for precision in ("tf32", "bf16"):
        settings = [*SHORT, f"recipe.precision={precision}", "runtime.max_minutes=3.5"]
        found[f"cifar10_{precision}"] = ([*SWEEP, *folders, "experiment=cifar10_depth", *settings], 4)
    return found


def run(log: Path, arguments: list[str], minutes: float) -> bool:
    """Run one command with its output in `log`; whether it ended well and in time."""
    began = time.monotonic()
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]),
        "PYTHONUNBUFFERED": "1",
        "OMP_NUM_THREADS": "1",
    }
    with open(log, "w") as file:
        try:
            code = subprocess.run(
                [sys.executable, *arguments], cwd=ROOT, env=environment, stdout=file, stderr=subprocess.STDOUT,
                timeout=60 * minutes, check=False,
            ).returncode  # fmt: skip
        except subprocess.TimeoutExpired:
            code = -1
    outcome = "ok" if code == 0 else f"out of its {minutes:g} minutes" if code == -1 else f"exit code {code}"
    print(f"{log.stem}: {outcome} after {time.monotonic() - began:.0f} s, {log}", flush=True)
    for line in log.read_text().splitlines()[-40:]:
        print(f"    {line}", flush=True)
    return code == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = list(stages(Path(), Path()))
    parser.add_argument("stages", nargs="*", metavar="stage", help=f"{', '.join(names)}; all by default")
    parser.add_argument("--out", type=Path, default=Path("proof"))
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("DEGRADATION_DATA", "data")))
    chosen = parser.parse_args()
    wrong = [name for name in chosen.stages if name not in names]
    if wrong:
        parser.error(f"{', '.join(wrong)}: no such stage; allowed: {', '.join(names)}.")
    if not torch.cuda.is_available():
        parser.error("torch finds no CUDA device, and all of this needs one.")
    out, data = chosen.out.resolve(), chosen.data.resolve()
    out.mkdir(parents=True, exist_ok=True)
    failed = 0
    for name in chosen.stages or names:
        if name.startswith("cifar10") and not (data / "cifar-10-batches-py").exists():
            print(f"{name}: left out, {data} has no cifar-10-batches-py", flush=True)
            continue
        failed += not run(out / f"{name}.txt", *stages(out, data)[name])
    raise SystemExit(failed)


if __name__ == "__main__":
    main()
