"""The CPU's instructions are limited where that makes machines agree, and nowhere else."""

import os
import subprocess
import sys

import pytest

from degradation.instructions import LIMITS, instructions, limit_instructions

PROGRAM = """
from degradation.instructions import limit_instructions
limit_instructions()
import torch
print(torch.backends.cpu.get_cpu_capability())
"""


@pytest.fixture
def unset(monkeypatch):
    for name in LIMITS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "environ", dict(os.environ))  # what is set here is forgotten


def test_a_machine_with_avx512_is_limited(tmp_path, unset):
    (tmp_path / "cpuinfo").write_text("flags : fpu avx2 avx512f avx512dq\n")
    limit_instructions(tmp_path / "cpuinfo")
    assert LIMITS.items() <= os.environ.items()
    assert instructions() == "avx2"


@pytest.mark.parametrize("flags", ["flags : fpu avx2\n", None])
def test_others_are_left_alone(tmp_path, unset, flags):
    if flags is not None:
        (tmp_path / "cpuinfo").write_text(flags)
    limit_instructions(tmp_path / "cpuinfo")
    assert not LIMITS.keys() & os.environ.keys()
    assert instructions() == "those of the machine"


def test_what_the_user_set_stays(tmp_path, unset):
    (tmp_path / "cpuinfo").write_text("flags : avx512f\n")
    os.environ["ATEN_CPU_CAPABILITY"] = "avx512"
    limit_instructions(tmp_path / "cpuinfo")
    assert {name: os.environ.get(name) for name in LIMITS} == dict.fromkeys(LIMITS) | {"ATEN_CPU_CAPABILITY": "avx512"}


def test_torch_keeps_to_it(unset):
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=os.environ, capture_output=True, text=True, check=True)
    assert done.stdout.strip() in ("AVX2", "DEFAULT", "NO AVX")
