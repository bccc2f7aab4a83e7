"""The rooms of docs/DESIGN: which may import which, nothing in a circle, nothing loose, nothing too long."""

import ast
from pathlib import Path

import pytest

from tests.conftest import ROOT

SOURCE = ROOT / "src" / "degradation"
# A room and those that it may import; what those may import, it may too.
ROOMS = {
    "checks": [],
    "streams": [],
    "instructions": [],
    "networks": ["checks", "streams"],
    "tasks": ["checks", "streams"],
    "config": ["networks", "tasks"],
    "records": ["config", "instructions"],
    "analysis": ["records"],
    "figures": ["analysis"],
    "training": ["records"],
    "diagnostics": ["training"],
    "reports": ["figures"],
    "tracking": ["training", "reports"],
    "bench": ["diagnostics", "reports"],
    "sweeps": ["tracking"],
    "commands": ["sweeps", "diagnostics", "bench"],
    "__main__": ["commands"],
}
SPECS_ALONE = {
    "family",
    "spec",
    "mlp_spec",
    "cifar_spec",
    "conv_spec",
    "compiler",
}  # of networks and tasks: what configuration may read
FILES = sorted(SOURCE.rglob("*.py"))
LONGEST = 350  # lines


def below(room):
    return {room}.union(*(below(other) for other in ROOMS[room]))


def imports(file):
    """Modules of this package that a file imports, within functions too, but for the type checker alone."""
    tree = ast.parse(file.read_text())
    checked = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.ImportFrom)
            and id(node) not in checked
            and (node.module or "").startswith("degradation")
        ):
            for alias in node.names:
                inside = SOURCE.parent / Path(*node.module.split("."), alias.name)  # a module of that package?
                found = inside.is_dir() or inside.with_suffix(".py").exists()
                yield f"{node.module}.{alias.name}" if found else node.module


@pytest.mark.parametrize("file", FILES, ids=[str(file.relative_to(SOURCE)) for file in FILES])
def test_arrows_go_down(file):
    place = file.relative_to(SOURCE)
    room = place.parts[0].removesuffix(".py")
    if room == "__init__":
        return
    assert room in ROOMS, f"{place} is loose"
    for module in imports(file):
        other = module.split(".")[1]
        assert other in below(room), f"{place} imports {module}"
        if room == "config" and other in ("networks", "tasks"):
            assert module.split(".")[2] in SPECS_ALONE, f"{place} imports {module}"
    assert len(file.read_text().splitlines()) <= LONGEST


def test_no_circles_between_modules():
    graph = {}
    for file in FILES:
        parts = file.relative_to(SOURCE).with_suffix("").parts
        graph[".".join(["degradation", *parts]).removesuffix(".__init__")] = set(imports(file))
    graph = {name: {other for other in found if other in graph} - {name} for name, found in graph.items()}
    while graph:
        free = [name for name, found in graph.items() if not found & graph.keys()]
        if not free:  # what depends on the circle is no part of it
            depended = set().union(*graph.values())
            unused = [name for name in graph if name not in depended]
            assert unused, f"a circle among {sorted(graph)}"
            free = unused
        for name in free:
            del graph[name]


def test_tests_mirror_the_rooms():
    rooms = {folder.name for folder in SOURCE.iterdir() if folder.is_dir() and folder.name != "__pycache__"}
    tested = {file.relative_to(ROOT / "tests").parts[0] for file in (ROOT / "tests").glob("*/**/test_*.py")}
    assert rooms <= tested


def test_families_and_tasks_are_told_apart_by_their_contract_alone():
    names = [
        "MLP",
        "CifarNet",
        "Conv",
        "MLPNetwork",
        "CifarNetwork",
        "ConvNetwork",
        "SineTask",
        "IdentityTask",
        "DigitsTask",
        "Cifar10Task",
        "ImageTask",
    ]
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "isinstance":
                told = ast.unparse(node.args[1])
                assert not any(name in told.replace("|", " ").split() for name in names), f"{file.name}: {told}"


def test_the_settings_need_no_torch():
    """Read where nothing is trained: imports at the top of a module."""
    for name in (
        "networks/family",
        "networks/mlp_spec",
        "networks/cifar_spec",
        "networks/conv_spec",
        "networks/shortcuts",
        "tasks/spec",
        "tasks/sine",
        "tasks/identity",
    ):
        tree = ast.parse((SOURCE / f"{name}.py").read_text())
        modules = [node.module for node in tree.body if isinstance(node, ast.ImportFrom)]
        modules += [alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names]
        assert not [module for module in modules if module and module.split(".")[0] in ("torch", "torchvision")]


def test_lines_are_no_longer_than_120_columns():
    for path in Path(ROOT).glob("src/**/*.py"):
        assert max(map(len, path.read_text().splitlines()), default=0) <= 120, path
