"""The rules by which the QGIS plugin site accepts a zip, written again so that they can be checked before an upload.

python3 validator.py FILE.zip
"""

import configparser
import re
import stat
import sys
import zipfile

MAX_BYTES = 25 * 1024 * 1024
REQUIRED = ("name", "description", "version", "qgisMinimumVersion", "author", "email", "about", "tracker", "repository")
FORBIDDEN_PARTS = ("__pycache__", ".git", "__MACOSX", ".svn", ".hg")
BINARIES = (".exe", ".dll", ".so", ".dylib", ".bat", ".sh", ".ps1", ".cmd", ".pyd")
DEVELOPMENT = ("tests", "Makefile", "pyproject.toml", ".ci", ".github", ".gitignore", ".gitattributes")


def problems_of(path):
    """Why the site would refuse the zip at ``path``, or why we would not upload it: sentences, none when all is well."""
    if path.stat().st_size > MAX_BYTES:
        return [f"the file has {path.stat().st_size / 1e6:.1f} MB, the limit is 25 MB"]
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile:
        return ["it is not a zip file"]
    with archive:
        broken = archive.testzip()
        if broken:
            return [f"{broken} is damaged"]
        names = archive.namelist()
        if not names:
            return ["it is empty"]
        top = names[0].split("/")[0]
        problems = [*_name_problems(names, top), *_link_problems(archive)]
        for needed in ("metadata.txt", "__init__.py", "LICENSE"):
            if f"{top}/{needed}" not in names:
                problems.append(f"{top}/{needed} is missing")
        if f"{top}/metadata.txt" in names:
            problems += metadata_problems(archive.read(f"{top}/metadata.txt").decode("utf-8"), names, top)
    return problems


def _name_problems(names, top):
    problems = []
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", top):
        problems.append(f"the top folder {top!r} is not a Python identifier")
    if len({name.lower() for name in names}) != len(names):
        problems.append("two names differ only in case, or are the same")
    for name in names:
        parts = name.split("/")
        if parts[0] != top:
            problems.append(f"{name} is outside the one top folder")
        if ".." in parts or name.startswith("/") or "\\" in name or ":" in name:
            problems.append(f"{name} is an unsafe path")
        if name.endswith(".pyc") or any(part in FORBIDDEN_PARTS for part in parts):
            problems.append(f"{name} must not be in a plugin")
        if name.lower().endswith(BINARIES):
            problems.append(f"{name} is a program or a script of the system")
        if len(parts) > 1 and parts[1] in DEVELOPMENT:
            problems.append(f"{name} is for developers")
    return problems


def _link_problems(archive):
    return [f"{entry.filename} is a link" for entry in archive.infolist() if stat.S_ISLNK(entry.external_attr >> 16)]


def metadata_problems(text, names, top):
    """Problems of ``metadata.txt``; ``names`` are the zip's, to find the icon."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str
    try:
        parser.read_string(text)
        general = dict(parser["general"])
    except (configparser.Error, KeyError) as error:
        return [f"metadata.txt cannot be read: {error}"]
    problems = [f"metadata.txt lacks {key}" for key in REQUIRED if not general.get(key, "").strip()]
    for key in ("qgisMinimumVersion", "qgisMaximumVersion"):
        if not re.fullmatch(r"\d+\.\d+(\.\d+)?", general.get(key, "")):
            problems.append(f"{key} is not a version: without it QGIS guesses")
    if not re.fullmatch(r"\d+\.\d+(\.\d+)?([-.]?\w+)?", general.get("version", "")):
        problems.append("version is not like 1.2.3")
    for key in ("tracker", "repository", "homepage"):
        if general.get(key) and not re.match(r"https?://\S+\.\S+", general[key]):
            problems.append(f"{key} is not a web address")
    if "@" not in general.get("email", "@"):
        problems.append("email is not an address")
    if "plugin" in general.get("name", "").lower():
        problems.append("the name repeats the word plugin")
    for key in ("name", "description", "about"):
        if not general.get(key, "").isascii():
            problems.append(f"{key} is not plain English text")
    if "supportsQt6" in general:
        problems.append("supportsQt6 is no longer read: use qgisMaximumVersion")
    if general.get("icon") and f"{top}/{general['icon']}" not in names:
        problems.append(f"the icon {general['icon']} is missing")
    if f"{top}/plugin/processing/provider.py" in names and general.get("hasProcessingProvider") != "yes":
        problems.append("hasProcessingProvider=yes is missing: qgis_process would not load the plugin")
    return problems


if __name__ == "__main__":
    from pathlib import Path

    found = problems_of(Path(sys.argv[1]))
    print("\n".join(found) or "good")
    sys.exit(1 if found else 0)
