"""The zip for QGIS, and the rules it is held to. Each rule is broken once, so that a rule that never fires is seen."""

import configparser
import importlib.util
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[2] / "tools"


def load(name):
    sys.path.insert(0, str(TOOLS))
    try:
        spec = importlib.util.spec_from_file_location(f"geoloupe_tools_{name}", TOOLS / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    finally:
        sys.path.remove(str(TOOLS))


package, validator = load("package"), load("validator")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return package.build(tmp_path_factory.mktemp("dist") / "geoloupe.zip")


def test_the_zip_is_one_the_site_takes(built):
    assert validator.problems_of(built) == []


def test_the_zip_holds_the_plugin_and_nothing_for_developers(built, root):
    with zipfile.ZipFile(built) as archive:
        names = set(archive.namelist())
    assert {"geoloupe/metadata.txt", "geoloupe/__init__.py", "geoloupe/LICENSE", "geoloupe/plugin/bootstrap.py"} <= names
    tops = {name.split("/")[1] for name in names}
    assert tops <= {"metadata.txt", "__init__.py", "LICENSE", "README.md", "plugin", "models", "resources"}
    sources = {path.stem for path in (root / "resources" / "i18n").glob("*.ts")}
    assert {Path(name).stem for name in names if name.endswith(".qm")} == sources
    assert not any(name.endswith(".ts") for name in names)


def test_the_same_tree_gives_the_same_bytes(built, tmp_path):
    again = package.build(tmp_path / "again.zip")
    assert again.read_bytes() == built.read_bytes()


def test_permissions_and_times_are_fixed(built):
    with zipfile.ZipFile(built) as archive:
        assert {(entry.external_attr >> 16, entry.date_time) for entry in archive.infolist()} == {(0o100644, package.TIME)}


GOOD = """[general]
name=Thing
description=Does a thing.
version=1.0.0
qgisMinimumVersion=3.22
qgisMaximumVersion=4.99
author=Someone
email=a@example.org
about=It does a thing.
tracker=https://example.org/t
repository=https://example.org/r
hasProcessingProvider=yes
"""
FILES = {"thing/metadata.txt": GOOD, "thing/__init__.py": "", "thing/LICENSE": "GPL", "thing/plugin/processing/provider.py": ""}


def zipped(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def test_a_good_zip_has_no_problems(tmp_path):
    assert validator.problems_of(zipped(tmp_path / "a.zip", FILES)) == []


@pytest.mark.parametrize(
    "change, word",
    [
        ({"thing/LICENSE": None}, "LICENSE"),
        ({"thing/__init__.py": None}, "__init__"),
        ({"thing/metadata.txt": None}, "metadata"),
        ({"other/x.py": ""}, "outside"),
        ({"thing/../x.py": ""}, "unsafe"),
        ({"thing/a\\b.py": ""}, "unsafe"),
        ({"thing/__pycache__/x.py": ""}, "must not"),
        ({"thing/x.pyc": ""}, "must not"),
        ({"thing/.git/config": ""}, "must not"),
        ({"thing/tool.SH": ""}, "script"),
        ({"thing/lib.so": ""}, "script"),
        ({"thing/tests/test_a.py": ""}, "developers"),
        ({"thing/license": ""}, "case"),
        ({"thing/metadata.txt": GOOD.replace("qgisMaximumVersion=4.99\n", "")}, "qgisMaximumVersion"),
        ({"thing/metadata.txt": GOOD.replace("about=It does a thing.\n", "")}, "about"),
        ({"thing/metadata.txt": GOOD.replace("name=Thing", "name=Thing Plugin")}, "repeats"),
        ({"thing/metadata.txt": GOOD.replace("hasProcessingProvider=yes", "")}, "hasProcessingProvider"),
        ({"thing/metadata.txt": GOOD + "icon=icons/none.svg\n"}, "icon"),
        ({"thing/metadata.txt": GOOD + "supportsQt6=True\n"}, "supportsQt6"),
        ({"thing/metadata.txt": GOOD.replace("https://example.org/t", "somewhere")}, "tracker"),
        ({"thing/metadata.txt": "name=Thing"}, "cannot be read"),
    ],
)
def test_each_rule_fires(tmp_path, change, word):
    files = {name: text for name, text in {**FILES, **change}.items() if text is not None}
    assert any(word in problem for problem in validator.problems_of(zipped(tmp_path / "a.zip", files)))


def test_a_zip_that_is_none_and_one_that_is_too_large(tmp_path, monkeypatch):
    (tmp_path / "a.zip").write_text("no zip")
    assert "not a zip" in validator.problems_of(tmp_path / "a.zip")[0]
    monkeypatch.setattr(validator, "MAX_BYTES", 100)
    assert "limit" in validator.problems_of(zipped(tmp_path / "b.zip", FILES))[0]


def test_one_version_everywhere(root):
    import tomllib

    metadata = configparser.ConfigParser(interpolation=None)
    metadata.read(root / "metadata.txt", encoding="utf-8")
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert metadata["general"]["version"] == project["version"]
    assert metadata["general"]["changelog"].startswith(project["version"] + ":")


def test_pip_is_told_of_every_headless_package(root):
    import tomllib

    listed = set(tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    folders = [
        root,
        *(path for part in ("models", "plugin/retrieval") for path in [root / part, *(root / part).rglob("*")]),
        root / "plugin",
    ]
    packages = {".".join(["geoloupe", *path.relative_to(root).parts]) for path in folders if (path / "__init__.py").is_file()}
    assert packages == listed


def test_new_files_are_named(tmp_path):
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / "new.py").write_text("")
    assert package.untracked_files(tmp_path) == ["new.py"]
    assert package.packaged_files(tmp_path) == []


@pytest.mark.heavy
def test_pip_installs_what_the_tree_holds(root, tmp_path):
    """The installed package has the headless part of the tree, byte for byte, and its command starts."""
    tree, target = tmp_path / "tree", tmp_path / "site"
    names = (
        subprocess.run(["git", "-C", str(root), "ls-files", "-z"], check=True, stdout=subprocess.PIPE).stdout.decode().split("\0")
    )
    for name in filter(None, names):
        if (root / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_bytes((root / name).read_bytes())
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "--target",
        str(target),
        str(tree),
    ]
    subprocess.run(command, check=True)

    def content(folder, part):
        return {
            p.relative_to(folder).as_posix(): p.read_bytes()
            for p in (folder / part).rglob("*")
            if p.is_file() and "__pycache__" not in p.parts
        }

    installed = target / "geoloupe"
    for part in ("models", "plugin/retrieval", "resources/models/compact"):
        expected = {
            name: text
            for name, text in content(tree, part).items()
            if part.startswith("resources") or name.endswith((".py", ".json"))
        }
        assert content(installed, part) == expected, part
    for module in ("plugin/cli.py", "plugin/errors.py", "plugin/bootstrap.py", "__init__.py"):
        assert (installed / module).read_bytes() == (tree / module).read_bytes()
    assert not (installed / "plugin" / "gui").exists() and not (installed / "tests").exists()

    environment = {**os.environ, "PYTHONPATH": str(target)}
    code = "import geoloupe.plugin.cli as cli, sys; print(cli.__file__, flush=True); sys.exit(cli.main(['models']))"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True)
    assert done.returncode == 0 and str(target) in done.stdout and "compact" in done.stdout
