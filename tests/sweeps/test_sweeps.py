"""Whole sweeps as a user starts them: real processes, real signals."""

import csv
import re

import pytest
from filelock import FileLock

from tests.processes import REPORT, results, run, run_anew
from tests.wandb_files import exit_code, history, wandb_records

SMOKE = "experiment=sine_smoke"
QUICK = [SMOKE, "logger=none"]
BASIC = "hydra/launcher=basic"


def stamps(folder):
    return {path: path.stat().st_mtime_ns for path in folder.glob("runs/**/records.csv")}


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A finished sweep of four cohorts with W&B, and what it printed."""
    folder = tmp_path_factory.mktemp("swept")
    code, out, err = run_anew(folder, "-m", SMOKE, "verbose=true", "logger.init_timeout_seconds=120")
    assert code == 0, err
    assert "W&B" not in err, err
    return folder, out


def test_a_sweep_prints_table_sentence_and_paths(swept):
    folder, out = swept
    assert "cohorts: 0 done already, 4 to train" in out
    assert "sine_smoke depth=031 done: plain " in out
    lines = out.splitlines()
    assert sum(line.startswith("| ") for line in lines) == 2 + 4 * 2  # header, rule, depth x variant
    assert any(line.startswith("sine_smoke: plain: best at") for line in lines)
    for name in ("depth", "functions", "layers"):
        for suffix in (".png", ".svg"):
            assert (folder / "results" / "sine_smoke" / (name + suffix)).stat().st_size > 5000
        assert f"figure: results/sine_smoke/{name}.png" in out
    page = (folder / "results/sine_smoke/README.md").read_text()
    assert re.search(r"!\[error or loss after training against depth[^]]*\]\(depth.png\)", page)


def test_a_sweep_leaves_nothing_beside_runs_and_results(swept):
    assert sorted(path.name for path in swept[0].iterdir()) == ["results", "runs"]


def test_the_report_run_in_wandb_has_depth_as_its_axis(swept):
    folder = swept[0] / "results" / "sine_smoke"
    found = wandb_records(folder)
    assert found["run"][0].run.run_group == "sine_smoke"
    assert exit_code(found) == 0
    assert [record.metric.step_metric for record in found["metric"] if record.metric.glob_name == "*"] == ["depth"]
    with open(folder / "summary.csv", newline="") as file:
        expected = {(int(row["depth"]), row["variant"]): row for row in csv.DictReader(file)}
    points = [point for point in history(found) if "plain/train_loss_mean" in point]
    assert [point["depth"] for point in points] == [1, 4, 10, 31]
    for point in points:
        for variant in ("plain", "residual"):
            for name in ("train_loss_mean", "test_loss_mean", "train_loss_median", "test_loss_median"):
                written = float(expected[point["depth"], variant][name])
                assert point[f"{variant}/{name}"] == pytest.approx(written, rel=1e-5)
    media = {key.split("/_type")[0]: point[key] for point in history(found) for key in point if key.endswith("/_type")}
    assert media == {
        "networks": "table-file", "loss_against_depth_table": "table-file", "figures/depth": "image-file",
        "figures/functions": "image-file", "figures/layers": "image-file",
    }  # fmt: skip


def test_the_same_command_again_trains_nothing(swept):
    folder, _ = swept
    before = stamps(folder)
    code, out, _ = run(folder, "-m", SMOKE)
    assert code == 0
    assert "to train" not in out
    assert stamps(folder) == before


def test_report_again_from_what_was_run(swept):
    folder, _ = swept
    expected = results(folder)
    (folder / "results" / "sine_smoke" / "networks.csv").unlink()
    code, out, _ = run(folder, SMOKE, script=REPORT)
    assert code == 0
    assert "sine_smoke: plain: best at" in out
    assert results(folder) == expected


def test_a_variation_is_kept_apart(swept):
    folder, _ = swept
    before = stamps(folder)
    code, out, err = run(
        folder, "-m", *QUICK, BASIC, "depth=4,10", "network.width=8", "recipe.lr=3e-3", "seeds=[0,1,2]"
    )
    assert code == 0, err
    assert before.items() < stamps(folder).items()
    assert (folder / "runs/sine_smoke/sine/mlp/depth=004,lr=0.003,width=8,seeds=0-2").exists()
    assert "sine_smoke lr=0.003,width=8: plain:" in out


def test_a_damaged_record_is_named_and_only_its_cohort_trained_again(swept):
    folder, _ = swept
    expected, before = results(folder), stamps(folder)
    (damaged,) = folder.glob("runs/sine_smoke/sine/mlp/depth=010/records.csv")
    damaged.write_text(damaged.read_text()[:100])
    code, out, _ = run(folder, "-m", *QUICK, BASIC)
    assert code == 0
    assert f"warning: {damaged.relative_to(folder)} is damaged" in out
    assert "This cohort is trained again; all others are kept." in out
    changed = {path for path, stamp in stamps(folder).items() if before[path] != stamp}
    assert changed == {damaged}
    assert results(folder) == expected


def test_no_job_is_started_if_one_is_wrong(tmp_path):
    code, _, err = run(tmp_path, "-m", *QUICK, "depth=4,7,8")
    assert code == 2
    assert "no job was started" in err
    assert "depth is 8" in err
    assert "the nearest are 7 and 10" in err
    assert "Traceback" not in err
    assert not list(tmp_path.glob("**/status.json"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-m", "+recipe.lrr=1"], "did you mean recipe.lr?"),
        (["-m", "experiment=sine_smoke,sine_dept"], "sine_dept"),
        (["-m", "depth=4", "recipe.lr=0.001,1e-3"], "two jobs of this sweep are the same run"),
        (["-m", "runtime=gpu"], "torch finds no CUDA device"),
        (["-m", "logger=wandb_online"], "needs a W&B key and none was found"),
        (["-m", "runtime.results_dir=/proc/results"], "set runtime.results_dir to a folder that can"),
        (["-m", "experiment.name=mine"], "the experiment's file is sine_depth.yaml"),
        (["-m", "experiment=[sine_smoke,sine_depth]"], "a sweep takes experiment=NAME or experiment=NAME,NAME"),
        (["~experiment"], "no experiment is chosen"),
        (["depth=8"], "the nearest are 7 and 10"),
        (["depth=7,10"], "--multirun"),
        (["runtime=slurm"], "hydra/launcher=slurm is for sweeps; add -m, for a single cohort too."),
    ],
)
def test_wrong_command_lines_end_with_a_sentence(tmp_path, arguments, message, monkeypatch):
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    if "runtime=gpu" in arguments:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    code, _, err = run(tmp_path, *arguments, *([] if "experiment" in str(arguments) else [SMOKE]))
    assert code in (1, 2)
    assert message in err
    assert "Traceback" not in err
    assert not list(tmp_path.glob("**/status.json"))


def test_report_without_runs_says_how_to_train(tmp_path):
    code, _, err = run(tmp_path, "experiment=sine_depth", script=REPORT)
    assert code == 2
    assert "train with: python experiments/train.py -m experiment=sine_depth" in err


def test_a_comma_list_of_experiments_runs_each_ones_own_sweep(tmp_path):
    shared = ["recipe.max_steps=1", "recipe.evaluations=1", "logger=none", "seeds=[0]", "network.width=2"]
    code, out, err = run(tmp_path, "-m", "experiment=sine_smoke,sine_depth_he", BASIC, *shared)
    assert code == 0, err

    def depths(name):
        return sorted(int(path.name[6:9]) for path in (tmp_path / "runs" / name / "sine/mlp").iterdir())

    assert depths("sine_smoke") == [1, 4, 10, 31]
    assert depths("sine_depth_he") == [1, 4, 7, 10, 13, 16, 19, 22, 25, 28, 31, 37, 43, 49]
    lines = out.splitlines()
    trained = [line.split("]")[1].split(",")[0].strip() for line in lines if line.startswith("[")]
    assert trained[:4] == [f"sine_smoke depth={depth}" for depth in ("031", "010", "004", "001")]  # the deepest first
    assert trained[4:6] == ["sine_depth_he depth=049", "sine_depth_he depth=043"]
    told = [number for number, line in enumerate(lines) if line.startswith("sine_smoke evaluations=1")]
    assert len(told) == 2  # as soon as its last cohort was done, and on the last screen
    assert told[0] < next(number for number, line in enumerate(lines) if "] sine_depth_he depth=049" in line)
    assert told[1] > max(number for number, line in enumerate(lines) if line.startswith("["))


def test_two_sweeps_at_once_are_refused(tmp_path):
    folder = tmp_path / "runs" / "sine_smoke"
    folder.mkdir(parents=True)
    with FileLock(folder / ".lock"):
        code, _, err = run(tmp_path, "-m", *QUICK)
    assert code == 2
    assert "another sweep is running in runs/sine_smoke" in err


def test_a_failed_cohort_does_not_stop_the_others(tmp_path):
    folder = tmp_path / "runs/sine_smoke/sine/mlp/depth=010"
    folder.mkdir(parents=True)
    (folder / "last.ckpt").write_text("noise")
    code, out, err = run(tmp_path, "-m", *QUICK, BASIC)
    assert code == 1
    assert "1 of 4 cohorts failed" in err
    assert "depth=010" in err
    assert "last.ckpt is damaged" in err
    assert len(list(tmp_path.glob("runs/**/records.csv"))) == 3
    assert "sine_smoke: plain" in out
    code, out, _ = run(tmp_path, "-m", *QUICK, BASIC, "runtime.restart=true")
    assert code == 0
    assert "cohorts: 3 done already, 1 to train" in out
