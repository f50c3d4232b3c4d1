"""Runs pip (or uv) as a child: its progress line by line, a stop that works, and its failures as one sentence each."""

from __future__ import annotations

import queue
import re
import subprocess  # nosec B404: for the pipe constants; children are started by child_process
import threading
from pathlib import Path
from typing import Callable, Dict, List, Mapping, Optional, Sequence

from ..errors import GeoLoupeError
from .child_process import Output, kill_tree, lines_of, quiet_popen

# Pip settings of the user that would send the packages somewhere else, or not install them at all.
MISLEADING = frozenset(
    f"PIP_{name}"
    for name in (
        *("TARGET", "PREFIX", "ROOT", "USER", "PYTHON", "SRC", "PLATFORM", "REQUIRE_VIRTUALENV", "BREAK_SYSTEM_PACKAGES"),
        *("REQUIREMENT", "CONSTRAINT", "EDITABLE", "NO_DEPS", "NO_BINARY", "PRE", "UPGRADE", "IGNORE_INSTALLED"),
        *("DRY_RUN", "REPORT", "LOG", "QUIET", "PROGRESS_BAR"),
    )
)

KEPT_LINES = 60


# Where Linux systems keep the certificates they trust: Debian, Fedora, SUSE and Alpine, in this order.
SYSTEM_CERTIFICATES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
_CERTIFICATE = r"CERTIFICATE_VERIFY_FAILED|certificate verify failed|invalid peer certificate|SSLError"


def installer_environment(base: Mapping[str, str], temporary: Path) -> Dict[str, str]:
    """``base`` with pip's network settings kept and its misleading ones dropped; temporary files on the target's disk.

    uv is told to trust what the system trusts, and the certificates that were named for pip.
    """
    clean = {name: value for name, value in base.items() if name.upper() not in MISLEADING}
    place = str(temporary)
    clean.update(PIP_USER="0", PIP_NO_INPUT="1", PIP_DISABLE_PIP_VERSION_CHECK="1", TMPDIR=place, TEMP=place, TMP=place)
    clean.update(UV_SYSTEM_CERTS="1", UV_NATIVE_TLS="1")  # the same wish, as newer and older versions of uv call it
    if clean.get("PIP_CERT"):
        clean.setdefault("SSL_CERT_FILE", clean["PIP_CERT"])
    return clean


def with_system_certificates(text: str, environment: Mapping[str, str]) -> Optional[Dict[str, str]]:
    """The environment for a second try when ``text`` tells that pip did not trust the network's certificates, else None.

    Older versions of pip trust only the certificates that they bring; a company's own are with the system's.
    """
    if not re.search(_CERTIFICATE, text) or environment.get("PIP_CERT"):
        return None
    named = environment.get("SSL_CERT_FILE")
    bundle = next((path for path in ((named,) if named else SYSTEM_CERTIFICATES) if path and Path(path).is_file()), None)
    return dict(environment, PIP_CERT=bundle) if bundle else None


def run_cancellable(
    command: Sequence[str],
    environment: Mapping[str, str],
    on_line: Callable[[str], None],
    cancelled: Callable[[], bool],
    log: Optional[Path] = None,
) -> Output:
    """Run to the end, calling ``on_line`` in this thread; everything printed also goes to ``log``.

    Raises GeoLoupeError: ``cancelled`` within a fraction of a second after killing the child, ``setup_failed``.
    """
    try:
        process = quiet_popen(command, environment, subprocess.DEVNULL, subprocess.STDOUT)
    except OSError as error:
        raise GeoLoupeError("setup_failed", f"{command[0]} could not be started; start the set-up again.", str(error)) from error
    lines: queue.Queue[Optional[str]] = queue.Queue()

    def pump() -> None:
        if process.stdout is not None:
            with process.stdout:
                for raw in process.stdout:
                    lines.put(raw.decode("utf-8", "replace").rstrip())
        lines.put(None)

    threading.Thread(target=pump, name="geoloupe-setup", daemon=True).start()
    printed: List[str] = []
    try:
        while True:
            if cancelled():
                raise GeoLoupeError("cancelled", "The set-up was stopped; nothing was changed.")
            try:
                line = lines.get(timeout=0.1)
            except queue.Empty:
                continue
            if line is None:
                break
            printed.append(line)
            on_line(line)
        return Output(process.wait(), "\n".join(printed))
    finally:
        kill_tree(process)
        process.wait()
        _keep(log, command, printed)


def _keep(log: Optional[Path], command: Sequence[str], printed: Sequence[str]) -> None:
    if log is None:
        return
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "a", encoding="utf-8") as file:
            file.write("\n".join(["$ " + " ".join(command), *printed, ""]))
    except OSError:
        return  # on a full disk the sentence matters, not the log


class PipProgress:
    """Turns pip's lines into a fraction of the bytes of a set and a message."""

    def __init__(self, sizes: Mapping[str, int], report: Callable[[float, str], None]) -> None:
        self._sizes = {_normal(name): size for name, size in sizes.items()}
        self._total = max(1, sum(self._sizes.values()))
        self._report = report
        self._started: Dict[str, int] = {}
        self._current = ""

    def line(self, text: str) -> None:
        """Feed one line of pip's output."""
        collecting = re.match(r"Collecting ([A-Za-z0-9._-]+)", text.strip())
        size = re.match(r"Downloading .*\(([\d.]+) (kB|MB|GB|bytes)\)", text.strip())
        if collecting:
            self._current = _normal(collecting.group(1))
            self._started[self._current] = self._sizes.get(self._current, 0)
            done = sum(self._started.values()) - self._started[self._current]
            self._report(0.85 * done / self._total, f"Fetching {self._current}")
        elif size:
            done = sum(self._started.values()) - self._started.get(self._current, 0)
            self._report(0.85 * done / self._total, f"Downloading {self._current} ({size.group(1)} {size.group(2)})")
        elif text.startswith("Installing collected packages"):
            self._report(0.85, "Unpacking the packages")
        elif text.startswith("Successfully installed"):
            self._report(1.0, "The packages are installed")


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


# What went wrong, by what pip, uv or the system print; the first match wins, so causes stand before consequences.
_CAUSES = [
    (
        r"No space left on device|Errno 28|WinError 112|not enough space on the disk|Disk quota exceeded|os error 28",
        "disk_full",
        "The disk is full: free some space and start the set-up again; nothing was changed.",
    ),
    (
        r"DO NOT MATCH THE HASHES|hash mismatch|Hashes are required",
        "bad_download",
        "A package is not the one that was expected and was thrown away; try again, or from another network.",
    ),
    (
        _CERTIFICATE,
        "no_network",
        "A secure connection could not be made: your network replaces certificates; ask your administrator for its "
        "certificate file and set PIP_CERT to it, then start the set-up again.",
    ),
    (
        r"ProxyError|Tunnel connection failed|407 Proxy",
        "no_network",
        "The proxy refused the connection: check the proxy in QGIS's network options and start the set-up again.",
    ),
    (
        r"NewConnectionError|Failed to establish a new connection|Name or service not known|getaddrinfo failed|"
        r"Temporary failure in name resolution|Network is unreachable|Connection refused|ConnectTimeoutError|ReadTimeout|"
        r"Connection aborted|ConnectionResetError|dns error|error sending request|Read timed out|Remote end closed",
        "no_network",
        "There is no connection to the internet: check it and start the set-up again; what was downloaded is kept.",
    ),
    (
        r"Permission denied|PermissionError|WinError 5\b|Access is denied|EACCES",
        "no_permission",
        "The folder of the engine may not be written: check its permissions, or set GEOLOUPE_HOME to another folder.",
    ),
    (
        r"No matching distribution found|is not a supported wheel|Could not find a version",
        "setup_failed",
        "A package does not exist for this computer or this package index: try again with another Python, or set "
        "GEOLOUPE_PYTHON to one that has the packages.",
    ),
    (
        r"DLL load failed|VCRUNTIME140|WinError 126\b",
        "setup_failed",
        "A Windows library is missing: install Microsoft's Visual C++ Redistributable (x64) and start the set-up again.",
    ),
]


def classify(text: str, what: str) -> GeoLoupeError:
    """One sentence for what a failed installer printed; the lines that name the cause, then the last ones, are its detail."""
    telling = [line for line in text.splitlines() if re.search(r"error|failed|warning: retrying", line, re.IGNORECASE)]
    detail = "\n".join([*telling[:10], "...", *lines_of(text, KEPT_LINES)])
    for pattern, code, sentence in _CAUSES:
        if re.search(pattern, text, re.IGNORECASE if pattern.islower() else 0):
            return GeoLoupeError(code, sentence, detail)
    first = next((line.strip() for line in telling), "")
    reason = f" ({first[:200]})" if first else ""
    return GeoLoupeError("setup_failed", f"{what}{reason}; the set-up's log says more.", detail)
