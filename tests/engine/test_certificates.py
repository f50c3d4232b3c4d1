"""A company's network that replaces certificates: the set-up trusts what the system trusts, or says what to do."""

from __future__ import annotations

import hashlib
import http.server
import os
import shutil
import ssl
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from geoloupe.plugin.engine import environment, installation, plan, standalone
from geoloupe.plugin.engine.child_process import child_environment
from geoloupe.plugin.engine.home import logs_folder
from geoloupe.plugin.engine.pip_runner import SYSTEM_CERTIFICATES, installer_environment, with_system_certificates
from geoloupe.plugin.errors import GeoLoupeError

PYTHON = Path(sys.executable)
NAMES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "UV_SYSTEM_CERTS")


@pytest.fixture
def no_certificates(monkeypatch):
    """Nothing of this machine's own settings reaches the installers."""
    for name in [*NAMES, "GEOLOUPE_PYTHON", "PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)


@pytest.fixture
def company(tmp_path, no_certificates):
    """A package index over https whose certificate only ``ca`` vouches for: (address, ca)."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not here to make a certificate with")
    ca, folder = tmp_path / "ca.pem", tmp_path / "served"

    def make(name, *options):
        command = [openssl, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-x509", "-days", "2"]
        command += ["-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem", *options]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)

    make("ca", "-addext", "basicConstraints=critical,CA:TRUE")
    leaf = ["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"]
    make("server", "-CA", "ca.pem", "-CAkey", "ca.key", *leaf)
    simple = folder / "simple" / "lonely"
    simple.mkdir(parents=True)
    wheel = simple / "lonely-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as bundle:
        info = "lonely-1.0.dist-info"
        bundle.writestr("lonely.py", "")
        bundle.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: lonely\nVersion: 1.0\n")
        bundle.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        bundle.writestr(f"{info}/RECORD", f"lonely.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    (simple / "index.html").write_text(f'<!DOCTYPE html><a href="{wheel.name}">{wheel.name}</a>')

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *_arguments):
            return

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.handle_error = lambda *_arguments: None  # a client that does not trust it hangs up
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"https://127.0.0.1:{server.server_port}", ca
    server.shutdown()
    server.server_close()


def set_up(home, address, tmp_path, monkeypatch, extra):
    """Run the real set-up on a set that holds one package of the company's index; returns how it failed (it cannot start)."""
    locked = tmp_path / "requirements"
    locked.mkdir()
    wheel = next(tmp_path.glob("served/simple/lonely/*.whl"))
    (locked / "onnx.txt").write_text(f"lonely==1.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n")
    (locked / "sizes.json").write_text((plan.REQUIREMENTS / "sizes.json").read_text())
    for module in (plan, installation):
        monkeypatch.setattr(module, "REQUIREMENTS", locked)
    with pytest.raises(GeoLoupeError) as caught:
        environment.setup("onnx", python=PYTHON, environment={"PIP_INDEX_URL": f"{address}/simple", "PIP_RETRIES": "0", **extra})
    return caught.value


@pytest.mark.heavy
@pytest.mark.parametrize("named", ["SSL_CERT_FILE", "PIP_CERT"])
def test_a_certificate_that_was_named_is_trusted(home, company, tmp_path, monkeypatch, named):
    address, ca = company
    error = set_up(home, address, tmp_path, monkeypatch, {named: str(ca)})
    assert error.code == "setup_failed" and "numpy" in error.message + error.detail, "installed, and only then unable to start"
    assert "Successfully installed lonely-1.0" in (logs_folder() / "setup.log").read_text()


@pytest.mark.heavy
def test_a_certificate_that_nobody_named_is_one_sentence(home, company, tmp_path, monkeypatch):
    address, _ = company
    error = set_up(home, address, tmp_path, monkeypatch, {})
    assert error.code == "no_network" and "PIP_CERT" in error.message
    assert error.message.endswith(".") and "\n" not in error.message


@pytest.mark.heavy
def test_uv_trusts_what_was_named_for_pip(company, tmp_path):
    address, ca = company
    uv = PYTHON.with_name("uv")
    if not uv.exists():
        pytest.skip("uv is not in this environment")
    command = [str(uv), "pip", "install", "--dry-run", "--no-config", "--no-cache", "--target", str(tmp_path / "t")]
    command += ["--index-url", f"{address}/simple", "lonely==1.0"]
    for named, works in [({"PIP_CERT": str(ca)}, True), ({}, False)]:
        clean = installer_environment(child_environment(extra=named), tmp_path)
        done = subprocess.run(command, env=clean, capture_output=True, text=True, timeout=60)
        assert (done.returncode == 0) == works, done.stderr
        assert works or "certificate" in done.stderr


def test_a_download_trusts_what_was_named_for_pip(company, tmp_path, monkeypatch):
    address, ca = company
    url, target = f"{address}/simple/lonely/index.html", tmp_path / "page"
    page = hashlib.sha256((tmp_path / "served" / "simple" / "lonely" / "index.html").read_bytes()).hexdigest()
    with pytest.raises(GeoLoupeError) as caught:
        standalone.download(url, target, page, lambda: False)
    assert caught.value.code == "no_network" and "certificate" in caught.value.message
    monkeypatch.setenv("PIP_CERT", str(ca))
    standalone.download(url, target, page, lambda: False)
    assert target.is_file()


def test_a_second_try_is_made_for_certificates_alone_and_once(tmp_path, no_certificates):
    bundle = tmp_path / "system.pem"
    bundle.write_text("certificates")
    trouble = "SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed'))"
    again = with_system_certificates(trouble, {"SSL_CERT_FILE": str(bundle), "HOME": "/h"})
    assert again == {"SSL_CERT_FILE": str(bundle), "HOME": "/h", "PIP_CERT": str(bundle)}
    assert with_system_certificates(trouble, again) is None
    assert with_system_certificates("ERROR: No matching distribution", {"SSL_CERT_FILE": str(bundle)}) is None
    assert with_system_certificates(trouble, {"SSL_CERT_FILE": str(tmp_path / "absent")}) is None
    there = [path for path in SYSTEM_CERTIFICATES if Path(path).is_file()]
    assert (with_system_certificates(trouble, {}) or {}).get("PIP_CERT") == (there[0] if there else None)
