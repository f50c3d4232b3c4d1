"""Who may import what, as the design says, read from every file's imports without running it."""

import ast
import subprocess
import sys

import pytest

QT = {"PyQt5", "PyQt6", "PySide2", "PySide6"}
QGIS = {"qgis", "osgeo", "processing"}
HEAVY = {
    "onnxruntime",
    "faiss",
    "torch",
    "transformers",
    "rasterio",
    "shapely",
    "pyproj",
    "pyogrio",
    "safetensors",
    "tokenizers",
    "affine",
    "onnx",
}
NUMPY = {"numpy"}
TRAINING = {"PIL", "scipy", "sentence_transformers"}  # inside functions; what runs is held to numpy and onnxruntime below
STDLIB = set(sys.stdlib_module_names)

# part: (foreign modules it may import, parts of our own it may import besides itself and plugin.errors)
RULES = {
    "models": (HEAVY | NUMPY | TRAINING, {"models"}),
    "plugin.retrieval": (HEAVY | NUMPY, {"models"}),
    "plugin.worker": (HEAVY | NUMPY, {"models", "plugin.retrieval", "plugin.engine", "plugin.bootstrap"}),
    "plugin.engine": (set(), set()),
    "plugin.bridge": ({"qgis"} | NUMPY, {"plugin.engine"}),
    "plugin.processing": ({"qgis", "processing"} | NUMPY, {"plugin.bridge", "plugin.engine"}),
    "plugin.gui": ({"qgis"} | NUMPY, {"plugin.bridge", "plugin.engine"}),
    "plugin.entry": ({"qgis"}, {"plugin.gui", "plugin.bridge", "plugin.processing", "plugin.engine"}),
    "plugin.cli": (set(), {"plugin.commands"}),
    "plugin.commands": (HEAVY | NUMPY, {"models", "plugin.retrieval"}),
    "plugin.__main__": (set(), {"plugin.cli", "plugin.bootstrap"}),
    "plugin.bootstrap": (set(), set()),
    "plugin.errors": (set(), set()),
    "plugin": (set(), set()),
    "": (set(), {"plugin.entry"}),
}
# What every file of these parts may import when Python starts it: QGIS's process must not load the engine's libraries.
QGIS_SIDE = ("plugin.engine", "plugin.bridge", "plugin.processing", "plugin.gui", "plugin.entry", "")
SKIPPED = ("tests", ".venv", "build", "dist", "demo", "resources")


def module_of(path, root):
    """The dotted name of a file inside the package; the root's own __init__.py is ''."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def part_of(module):
    """The longest rule that a module falls under."""
    fitting = [part for part in RULES if module == part or module.startswith(part + ".") or part == ""]
    return max(fitting, key=len)


def imports_of(path, root):
    """(line, absolute dotted name inside our package or None, foreign top module or None) of every import in a file."""
    module = module_of(path, root)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        script = path.name == "__main__.py"  # run by its path: it registers the package, then names it
        if isinstance(node, ast.ImportFrom) and node.level == 0 and script and node.module.startswith("geoloupe."):
            yield node.lineno, node.module.partition(".")[2], None
        elif isinstance(node, ast.Import):
            for name in node.names:
                yield node.lineno, None, name.name.split(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.lineno, None, node.module.split(".")[0]
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".") if package else []
            base = base[: len(base) - (node.level - 1)]
            prefix = ".".join([*base, *([node.module] if node.module else [])])
            for name in node.names:
                target = f"{prefix}.{name.name}".strip(".")
                # `from .part import thing` names a module or a thing in it: the file tells which
                inside = (root / target.replace(".", "/")).is_dir() or (root / (target.replace(".", "/") + ".py")).is_file()
                yield node.lineno, target if inside else prefix, None


def violations(root):
    """Sentences, one for each import that breaks the rules."""
    found = []
    for path in sorted(root.rglob("*.py")):
        where = path.relative_to(root)
        if where.parts[0] in SKIPPED:
            continue
        module = module_of(path, root)
        part = part_of(module)
        foreign, own = RULES[part]
        for line, inside, outside in imports_of(path, root):
            if outside is not None:
                if outside not in STDLIB | foreign | {"__future__"}:
                    found.append(f"{where}:{line} imports {outside}")
                continue
            target = part_of(inside)
            if target not in own | {part, "plugin.errors", "plugin"} or (
                target == "plugin" and part != "plugin" and inside != "plugin"
            ):
                found.append(f"{where}:{line} imports {inside}")
    return found


def test_every_part_imports_only_what_it_may(root):
    assert violations(root) == []


def test_qgis_sees_qt_through_qgis_only(root):
    for path in (root / "plugin").rglob("*.py"):
        names = {outside for _, _, outside in imports_of(path, root)}
        assert not names & (QT | {"osgeo"}), path


@pytest.mark.parametrize(
    "name, text, broken",
    [
        ("plugin/engine/client.py", "import numpy\n", True),
        ("plugin/engine/client.py", "from ..bridge import layers\n", True),
        ("plugin/engine/client.py", "from ..errors import GeoLoupeError\nimport json\n", False),
        ("plugin/gui/dock.py", "def late():\n    import faiss\n", True),
        ("plugin/gui/dock.py", "from qgis.PyQt.QtCore import Qt\nfrom ..bridge.tasks import SearchTask\n", False),
        ("plugin/gui/dock.py", "from PyQt5.QtCore import Qt\n", True),
        ("plugin/bridge/sink.py", "from ..gui import dock\n", True),
        ("plugin/retrieval/search.py", "from ...models.encoder import Encoder\nimport faiss\n", False),
        ("plugin/retrieval/search.py", "from qgis.core import QgsProject\n", True),
        ("models/catalogue.py", "from ..plugin.errors import GeoLoupeError\n", False),
        ("models/catalogue.py", "from ..plugin.retrieval import search\n", True),
        ("__init__.py", "from .plugin.entry import GeoLoupePlugin\n", False),
        ("__init__.py", "from .plugin.retrieval import search\n", True),
    ],
)
def test_the_rules_can_be_broken(tmp_path, name, text, broken):
    for folder in ("plugin/engine", "plugin/gui", "plugin/bridge", "plugin/retrieval", "plugin/processing", "models"):
        (tmp_path / folder).mkdir(parents=True)
    for module in (
        "plugin/entry.py",
        "plugin/errors.py",
        "plugin/bridge/tasks.py",
        "plugin/gui/dock.py",
        "plugin/retrieval/search.py",
        "models/encoder.py",
    ):
        (tmp_path / module).write_text("")
    (tmp_path / name).write_text(text)
    assert bool(violations(tmp_path)) is broken


def test_qgis_facing_code_reads_as_python_3_9(root):
    """Many QGIS installers still ship it; ruff checks the details, this that the grammar is 3.9's."""
    for path in (root / "plugin").rglob("*.py"):
        if part_of(module_of(path, root)) in QGIS_SIDE:
            ast.parse(path.read_text(encoding="utf-8"), str(path), feature_version=(3, 9))


def test_the_encoder_that_ships_runs_on_numpy_and_onnxruntime_alone(root):
    code = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("bootstrap", {!r})
bootstrap = importlib.util.module_from_spec(spec)
spec.loader.exec_module(bootstrap)
bootstrap.register()
for name in {!r}:
    sys.modules[name] = None
from geoloupe.models import Interleaved, Text, load_encoder
print(load_encoder("compact").encode([Interleaved([Text("a road")])]).shape)
"""
    blocked = sorted((HEAVY | TRAINING | QGIS) - {"onnxruntime"})
    code = code.format(str(root / "plugin" / "bootstrap.py"), blocked)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("(1, "), done.stderr
