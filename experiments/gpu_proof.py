"""What needs a GPU to be shown, unattended and in stages; call it again until it says that nothing is left.

python experiments/gpu_proof.py --minutes 9.5 --data data             # all stages, as far as 9.5 minutes go
python experiments/gpu_proof.py grid --minutes 30                     # one stage
python experiments/gpu_proof.py grid --again                          # from its beginning
python experiments/gpu_proof.py --device cpu --tiny                   # the same path without a GPU

agreement  tests of the engine on the device: learning, resuming, capturing, float64, parallel networks
stalls     streams against no streams, bitwise; 500 replays with channels last, none compiled
grid       precision x memory format x compiled blocks, timed and profiled; switches; the bench: GB, minutes, times loop
smoke      a short training, stopped once and resumed
depth      cifar10_depth, as far as it comes

Every case leaves a line in <out>/<stage>.csv and a log in <out>/logs; a case that has ended is not repeated. Exit code:
75 if cases are left for another call, 1 if one failed, else 0. No network is needed. Without CIFAR-10's files below
--data the timings take random images, smoke takes digits, and depth is left out.
"""

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))  # where the project is not installed

from degradation.bench.proof import Proof
from degradation.bench.stages import Place, stages


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "stages", nargs="*", metavar="stage", help="agreement, stalls, grid, smoke, depth; all by default"
    )
    parser.add_argument("--minutes", type=float, default=60, help="that this call may take (default: 60)")
    parser.add_argument("--again", action="store_true", help="repeat what has ended")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--tiny", action="store_true", help="tiny networks and few steps, for the CPU")
    parser.add_argument("--out", type=Path, default=Path("proof"))
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("DEGRADATION_DATA", "data")))
    chosen = parser.parse_args()
    if chosen.device == "cpu" and not chosen.tiny:
        parser.error("--device cpu needs --tiny; at full size the CPU would take days.")
    if chosen.device == "cuda":
        import torch

        if not torch.cuda.is_available():
            parser.error("torch finds no CUDA device; --device cpu --tiny walks the same path without one.")
    found = stages(Place(chosen.device, chosen.tiny, chosen.out.resolve(), chosen.data.resolve()))
    wrong = [name for name in chosen.stages if name not in found]
    if wrong:
        parser.error(f"{', '.join(wrong)}: no such stage; allowed: {', '.join(found)}.")
    proof = Proof(chosen.out.resolve(), chosen.minutes)
    raise SystemExit(proof.run({name: found[name] for name in chosen.stages or found}, again=chosen.again))


if __name__ == "__main__":
    main()
