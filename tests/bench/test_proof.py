"""The unattended script: limits, going on, one line a case; and all stages with the CPU in place of a GPU."""

import csv
import subprocess
import sys
import time

import pytest

from degradation.bench.proof import Case, Proof, reason
from degradation.bench.stages import Place, stages
from tests.conftest import ROOT


def table(path):
    with open(path, newline="") as file:
        return {row["case"]: row for row in csv.DictReader(file)}


def code(text):
    return ["-c", text]


def counting(path, after="pass"):
    """A command that leaves a line in `path` each time it runs."""
    return code(f"open({str(path)!r}, 'a').write('ran\\n'); {after}")


def test_a_case_that_ended_is_not_repeated_unless_asked(tmp_path, capsys):
    good, bad = tmp_path / "good", tmp_path / "bad"
    cases = [
        Case("good", counting(good, "print('all is well')"), 1),
        Case("bad", counting(bad, "raise ValueError('out of luck')"), 1),
    ]
    assert Proof(tmp_path / "out", 5).run({"some": cases}, again=False) == 1
    found = table(tmp_path / "out" / "some.csv")
    assert (found["good"]["outcome"], found["good"]["why"]) == ("ok", "all is well")
    assert found["bad"]["outcome"] == "failed"
    assert found["bad"]["why"] == "exit code 1 and not 0: ValueError: out of luck"
    assert "some/bad: failed after" in capsys.readouterr().out
    assert Proof(tmp_path / "out", 5).run({"some": cases}, again=False) == 1
    assert (good.read_text(), bad.read_text()) == ("ran\n", "ran\n")
    assert capsys.readouterr().out.startswith("failed: bad; the logs lie in ")
    Proof(tmp_path / "out", 5).run({"some": cases}, again=True)
    assert (good.read_text(), bad.read_text()) == ("ran\nran\n", "ran\nran\n")


def test_a_case_ends_at_its_limit_with_the_processes_that_it_started(tmp_path):
    child = f"import time; time.sleep(3); open({str(tmp_path / 'late')!r}, 'w')"
    command = code(f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {child!r}]); time.sleep(60)")
    cases = [Case("slow", command, 0.02), Case("next", code("print('went on')"), 1)]
    assert Proof(tmp_path, 5).run({"some": cases}, again=False) == 1
    found = table(tmp_path / "some.csv")
    assert (found["slow"]["outcome"], found["next"]["outcome"]) == ("out of time", "ok")
    time.sleep(3)
    assert not (tmp_path / "late").exists()


def test_what_all_of_a_call_may_take_leaves_cases_for_the_next_call(tmp_path, capsys):
    cases = [Case("first", code("import time; time.sleep(60)"), 5), Case("second", code("print('done')"), 5)]
    began = time.monotonic()
    assert Proof(tmp_path, 0.02).run({"some": cases}, again=False) == 75
    assert time.monotonic() - began < 30
    assert {row["outcome"] for row in table(tmp_path / "some.csv").values()} == {"unfinished"}
    assert capsys.readouterr().out.endswith("left for another call: first, second\n")
    Proof(tmp_path, 5).run({"some": cases[1:]}, again=False)
    assert table(tmp_path / "some.csv")["second"]["outcome"] == "ok"


def test_a_sweep_in_slices_is_told_its_minutes_and_goes_on(tmp_path):
    script = tmp_path / "sweep.py"
    ends = f"sys.exit(0 if pathlib.Path({str(tmp_path / 'rest')!r}).exists() else 75)"
    script.write_text(f"import sys, pathlib; print(sys.argv[-1]); {ends}")
    case = Case("sweep", [str(script)], 240, sliced=True)
    assert Proof(tmp_path, 10).run({"some": [case]}, again=False) == 75
    held = table(tmp_path / "some.csv")["sweep"]
    assert (held["outcome"], held["why"]) == ("unfinished", "runtime.max_minutes=9.25")
    (tmp_path / "rest").touch()
    assert Proof(tmp_path, 10).run({"some": [case]}, again=False) == 0


@pytest.mark.parametrize(("text", "expected"), [("pass", "left out"), ("raise SystemExit(3)", "ok")])
def test_the_way_out_is_tried_if_the_first_way_failed(tmp_path, text, expected):
    cases = [Case("stall", code(text), 1), Case("way_out", code("pass"), 1, unless="stall")]
    Proof(tmp_path, 5).run({"some": cases}, again=False)
    assert table(tmp_path / "some.csv")["way_out"]["outcome"] == expected


def test_the_line_that_says_how_it_ended():
    assert reason("collected\nFAILED tests/a.py::b - assert 1 == 2\n=== 1 failed ===\n").startswith("FAILED tests/a.py")
    assert reason("Traceback:\n  raise\ntorch.AcceleratorError: illegal access\nbye\n").endswith("illegal access")
    assert reason("error: recipe.lr is 0\n") == "error: recipe.lr is 0"
    assert reason("one\ntwo\n\n") == "two"
    assert reason("") == "it printed nothing"


def test_the_most_promising_combination_comes_first_and_the_whole_grid_is_there(tmp_path, monkeypatch):
    monkeypatch.setattr("degradation.bench.stages.missing_for_compilation", lambda device: None)
    found = stages(Place("cuda", False, tmp_path, tmp_path))
    assert list(found) == ["agreement", "stalls", "grid", "smoke", "depth"]
    cells = [case.name for case in found["grid"] if not case.name.startswith(("switch", "bench"))]
    assert len(set(cells)) == len(cells) == 12
    assert cells[:2] == ["bf16_channels_last_compiled", "bf16_contiguous_compiled"]
    assert cells[-1] == "fp32_contiguous_eager"
    names = [case.name for cases in found.values() for case in cases]
    assert len(set(names)) == len(names)
    assert found["grid"][-2].environment == {"CUDA_DEVICE_MAX_CONNECTIONS": "32"}
    assert "has no cifar-10-batches-py" in found["depth"][0].absent


def test_without_a_compiler_the_compiled_half_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr("degradation.bench.stages.missing_for_compilation", lambda device: "there is no gcc")
    cases = stages(Place("cuda", False, tmp_path, tmp_path))["grid"]
    assert [case.absent for case in cases].count("there is no gcc") == 6
    switch = next(case for case in cases if case.name.startswith("switch"))
    assert switch.command[-1] == "runtime.compile_blocks=false"


def test_our_convolutions_are_set_against_the_librarys(tmp_path):
    cases = {case.name: case.command for case in stages(Place("cuda", False, tmp_path, tmp_path))["grid"]}
    assert cases["switch_small_convolutions_false"][-1] == "runtime.small_convolutions=false"
    assert not any("small_convolutions" in text for text in cases["bf16_channels_last_compiled"])


def proof(*arguments):
    return subprocess.run(
        [sys.executable, "experiments/gpu_proof.py", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_a_stage_runs_with_the_cpu_in_place_of_a_gpu(tmp_path):
    """An interrupted training goes on; the other stages are left to the long test below."""
    done = proof("smoke", "--device", "cpu", "--tiny", "--out", str(tmp_path), "--data", str(tmp_path / "none"))
    assert done.returncode == 0, done.stdout
    outcomes = {row["case"]: row["outcome"] for row in table(tmp_path / "smoke.csv").values()}
    assert outcomes["interrupted_training"] == outcomes["resumed_training"] == "ok"
    assert len(list((tmp_path / "smoke").rglob("records.csv"))) == 1


@pytest.mark.long
def test_all_stages_run_with_the_cpu_in_place_of_a_gpu(tmp_path):
    stages_here = ["stalls", "grid", "smoke", "depth"]  # agreement runs tests that run anyway
    arguments = ["--device", "cpu", "--tiny", "--out", str(tmp_path), "--data", str(tmp_path / "none")]
    done = proof(*stages_here, *arguments, "--minutes", "12")
    assert done.returncode == 0, done.stdout
    outcomes = {
        row["case"]: row["outcome"] for stage in stages_here for row in table(tmp_path / f"{stage}.csv").values()
    }
    assert outcomes == {
        "streams": "ok",  # skipped there, without a device
        "stall_fp32": "ok",
        "stall_fp32_native_norm": "left out",
        "bf16_channels_last_eager": "ok",
        "fp32_contiguous_eager": "ok",
        "switch_counts_together": "ok",
        "switch_connections_32": "ok",
        "bench": "left out",
        "interrupted_training": "ok",
        "resumed_training": "ok",
        "tiny_depth": "ok",
    }
    assert len((tmp_path / "bench" / "cpu-grid.csv").read_text().splitlines()) == 1 + 2 * 2 + 2
    assert len(list((tmp_path / "smoke").rglob("records.csv"))) == 1
    assert (tmp_path / "results" / "digits_depth" / "networks.csv").exists()
    again = proof(*stages_here, *arguments)
    assert again.returncode == 0
    assert "after 0 s" in again.stdout
    assert "ok after" not in again.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--device", "cpu"], "--device cpu needs --tiny"),
        (
            ["agree", "--device", "cpu", "--tiny"],
            "agree: no such stage; allowed: agreement, stalls, grid, smoke, depth.",
        ),
    ],
)
def test_what_cannot_be_run_is_refused(arguments, message, tmp_path):
    refused = proof(*arguments, "--out", str(tmp_path))
    assert refused.returncode == 2
    assert message in " ".join(refused.stderr.split())
