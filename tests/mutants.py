"""Which small changes of the core does no test notice?

    python tests/mutants.py --rooms networks tasks training analysis records [--seconds 60] [--out table.csv]

Every function of a room is changed in one place at a time: a ReLU or a normalisation deleted, a comparison turned, a
factor doubled, and so on. The quick tests of the room are collected once. For each mutant the process forks, the child
exchanges the code of the functions that are there, and runs the tests that call the changed function, the fastest
first, until one fails. So a mutant costs what its tests cost, and no file is touched.

The table has a line a mutant: killed, killed by time, survived, or not covered (no quick test calls the function).
"""

import argparse
import ast
import csv
import gc
import importlib
import os
import pickle
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, NamedTuple

os.environ["OMP_NUM_THREADS"] = "1"

import pytest
import pytorch_lightning  # noqa: F401
import scipy.stats  # noqa: F401
import sklearn.datasets
import sklearn.model_selection  # noqa: F401
from hydra._internal.hydra import Hydra

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "degradation"
TRAINING = ["test_oracles.py", "test_schedule.py", "test_engines.py", "test_cohort.py", "test_memory.py",
            "test_variants.py", "test_switches.py", "test_finished.py", "test_cohort_records.py"]  # fmt: skip
TESTS = {  # quick tests of a room
    "networks": ["tests/networks", "tests/config"],
    "tasks": ["tests/tasks"],
    "training": [f"tests/training/{name}" for name in TRAINING],
    "diagnostics": ["tests/diagnostics", "tests/training/test_oracles.py"],
    "records": ["tests/records"],
    "analysis": ["tests/analysis"],
    "analysis/comparison": ["tests/analysis/comparison"],
    "config": ["tests/config", "tests/training/test_variants.py"],
}
LEFT_OUT = {  # W&B, callbacks, the command, what a GPU captures, files, sentences, the registry of claims, secrets
    "tasks": {"cifar10_files"},
    "training": {"callbacks", "deadline", "fit", "graph"},
    "analysis": {"claims", "sentences"},
    "records": {"environment", "files"},
    "config": {"composition", "secrets"},
}
SWAPS: dict[type, type] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot,
    ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip
NAMES = {"min": "max", "max": "min", "mean": "sum", "sum": "mean", "any": "all", "all": "any", "floor": "ceil",
         "ceil": "floor", "ones": "zeros", "zeros": "ones", "zeros_like": "ones_like", "low": "high", "high": "low",
         "idxmin": "idxmax"}  # fmt: skip
KEPT_CALLS = {"len", "range", "list", "set", "tuple", "dict", "int", "float", "str", "bool", "sorted", "vars", "repr"}
DROPPED_METHODS = {"eval", "train", "abs", "sqrt", "square", "dropna", "log", "clone", "items", "double"}
SLOW_FIXTURES = {"cifar10_folder"}
SLOW_TESTS = {"test_a_compiled_block_against_torchvision", "test_depth_1202_builds", "test_exit_codes"}
NOT_APPLIED = 77
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Mutant(NamedTuple):
    """One change: where it stands, the functions around it, and the change itself."""

    path: Path
    line: int
    function: str
    what: str
    holder: Any  # the list or node whose element or field is replaced
    place: int | str
    new: ast.AST


def replacements(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """What may stand in the place of a node."""
    if isinstance(node, ast.BinOp | ast.BoolOp | ast.AugAssign) and type(node.op) in SWAPS:
        yield "other operator", _with(node, op=SWAPS[type(node.op)]())
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub | ast.Mult | ast.Div):
        yield "right side dropped", node.left
        yield "left side dropped", node.right
    if isinstance(node, ast.Compare):
        for at, op in enumerate(node.ops):
            if type(op) in SWAPS:
                yield "other comparison", _with(node, ops=[*node.ops[:at], SWAPS[type(op)](), *node.ops[at + 1 :]])
            if isinstance(op, ast.Lt | ast.LtE | ast.Gt | ast.GtE):
                turned = ast.Gt() if isinstance(op, ast.Lt | ast.LtE) else ast.Lt()
                yield "comparison turned", _with(node, ops=[*node.ops[:at], turned, *node.ops[at + 1 :]])
    if isinstance(node, ast.If | ast.IfExp):
        yield "condition negated", _with(node, test=ast.UnaryOp(ast.Not(), node.test))
    if isinstance(node, ast.UnaryOp):
        yield "sign or negation dropped", node.operand
    if isinstance(node, ast.Constant):
        if isinstance(node.value, bool):
            yield "truth turned", ast.Constant(not node.value)
        elif isinstance(node.value, int):
            yield "one more", ast.Constant(node.value + 1)
        elif isinstance(node.value, float):
            yield "twice", ast.Constant(2 * node.value or 1.0)
    if isinstance(node, ast.Name) and node.id in NAMES and isinstance(node.ctx, ast.Load):
        yield "other function", ast.Name(NAMES[node.id], ast.Load())
    if isinstance(node, ast.Attribute) and node.attr in NAMES and isinstance(node.ctx, ast.Load):
        yield "other function", _with(node, attr=NAMES[node.attr])
    if isinstance(node, ast.Call):
        name = ast.unparse(node.func)
        if len(node.args) == 1 and not node.keywords and name not in KEPT_CALLS and not name[0].isupper():
            yield f"{name} dropped", node.args[0]
        if isinstance(node.func, ast.Attribute) and not node.args and node.func.attr in DROPPED_METHODS:
            yield f".{node.func.attr}() dropped", node.func.value
    if isinstance(node, ast.AugAssign) or (isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant)):
        yield "statement deleted", ast.Pass()


def _with(node: Any, **fields: Any) -> ast.AST:
    return type(node)(**{name: getattr(node, name, None) for name in node._fields} | fields)


def mutants(path: Path, node: Any, names: tuple[str, ...] = ()) -> Iterator[Mutant]:
    """All mutants within a node; messages, annotations, defaults and decorators are left alone."""
    for field in node._fields:
        value = getattr(node, field, None)
        if field in ("annotation", "returns", "decorator_list", "args") and not isinstance(node, ast.Call):
            continue
        if isinstance(node, ast.ClassDef) and field == "body":
            value = [child for child in value if not isinstance(child, ast.Assign | ast.AnnAssign)]
        for place, child in enumerate(value) if isinstance(value, list) else [(field, value)]:
            if not isinstance(child, ast.AST) or isinstance(child, ast.JoinedStr | ast.Raise | ast.Assert):
                continue
            if names or (isinstance(child, ast.Constant) and isinstance(node, ast.Assign)):
                holder = value if isinstance(value, list) else node
                for what, new in replacements(child):
                    if hasattr(child, "lineno"):
                        text = f"{what}: {ast.unparse(child).splitlines()[0][:90]}"
                        yield Mutant(path, child.lineno, ".".join(names), text, holder, place, new)
            inner = names
            if isinstance(child, ast.ClassDef | ast.FunctionDef):
                inner = (*names, *(["<locals>"] if isinstance(node, FUNCTIONS) else []), child.name)
            yield from mutants(path, child, inner)


def change(mutant: Mutant, tree: ast.Module, functions: list[FunctionType]) -> None:
    """Exchange the code of the functions of this process, or the value of a module's constant in all modules."""
    old = getattr(mutant.holder, mutant.place) if isinstance(mutant.place, str) else mutant.holder[mutant.place]
    for node in ast.walk(mutant.new):
        ast.copy_location(node, old) if not hasattr(node, "lineno") else None
    if isinstance(mutant.place, str):
        setattr(mutant.holder, mutant.place, mutant.new)
    else:
        mutant.holder[mutant.place] = mutant.new
    compiled = compile(ast.fix_missing_locations(tree), str(mutant.path), "exec")
    if not mutant.function:
        name = mutant.holder.targets[0].id
        for module in [module for key, module in sys.modules.items() if key.startswith(("degradation.", "tests."))]:
            if getattr(module, name, None) == old.value:
                setattr(module, name, mutant.new.value)  # type: ignore[attr-defined]
        return
    codes = {(code.co_qualname, code.co_firstlineno): code for code in _codes(compiled)}
    for function in functions:
        key = (function.__code__.co_qualname, function.__code__.co_firstlineno)
        if function.__code__.co_filename == str(mutant.path) and key in codes:
            if codes[key].co_freevars != function.__code__.co_freevars:
                os._exit(NOT_APPLIED)
            function.__code__ = codes[key]


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


class Runner:
    """A plugin that, in place of running the collected tests, runs them for every mutant in a child of its own."""

    def __init__(self, files: list[Path], again: set, seconds: int, slow: float, out: Any) -> None:
        self.again = again
        self.files, self.seconds, self.slow = files, seconds, slow
        self.out, self.table = out, csv.writer(out)
        self.counts: dict[str, int] = {}
        self.in_child = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = [item for item in session.items if item.name not in SLOW_TESTS]
        items = [item for item in items if not SLOW_FIXTURES & set(getattr(item, "fixturenames", ()))]
        for path in self.files:  # those that are imported where they are needed would come unchanged in every child
            importlib.import_module(".".join(("degradation", *path.relative_to(SOURCE).with_suffix("").parts)))
        _untraced(Hydra, "compose_config")
        calls, times = self._baseline(items)
        self.functions = [
            function
            for function in gc.get_objects()
            if type(function) is FunctionType and function.__code__.co_filename.startswith(str(SOURCE))
        ]
        gc.freeze()  # or every child's collections would copy all pages
        for path in self.files:
            for number in range(len(list(mutants(path, ast.parse(path.read_text()))))):
                tree = ast.parse(path.read_text())
                mutant = list(mutants(path, tree))[number]
                key = (str(path.relative_to(SOURCE)), str(mutant.line), mutant.function, mutant.what)
                if self.again and key not in self.again:
                    continue
                names = [name for name in times if not mutant.function or (str(path), mutant.function) in calls[name]]
                chosen = sorted((item for item in items if item.nodeid in names), key=lambda item: times[item.nodeid])
                outcome = self._outcome(mutant, tree, chosen) if chosen else "not covered"
                if outcome == "not applied":
                    continue
                self.counts[outcome] = self.counts.get(outcome, 0) + 1
                self.table.writerow([*key, outcome])
                self.out.flush()
                if outcome not in ("killed", "killed by time"):
                    print(f"{path.relative_to(ROOT)}:{mutant.line} {outcome}: {mutant.what}", flush=True)
        return True

    def _baseline(self, items: list[pytest.Item]) -> tuple[dict[str, set], dict[str, float]]:
        """By test, which functions it calls and its seconds; without the tests that are slow or skipped."""
        with tempfile.NamedTemporaryFile() as file:
            if os.fork() == 0:
                signal.signal(signal.SIGVTALRM, _too_slow)
                calls: dict[str, set] = {}
                times: dict[str, float] = {}
                for item in items:
                    called: set = set()
                    _silence()
                    began = time.process_time()
                    signal.setitimer(signal.ITIMER_VIRTUAL, 2 * self.slow)  # a slow one ends here; tracing takes time
                    sys.settrace(lambda frame, event, _, called=called: _note(frame, called))  # calls alone
                    reports = _run(item, None)
                    sys.settrace(None)
                    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
                    taken = time.process_time() - began
                    if taken < self.slow and all(report.passed for report in reports):
                        calls[item.nodeid], times[item.nodeid] = called, taken
                Path(file.name).write_bytes(pickle.dumps((calls, times)))
                os._exit(0)
            os.wait()
            calls, times = pickle.loads(Path(file.name).read_bytes())
        print(f"{len(times)} of {len(items)} tests are quick and pass, {sum(times.values()):.1f} s", flush=True)
        return calls, times

    def _outcome(self, mutant: Mutant, tree: ast.Module, items: list[pytest.Item]) -> str:
        child = os.fork()
        if child == 0:
            signal.alarm(self.seconds)
            _silence()
            self.in_child = True
            change(mutant, tree, self.functions)
            for item, following in zip(items, [*items[1:], None], strict=True):
                _run(item, following)
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        if os.WIFSIGNALED(status):
            return "killed by time" if os.WTERMSIG(status) == signal.SIGALRM else "killed"
        return {0: "survived", NOT_APPLIED: "not applied"}.get(os.WEXITSTATUS(status), "killed")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, call: pytest.CallInfo) -> None:
        """The first failure of a mutant ends its process, before anything is written about it."""
        if self.in_child and call.excinfo is not None and not call.excinfo.errisinstance(pytest.skip.Exception):
            os._exit(1)


def _run(item: pytest.Item, following: pytest.Item | None) -> list[Any]:
    from _pytest.runner import runtestprotocol

    return runtestprotocol(item, log=False, nextitem=following)


def _note(frame: Any, called: set) -> None:
    if frame.f_code.co_filename.startswith(str(SOURCE)):
        called.add((frame.f_code.co_filename, frame.f_code.co_qualname))


def _untraced(owner: Any, name: str) -> None:
    """Leave tracing out of a method that takes long under it and calls nothing of ours."""
    method = getattr(owner, name)

    def quiet(*args: Any, **kwargs: Any) -> Any:
        trace = sys.gettrace()
        sys.settrace(None)
        try:
            return method(*args, **kwargs)
        finally:
            sys.settrace(trace)

    setattr(owner, name, quiet)


def _too_slow(*_: Any) -> None:
    raise TimeoutError


def _silence() -> None:
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rooms", nargs="+", default=list(TESTS), choices=list(TESTS))
    parser.add_argument("--seconds", type=int, default=60, help="limit a mutant")
    parser.add_argument("--slow", type=float, default=0.5, help="tests that take more seconds are left out")
    parser.add_argument("--files", nargs="*", help="only these modules of the rooms, such as `group`")
    parser.add_argument("--again", type=Path, help="an earlier table: only those that were not killed there")
    parser.add_argument("--out", type=Path, default=Path("mutants.csv"))
    given = parser.parse_args()
    summary, again = [], set()
    if given.again:
        with given.again.open() as held:
            again = {tuple(row[:4]) for row in csv.reader(held) if not row[4].startswith("killed")}
    with given.out.open("w") as out, tempfile.TemporaryDirectory() as folder:
        csv.writer(out).writerow(["file", "line", "function", "change", "outcome"])
        for room in given.rooms:
            files = [file for file in sorted((SOURCE / room).glob("*.py")) if file.stem not in LEFT_OUT.get(room, ())]
            files = [file for file in files if not given.files or file.stem in given.files]
            runner = Runner(files, again, given.seconds, given.slow, out)
            tests = [test for test in TESTS[room] if (ROOT / test).exists()]
            began = time.monotonic()
            options = [
                "-s",
                "-p",
                "no:cacheprovider",
                "-p",
                "no:terminal",
                f"--basetemp={folder}/{room.replace('/', '-')}",
            ]
            pytest.main([*options, *(str(ROOT / test) for test in tests)], plugins=[runner])
            counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(runner.counts.items()))
            summary.append(f"{room}: {sum(runner.counts.values())} mutants, {counts}; {time.monotonic() - began:.0f} s")
    print("\n".join(summary))


if __name__ == "__main__":
    main()
