"""What needs a GPU to be shown: agreement of the engines, the bench, and short sweeps, each bounded in time.

python experiments/gpu_proof.py --out proof --data data            # all stages, one after another
python experiments/gpu_proof.py agreement --out proof              # one or some of them: agreement bench digits cifar10

Minutes at most: agreement 9, bench 3 x 6, digits 3, cifar10 8. Every stage leaves its log and tables in --out as it
goes; a stage that fails or runs out of time does not keep the others from running, and the exit code is the number of
such stages. No W&B and no network are needed; without CIFAR-10's files below --data the bench takes random images and
the stage cifar10 is left out.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
BENCH = ["experiments/bench.py", "experiment=cifar10_depth", "depth=[20,56,110]", "runtime=gpu"]
SWEEP = ["experiments/train.py", "-m", "runtime=gpu", "hydra/launcher=basic", "logger=none"]
# The first 1000 of the paper's 64k steps, without milestones: training errors of plain-56 and plain-20 part soon.
SHORT = ["depth=[20,56]", "recipe.max_steps=1000", "recipe.schedule=constant", "recipe.milestones=[]",
         "recipe.evaluations=4", "runtime.checkpoint_every_steps=250"]  # fmt: skip


def stages(out: Path, data: Path) -> dict[str, list[tuple[str, list[str], float]]]:
    """By stage: what is run, as (log, arguments of the interpreter, minutes)."""
    # Two folders deep at most, so that the tables are easily copied from the machine.
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
    return {
        "agreement": [("agreement", tests, 9)],
        "bench": [
            (f"bench_{precision}", [*BENCH, *folders, f"recipe.precision={precision}"], 6)
            for precision in ("tf32", "bf16", "fp32")
        ],
        "digits": [("digits", [*SWEEP, *folders, "experiment=digits_depth", "runtime.max_minutes=2.5"], 3)],
        "cifar10": [
            (
                f"cifar10_{precision}",
                [*SWEEP, *folders, "experiment=cifar10_depth", *SHORT, f"recipe.precision={precision}",
                 "runtime.max_minutes=3.5"],
                4,
            )
            for precision in ("tf32", "bf16")
        ],
    }  # fmt: skip


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
    out, data = chosen.out.resolve(), chosen.data.resolve()
    out.mkdir(parents=True, exist_ok=True)
    failed = 0
    for name in chosen.stages or names:
        if name == "cifar10" and not (data / "cifar-10-batches-py").exists():
            print(f"cifar10: left out, {data} has no cifar-10-batches-py", flush=True)
            continue
        for log, arguments, minutes in stages(out, data)[name]:
            failed += not run(out / f"{log}.txt", arguments, minutes)
    raise SystemExit(failed)


if __name__ == "__main__":
    main()
