"""Locks the engine's package sets: ``python resources/requirements/lock.py [--sizes]`` in an environment that has uv and pip.

Writes onnx.txt and onnx-gpu.txt (exact versions and hashes for every platform, no index addresses) from the .in files. With
``--sizes`` it also downloads each set for each platform and writes sizes.json: bytes to download for each package, and bytes
on disk in all. The set-up shows them beforehand and measures its progress with them.
"""

from __future__ import annotations

import argparse
import json
import subprocess  # nosec B404: runs uv and pip with fixed arguments, without a shell
import sys
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
SETS = ("onnx", "onnx-gpu")
OLDEST_PYTHON, TYPICAL_PYTHON = "3.11", "3.12"

# Wheel tags that pip accepts for each platform.
_GLIBC = ("2_28", "2_27", "2_26", "2_24", "2_17")
PLATFORM_TAGS = {
    "windows-x64": ["win_amd64"],
    "linux-x64": [f"manylinux_{version}_x86_64" for version in _GLIBC] + ["manylinux2014_x86_64"],
    "linux-arm64": [f"manylinux_{version}_aarch64" for version in _GLIBC] + ["manylinux2014_aarch64"],
    "macos-arm64": [f"macosx_{version}_0_{kind}" for version in (14, 13, 12, 11) for kind in ("arm64", "universal2")],
}


def run(command: list[str]) -> None:
    """Run a tool of this environment. Raises CalledProcessError."""
    subprocess.run(command, check=True, cwd=HERE)  # nosec B603: fixed arguments


def lock(name: str) -> None:
    """NAME.in -> NAME.txt, one version of each package for all platforms and Pythons."""
    command = ["uv", "pip", "compile", f"{name}.in", "--universal", "--python-version", OLDEST_PYTHON, "--generate-hashes"]
    command += ["--fork-strategy", "fewest", "--no-emit-index-url", "--no-emit-find-links", "--no-header", "--quiet"]
    run([*command, "--output-file", f"{name}.txt", "--upgrade"])


def applies(line: str, platform: str) -> bool:
    """Whether a requirement's marker holds on ``platform``; the locked sets' markers name nothing but system and machine."""
    from packaging.requirements import Requirement

    system, machine = platform.split("-")
    values = {
        "sys_platform": {"windows": "win32", "macos": "darwin"}.get(system, system),
        "platform_machine": {"linux-x64": "x86_64", "linux-arm64": "aarch64", "windows-x64": "AMD64"}.get(platform, machine),
        "python_full_version": f"{TYPICAL_PYTHON}.0",
        "python_version": TYPICAL_PYTHON,
    }
    marker = Requirement(line).marker
    return marker is None or marker.evaluate(values)


def sizes(name: str, platform: str) -> dict[str, object]:
    """Download the set for a platform; {"packages": {file's package: bytes}, "installed": bytes}."""
    lines = [line.rstrip(" \\") for line in (HERE / f"{name}.txt").read_text().splitlines() if line[:1].isalnum()]
    wanted = [line.partition(";")[0].strip() for line in lines if applies(line, platform)]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest", folder]
        command += ["--python-version", TYPICAL_PYTHON, "--no-cache-dir"]
        for tag in PLATFORM_TAGS[platform]:
            command += ["--platform", tag]
        packages, installed = {}, 0
        for requirement in wanted:
            run([*command, requirement])
            for wheel in Path(folder).glob("*.whl"):
                packages[requirement.partition("==")[0]] = wheel.stat().st_size
                with zipfile.ZipFile(wheel) as archive:
                    installed += sum(member.file_size for member in archive.infolist())
                wheel.unlink()
    return {"packages": packages, "installed": installed}


def main() -> None:
    parser = argparse.ArgumentParser(description="Lock the engine's package sets.")
    parser.add_argument("--sizes", action="store_true", help="also download every set for every platform and measure it")
    parser.add_argument("--no-lock", action="store_true", help="keep the versions as they are")
    arguments = parser.parse_args()
    if not arguments.no_lock:
        for name in SETS:
            lock(name)
    if arguments.sizes:
        measured = {name: {platform: sizes(name, platform) for platform in PLATFORM_TAGS} for name in SETS}
        (HERE / "sizes.json").write_text(json.dumps(measured, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
