"""Builds dist/geoloupe.zip for QGIS's plugin manager: the tracked files that are not marked export-ignore, and the .qm files.

The same tree gives the same bytes: names are sorted, and times and permissions fixed.
"""

import subprocess
import sys
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import translations
import validator

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "geoloupe"
TIME = (2026, 1, 1, 0, 0, 0)


def packaged_files(root=ROOT):
    """Paths of the tracked files that belong in the zip, relative to ``root``, sorted, with / between folders."""
    listed = subprocess.run(["git", "-C", str(root), "ls-files", "-z"], check=True, stdout=subprocess.PIPE).stdout
    asked = subprocess.run(
        ["git", "-C", str(root), "check-attr", "-z", "--stdin", "export-ignore"], input=listed, check=True, stdout=subprocess.PIPE
    ).stdout.decode()
    fields = asked.split("\0")
    ignored = {name for name, value in zip(fields[0::3], fields[2::3]) if value == "set"}
    names = [name for name in listed.decode().split("\0") if name and name not in ignored]
    return sorted(name for name in names if (root / name).is_file())


def untracked_files(root=ROOT):
    """New files that git would not ignore: a reminder that they are not in the zip."""
    found = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-z", "--others", "--exclude-standard"], check=True, stdout=subprocess.PIPE
    )
    return [name for name in found.stdout.decode().split("\0") if name]


def build(target, root=ROOT):
    """Write the zip at ``target`` and return it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    content = {name: (root / name).read_bytes() for name in packaged_files(root)}
    for source in sorted((root / "resources" / "i18n").glob("*.ts")):
        content[f"resources/i18n/{source.stem}.qm"] = translations.compile_ts(source)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(content):
            entry = zipfile.ZipInfo(f"{PACKAGE}/{name}", TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o100644 << 16
            entry.create_system = 3
            archive.writestr(entry, content[name])
    return target


def main():
    """Build, check with the plugin site's rules, and say what came of it."""
    target = build(ROOT / "dist" / f"{PACKAGE}.zip")
    with zipfile.ZipFile(target) as archive:
        print(f"{target.relative_to(ROOT)}: {len(archive.namelist())} files, {target.stat().st_size / 1e6:.1f} MB")
    for name in untracked_files():
        print(f"not in it, because git does not track it: {name}", file=sys.stderr)
    problems = validator.problems_of(target)
    for problem in problems:
        print(f"the plugin site would refuse it: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
