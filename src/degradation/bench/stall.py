"""Whether replays of a cohort's captured step come to an end: kernels that wait for one another may not.

python -m degradation.bench.stall --replays 500 -- experiment=cifar10_depth runtime=gpu depth=[20,32,44,56,110] \
    recipe.precision=fp32 runtime.memory_format=channels_last runtime.compile_blocks=false

Whoever starts it must give it a time limit; --switches cudnn_norm=false is the way out if it stalls.
"""

import argparse
import time

import torch

from degradation.bench.engines import load
from degradation.bench.grid import parsed, switches_of
from degradation.bench.replay import graph_engine, stepper
from degradation.training.fit import set_threads_and_tf32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replays", type=int, required=True)
    parser.add_argument("--switches", nargs="*", default=[])
    parser.add_argument("overrides", nargs="+")
    chosen = parser.parse_args()
    config = parsed(chosen.overrides)
    set_threads_and_tf32(config)
    task, _ = load(config)
    run = stepper(graph_engine(config, task, switches_of(chosen.switches)))
    began = time.perf_counter()
    run(chosen.replays)
    if config.runtime.device == "cuda":
        torch.cuda.synchronize()
    print(f"{chosen.replays} replays of {config.networks} networks in {time.perf_counter() - began:.1f} s")


if __name__ == "__main__":
    main()
