"""The command `degradation`: the same verbs as experiments/, and what is wrong gets a sentence."""

import ast
from importlib.metadata import version

import pytest

from degradation.commands.verbs import VERBS, run
from tests.conftest import ROOT

NEEDS_THE_CHECKOUT = {"gpu_proof"}  # it runs tests


def entry_point(path):
    """The job that a script calls, and the configuration that it takes."""
    tree = ast.parse(path.read_text())
    (job,) = [
        f"{node.module.removeprefix('degradation.commands.')}.{node.names[0].name}"
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.names[0].name.endswith("_job")
    ]
    (main,) = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    given = {keyword.arg: ast.literal_eval(keyword.value) for keyword in main.decorator_list[-1].keywords}
    assert (given["version_base"], given["config_path"]) == ("1.3", "../conf")
    return job, given["config_name"]


def test_every_entry_point_is_a_verb():
    scripts = {path.stem: path for path in (ROOT / "experiments").glob("*.py")}
    assert set(scripts) == set(VERBS) | NEEDS_THE_CHECKOUT
    for name, verb in VERBS.items():
        assert entry_point(scripts[name]) == (verb.job, verb.config), name


def test_what_it_says_of_itself(capsys):
    run([])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "usage: degradation VERB [KEY=VALUE ...]"
    assert [line.split()[0] for line in lines[2:-3]] == list(VERBS)
    run(["--version"])
    assert capsys.readouterr().out == f"degradation {version('degradation')}\n"


def test_hydra_reads_the_rest(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["pytest"])
    run(["export", "--cfg", "job", "format=onnx"])
    assert capsys.readouterr().out.split() == ["run:", "null", "format:", "onnx", "out:", "null"]
    with pytest.raises(SystemExit) as ended:
        run(["export", "formt=onnx"])
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("error: Could not override 'formt'.")


def test_no_such_verb(capsys):
    with pytest.raises(SystemExit) as ended:
        run(["trian"])
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("error: 'trian' is no verb; allowed: train, demo, report, ")
