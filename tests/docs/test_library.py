"""docs/library.md: its code, run from top to bottom beside a checkout, and its lines' length."""

import re
import shlex
import subprocess
import sys

from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "library.md").read_text()
BLOCK = re.compile(r"^```(python|bash)\n(.*?)^```$", re.M | re.S)
ELSEWHERE = "pip install ."  # tests/test_wheel.py
BEGIN = """
import runpy, sys, warnings
from degradation.commands.verbs import run
warnings.filterwarnings("ignore")
"""
END = """
from importlib.metadata import version
from pathlib import Path
assert predictions.shape == (8, 10)
assert hundred.head.out_features == 100
assert [member.variant for member in networks] == ["plain", "residual"]
trained = list(networks.values())[0]
assert all(torch.equal(tensor, state[name]) for name, tensor in trained.state_dict().items())
expected = trained(torch.tensor([[1.57], [0.0]])).detach()
torch.testing.assert_close(torch.from_numpy(found), expected, rtol=1e-5, atol=1e-5)
assert trainer.global_step == 150
assert loaded.depth == 8
assert Path("results/sine_smoke/README.md").exists()
"""


def program():
    """The page's blocks as one program, commands as calls within it."""
    parts = [BEGIN]
    for language, text in BLOCK.findall(PAGE):
        if language == "python":
            parts.append(text)
            continue
        for line in text.replace("\\\n", "").splitlines():
            name, *arguments = shlex.split(line)
            if line == ELSEWHERE:
                continue
            if name == "degradation":
                parts.append(f"run({arguments!r})")
            else:
                assert name == "python", line
                parts.append(f"sys.argv = {arguments!r}\nrunpy.run_path({arguments[0]!r}, run_name='__main__')")
    return "\n".join([*parts, END])


def test_everything_on_the_page_runs(tmp_path):
    for name in ("conf", "experiments", "src", "hubconf.py"):
        (tmp_path / name).symlink_to(ROOT / name)
    done = subprocess.run([sys.executable, "-c", program()], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "done: runs/sine_smoke/sine/mlp/depth=010,seeds=0" in lines
    assert "models/depth=010,plain,seed=0.onnx" in lines
    assert [line.split()[0] for line in lines if re.fullmatch(r"(plain|residual) -?\d\.\d+", line)] == [
        "plain",
        "residual",
    ]


def test_the_page_wraps_at_100_characters():
    assert not [line for line in PAGE.splitlines() if len(line) > 100]
