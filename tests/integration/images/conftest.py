# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real registry (distribution) with TLS and passwords, and crane, both as the `cluster` role builds them."""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import bcrypt
import pytest
from ansible_collections.servicemesh.platform.plugins.modules.oci_image import INTERFACE
from ansible_collections.servicemesh.platform.plugins.plugin_utils.in_process import call
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = "builder", "correct-horse-battery"
ROUNDS = 4
"""Of bcrypt: the lowest, because each request of the tests is checked."""
_LARGEST_DOCUMENT = 100_000
_ACCESS = re.compile(r'"([A-Z]+) (/v2/\S*) HTTP/[0-9.]+" ([0-9]+)')


@pytest.fixture(scope="session")
def programs() -> Path:
    """The folder with crane and registry: the newest that the `cluster` role has built."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "servicemesh-platform" / "bin"
    built = sorted(cache.glob("nodes-*/crane"), key=lambda path: path.stat().st_mtime)
    if not built:
        pytest.fail(f"no crane and registry below {cache}: run 'make build' first")
    return built[-1].parent


class Authority:
    """A CA, and certificates from it for 127.0.0.1."""

    def __init__(self, folder: Path, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        own = self._builder(self._name, self._key.public_key()).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.path = folder / f"{name}.pem"
        self.path.write_bytes(own.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def issue(self, folder: Path) -> tuple[Path, Path]:
        """The files of a certificate and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "registry")])
        certificate = self._builder(subject, key.public_key()).add_extension(address, critical=False)
        certificate_file, key_file = folder / "tls.crt", folder / "tls.key"
        certificate_file.write_bytes(
            certificate.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        )
        key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return certificate_file, key_file

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.timezone.utc)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
        )


class Registry:
    """A registry on 127.0.0.1 that can be stopped, killed and started again on the same port."""

    def __init__(self, program: Path, folder: Path, authority: Authority | None, deletes: bool = True) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.data = folder / "data"
        self._program, self._log = program, folder / "log"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.host = f"127.0.0.1:{self.port}"
        self._config = folder / "config.yml"
        self._config.write_text(json.dumps(self._settings(folder, authority, deletes, self.host)), encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, "serve", self._config],
                stdout=log,
                stderr=log,
                env={**os.environ, "OTEL_TRACES_EXPORTER": "none"},
            )
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            assert self._process.poll() is None, self._log.read_text(encoding="utf-8")
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        pytest.fail(f"the registry does not listen: {self._log.read_text(encoding='utf-8')}")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it."""
        if self._process:
            self._process.send_signal(number)
            self._process.wait(20)
            self._process = None

    def requests(self) -> list[tuple[str, str, int]]:
        """Method, path and status of all requests so far."""
        found = _ACCESS.findall(self._log.read_text(encoding="utf-8"))
        return [(method, path, int(status)) for method, path, status in found]

    def writes(self) -> list[str]:
        """The requests that change something, so far."""
        return [f"{method} {path}" for method, path, _status in self.requests() if method not in ("GET", "HEAD")]

    def blob(self, digest: str) -> Path:
        """Where it keeps a blob."""
        plain = digest[7:]
        return self.data / "docker/registry/v2/blobs/sha256" / plain[:2] / plain / "data"

    def holds(self, digest: str) -> bool:
        """Whether it keeps an image or index and all that belongs to it, unharmed."""
        path = self.blob(digest)
        if not path.exists() or f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}" != digest:
            return False
        if path.stat().st_size > _LARGEST_DOCUMENT:
            return True
        try:
            document = json.loads(path.read_bytes())
        except ValueError:
            return True
        parts = (*document.get("manifests", ()), *document.get("layers", ()))
        config = [document["config"]] if "layers" in document else []
        return all(self.holds(part["digest"]) for part in (*parts, *config))

    @staticmethod
    def _settings(folder: Path, authority: Authority | None, deletes: bool, address: str) -> dict[str, Any]:
        settings: dict[str, Any] = {
            "version": "0.1",
            "log": {"level": "info"},
            "storage": {"filesystem": {"rootdirectory": str(folder / "data")}, "delete": {"enabled": deletes}},
            "http": {"addr": address, "secret": "of the tests"},
        }
        if authority:
            certificate, key = authority.issue(folder)
            passwords = folder / "htpasswd"
            digest = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(ROUNDS, prefix=b"2a")).decode()
            passwords.write_text(f"{USER}:{digest}\n", encoding="utf-8")
            settings["http"]["tls"] = {"certificate": str(certificate), "key": str(key)}
            settings["auth"] = {"htpasswd": {"realm": "tests", "path": str(passwords)}}
        return settings


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"), "own-ca")


@pytest.fixture
def new_registry(programs: Path, authority: Authority, tmp_path: Path) -> Iterator[Callable[..., Registry]]:
    """Makes registries that are stopped at the end of the test."""
    made: list[Registry] = []

    def make(**options: Any) -> Registry:
        registry = Registry(
            programs / "registry", tmp_path / f"registry-{len(made)}", **{"authority": authority, **options}
        )
        made.append(registry)
        registry.start()
        return registry

    yield make
    for registry in made:
        registry.stop(signal.SIGKILL)


@pytest.fixture
def registry(new_registry: Callable[..., Registry]) -> Registry:
    """A registry with TLS and a password."""
    return new_registry()


@pytest.fixture
def crane(programs: Path, authority: Authority, tmp_path: Path) -> Callable[..., str]:
    """Runs crane as a user would who has logged in: what is in a registry is seen by other eyes than the module's."""
    folder = tmp_path / "logged-in"

    def run(registry: Registry, *arguments: str) -> str:
        environment = {**os.environ, "SSL_CERT_FILE": str(authority.path), "DOCKER_CONFIG": str(folder)}
        login = [programs / "crane", "auth", "login", registry.host, "-u", USER, "--password-stdin"]
        subprocess.run(login, env=environment, input=PASSWORD, text=True, capture_output=True, check=True)
        done = subprocess.run(
            [programs / "crane", *arguments], env=environment, text=True, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def image(programs: Path, authority: Authority, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Runs the module; options of the test come over those that always hold."""

    def run(*, check_mode: bool = False, diff: bool = False, **options: Any) -> dict[str, Any]:
        fixed = {
            "crane": str(programs / "crane"),
            "username": USER,
            "password": PASSWORD,
            "ca_path": str(authority.path),
            "retries": 0,
        }
        given = {key: value for key, value in {**fixed, **options}.items() if value is not None}
        return call(INTERFACE, given, check_mode, diff)

    return run


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """What the images of the tests hold."""
    path = tmp_path / "program"
    path.write_text("#!/bin/sh\necho hello\n", encoding="utf-8")
    path.chmod(0o755)
    return path
