"""When no Python of this computer fits: uv, pinned and checked, brings a standalone CPython. Only with the user's consent."""

from __future__ import annotations

import hashlib
import os
import ssl
import sys
import tarfile
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import IO, Callable, Dict, Mapping, Optional

from ..errors import GeoLoupeError
from .pip_runner import classify, run_cancellable

UV_VERSION = "0.12.5"
UV_URL = "https://github.com/astral-sh/uv/releases/download/{version}/{archive}"
# From the list of known checksums that uv's makers keep in their own set-up action for this version.
UV_ARCHIVES: Dict[str, tuple[str, str]] = {
    "windows-x64": (
        "uv-x86_64-pc-windows-msvc.zip",
        "4c4d49d8738847d9b71ba319e49a5688c93eac0fe6204b1df24e98528dddf39a",
    ),
    "linux-x64": (
        "uv-x86_64-unknown-linux-gnu.tar.gz",
        "68a509da24b06b4223a1c0175fb5eb5bc79342b76cbeff0cfe51ac3f5b17b6b2",
    ),
    "linux-arm64": (
        "uv-aarch64-unknown-linux-gnu.tar.gz",
        "9bf43b4d1a07665bf64d4c4e710930b382321a785e0eb10aac07f46471f86a31",
    ),
    "macos-arm64": (
        "uv-aarch64-apple-darwin.tar.gz",
        "5bb0e5fe008a773c3dbcb97ff79cd89e1241464fe9d2f986d52ad8f1b037bd62",
    ),
}
PYTHON_VERSION = "3.12"
# What it takes beyond the packages: bytes to download and bytes on disk, roughly.
DOWNLOAD_BYTES = 55_000_000
INSTALLED_BYTES = 160_000_000
LIMIT = 200_000_000  # bytes; uv's archive is far smaller

Cancelled = Callable[[], bool]


def bring_python(
    folder: Path,
    platform: str,
    environment: Mapping[str, str],
    progress: Callable[[float, str], None],
    cancelled: Cancelled,
    url: str = UV_URL,
    sha256: Optional[str] = None,
) -> Path:
    """Make ``folder`` hold a standalone CPython and return its interpreter; one that is there already is used.

    ``url`` and ``sha256`` replace uv's address and checksum in tests. Raises GeoLoupeError: ``no_network``, ``bad_download``,
    ``disk_full``, ``cancelled``, ``setup_failed``.
    """
    found = installed_python(folder)
    if found is not None:
        return found
    archive_name, known = UV_ARCHIVES[platform]
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / archive_name
    progress(0.0, "Downloading uv, which brings Python")
    download(url.format(version=UV_VERSION, archive=archive_name), archive, sha256 or known, cancelled)
    uv = folder / ("uv.exe" if sys.platform == "win32" else "uv")
    extract_one(archive, uv.name, uv)
    archive.unlink()
    progress(0.3, f"Downloading Python {PYTHON_VERSION}")
    command = [str(uv), "python", "install", PYTHON_VERSION, "--install-dir", str(folder), "--no-bin", "--no-config"]
    clean = dict(environment, UV_CACHE_DIR=str(folder / "cache"), UV_NO_PROGRESS="1")
    output = run_cancellable(command, clean, lambda _line: None, cancelled)
    found = installed_python(folder)
    if output.code != 0 or found is None:
        raise classify(output.text, "Python could not be downloaded")
    progress(1.0, f"Python {PYTHON_VERSION} is there")
    return found


def installed_python(folder: Path) -> Optional[Path]:
    """The interpreter of the newest standalone CPython in ``folder``."""
    pattern = "cpython-*/python.exe" if sys.platform == "win32" else f"cpython-*/bin/python{PYTHON_VERSION}"
    found = sorted(path for path in folder.glob(pattern) if path.is_file())
    return found[-1] if found else None


def download(url: str, target: Path, sha256: str, cancelled: Cancelled) -> None:
    """Fetch ``url`` into ``target`` only if its SHA-256 is right. Raises GeoLoupeError."""
    if not url.startswith(("https://", "http://127.0.0.1:")):
        raise GeoLoupeError("bad_download", f"{url} is not a safe address to download from; please report this.")
    digest, size = hashlib.sha256(), 0
    part = target.with_name(target.name + ".part")
    try:
        trusted = trusted_certificates(os.environ)
        with urllib.request.urlopen(url, timeout=30, context=trusted) as source, open(part, "wb") as file:  # nosec B310: see above
            while True:
                if cancelled():
                    raise GeoLoupeError("cancelled", "The set-up was stopped; nothing was changed.")
                data = source.read(1 << 18)
                size += len(data)
                if not data or size > LIMIT:
                    break
                digest.update(data)
                file.write(data)
    except urllib.error.HTTPError as error:
        sentence = f"{url} cannot be downloaded ({error.code} {error.reason}); try again later."
        raise GeoLoupeError("no_network", sentence) from error
    except (urllib.error.URLError, ssl.SSLError, TimeoutError, ConnectionError) as error:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            raise classify(f"{url}: {error}", "uv could not be downloaded") from error
        sentence = "There is no connection to the internet (or a proxy is in the way); check it and start the set-up again."
        raise GeoLoupeError("no_network", sentence, f"{url}: {error}") from error
    finally:
        if cancelled() and part.exists():
            part.unlink()
    if digest.hexdigest() != sha256:
        part.unlink()
        sentence = "What was downloaded is not what was expected and was thrown away; try again, or from another network."
        raise GeoLoupeError("bad_download", sentence, f"{url}: sha256 {digest.hexdigest()}, expected {sha256}, {size} bytes")
    os.replace(part, target)


def trusted_certificates(environment: Mapping[str, str]) -> ssl.SSLContext:
    """What the system trusts, and the certificate file that the user named for pip: a company's network may need it."""
    context = ssl.create_default_context()
    named = environment.get("PIP_CERT") or environment.get("REQUESTS_CA_BUNDLE")
    if named and os.path.isfile(named):
        context.load_verify_locations(cafile=named)
    return context


def extract_one(archive: Path, name: str, target: Path) -> None:
    """Write the one regular file called ``name`` to ``target``, wherever the archive keeps it; nothing else is unpacked."""
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as bundle:
            for member in bundle.infolist():
                if not member.is_dir() and member.filename.replace("\\", "/").rpartition("/")[2] == name:
                    with bundle.open(member) as source:
                        _copy(source, target)
                    return
    else:
        with tarfile.open(archive) as tar:
            for entry in tar:
                if entry.isreg() and entry.name.rpartition("/")[2] == name:
                    stream = tar.extractfile(entry)
                    if stream is not None:
                        _copy(stream, target)
                        return
    raise GeoLoupeError("bad_download", f"{archive.name} does not hold {name}; please report this.")


def _copy(source: IO[bytes], target: Path) -> None:
    with open(target, "wb") as file:
        while data := source.read(1 << 20):
            file.write(data)
    target.chmod(0o755)
