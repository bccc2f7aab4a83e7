"""The notebooks run, from a clean checkout, and show what they say."""

import re

import nbformat
import pytest
from nbclient import NotebookClient

from tests.conftest import ROOT

FOLDER = ROOT / "notebooks"
NAMES = ["01_degradation.ipynb", "02_build_a_pair.ipynb", "03_your_own_sweep.ipynb", "04_inside.ipynb"]


def printed(book):
    """All text outputs of the code cells."""
    outputs = [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]
    texts = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs]
    return "\n".join(texts)


def test_all_notebooks_are_here():
    assert sorted(path.name for path in FOLDER.glob("*.ipynb")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_outputs_are_kept_and_name_no_machine(name):
    book = nbformat.read(FOLDER / name, as_version=4)
    counts = [cell.execution_count for cell in book.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))
    assert any("image/png" in output.get("data", {}) for cell in book.cells for output in cell.get("outputs", []))
    assert not re.search(r"/(home|root|work|tmp/(?!tmp))", printed(book))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (
            "01_degradation.ipynb",
            [r"residual: best at 49 layers \(median test loss 2.1e-05\)", r"He initialisation: ", "plain_eps: "],
        ),
        (
            "02_build_a_pair.ipynb",
            [r"equal tensors: (\d+) of \1\n", r"output over images: plain 0.000, residual 0.[1-9]"],
        ),
        ("04_inside.ipynb", [r"plain +20 +\d", r"spread over an image of the last block's maps"]),
        ("03_your_own_sweep.ipynb", ["Could not override 'network.witdh'", "the nearest are 4 and 7", "depth=010,"]),
    ],
)
def test_notebooks_run(name, shown):
    book = nbformat.read(FOLDER / name, as_version=4)
    NotebookClient(book, timeout=600, resources={"metadata": {"path": str(FOLDER)}}).execute()
    for pattern in shown:
        assert re.search(pattern, printed(book)), pattern
