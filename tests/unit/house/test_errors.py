"""Programs rely on the codes of errors: the list in plugin/errors.py holds every one that the code uses, and no other."""

import ast
import re

from geoloupe.plugin.errors import GeoLoupeError

WORD = re.compile(r"[a-z]+(_[a-z]+)*")


def codes_in(path):
    """The codes that a file raises: first arguments of GeoLoupeError, and what is assigned to or listed as a code."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if (
            isinstance(node, ast.Call)
            and getattr(node.func, "id", getattr(node.func, "attr", "")) == "GeoLoupeError"
            and node.args
        ):
            first = node.args[0]
            parts = [first.body, first.orelse] if isinstance(first, ast.IfExp) else [first]
            found |= {part.value for part in parts if isinstance(part, ast.Constant)}
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple) and isinstance(node.value, ast.Tuple):
            for target, value in zip(node.targets[0].elts, node.value.elts, strict=True):
                if getattr(target, "id", "") == "code" and isinstance(value, ast.Constant):
                    found.add(value.value)
    return found


def test_every_code_is_listed_and_every_listed_one_is_used(root):
    used = set()
    for folder in ("plugin", "models"):
        for path in (root / folder).rglob("*.py"):
            used |= codes_in(path)
    # pip's failures are a table of (pattern, code, sentence).
    tree = ast.parse((root / "plugin" / "engine" / "pip_runner.py").read_text(encoding="utf-8"))
    table = next(
        node.value for node in tree.body if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "_CAUSES"
    )
    used |= {row.elts[1].value for row in table.elts}
    listed = set(re.findall(r"``([a-z_]+)``", GeoLoupeError.__doc__)) - {"message", "detail", "code"}
    assert all(WORD.fullmatch(code) for code in used)
    assert used - listed == set(), "missing in the list of plugin/errors.py"
    assert listed - used == set(), "listed, but nothing raises it"
