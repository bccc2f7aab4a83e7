"""The networks of a finished run as files for other programs: state dicts, or ONNX graphs checked against torch.

ONNX graphs are made by torch's TorchScript exporter. Its other one, through torch.export, needs onnxscript and some ten
seconds a network where this takes one; PyTorch 2.11 to 2.15 have both.
"""

import logging
import warnings
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn

from degradation.checks import ConfigError
from degradation.records.files import write_bytes
from degradation.records.run import JobFailedError, make_folder
from degradation.training import checkpoints
from degradation.training.finished import HERE, networks_of, read

AGREEMENT = 1e-5  # of outputs, absolute and relative
CHECKED = (1, 5)  # examples a call
EXTRA = ("onnx", "onnxruntime")


def export(run: Path, format: str, out: Path) -> list[Path]:
    """Write one file a network of a finished run.

    Args:
        run: its folder.
        format: `state_dict` or `onnx`.
        out: where the files go; it is made.

    Returns:
        The files, named after the networks.

    Raises:
        ConfigError: there is no such run, a folder that cannot be written, or a package is missing.
        DamagedRunError: a file of the run is damaged.
        JobFailedError: an exported graph computes something else.
    """
    if format == "onnx":
        check_packages()
    config, checkpoint = read(run, HERE)
    make_folder(out, "out")
    paths = []
    for member, network in networks_of(config, checkpoint).items():
        path = out / f"{member}.{'onnx' if format == 'onnx' else 'pt'}"
        if format == "onnx":
            write_onnx(path, network, config.task.input_shape)
        else:
            checkpoints.save(path, network.state_dict())
        paths.append(path)
    return paths


def check_packages() -> None:
    """Refuse to go on without what ONNX needs.

    Raises:
        ConfigError: what is missing, and how to install it.
    """
    missing = [name for name in EXTRA if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"format=onnx needs {' and '.join(missing)}, which is not installed; install the extra of that name: "
            "pip install 'degradation[onnx]', or in a checkout pip install -e '.[onnx]'."
        )


def write_onnx(path: Path, network: nn.Module, input_shape: tuple[int, ...]) -> None:
    """Write a network in eval mode as a graph from `inputs` (B, *input_shape) to `predictions` (B, outputs), any B.

    Raises:
        JobFailedError: onnxruntime computes something else than torch; nothing is written.
    """
    draw = torch.Generator().manual_seed(0)
    batches = [torch.randn(size, *input_shape, generator=draw) for size in CHECKED]
    partial = path.with_name(f".{path.name}.partial")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the exporter's age, and of shapes that are the same for every batch
            logging.getLogger("torch.onnx").setLevel(logging.ERROR)
            torch.onnx.export(
                network,
                (batches[-1],),
                str(partial),
                dynamo=False,
                input_names=["inputs"],
                output_names=["predictions"],
                dynamic_axes={"inputs": {0: "batch"}, "predictions": {0: "batch"}},
            )
        graph = partial.read_bytes()
    finally:
        partial.unlink(missing_ok=True)
    check_graph(path, graph, network, batches)
    write_bytes(path, graph)


@torch.no_grad()
def check_graph(path: Path, graph: bytes, network: nn.Module, batches: list[Tensor]) -> None:
    """Compare what onnxruntime makes of a graph with the network itself.

    Raises:
        JobFailedError: they differ by more than `AGREEMENT`.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    for batch in batches:
        ours = network(batch)
        theirs = torch.from_numpy(session.run(None, {"inputs": batch.numpy()})[0])
        if not torch.allclose(theirs, ours, rtol=AGREEMENT, atol=AGREEMENT, equal_nan=True):
            difference = (theirs - ours).abs().max().item()
            raise JobFailedError(f"{path}: onnxruntime's outputs differ from torch's by up to {difference:.1e}.")
