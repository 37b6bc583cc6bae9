# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Talking to registries through crane (go-containerregistry): pulling, pushing, deleting.

What crane does by itself: the token dance of registries, Docker's configuration and its credential helpers, asking
for each layer whether it is there before it is sent, and a few retries of a single request. What is added: a registry
that is asked without TLS only when the user says so, credentials that no process list and no other user sees, a CA
beside the system's, retries of the whole call, and messages that say how to mend what is wrong.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Callable, Dict, Mapping, Optional, Sequence, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.images.base import check
from ansible_collections.servicemesh.platform.plugins.module_utils.images.errors import ImageError
from ansible_collections.servicemesh.platform.plugins.module_utils.images.messages import (
    ABSENT,
    PASSING,
    UNSUPPORTED,
    Failure,
    explain,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.images.oci import Document
from ansible_collections.servicemesh.platform.plugins.module_utils.images.reference import Reference

LONGEST_WAIT = 30.0
"""Seconds between two tries at most; the first wait is one second, each further one twice as long."""
_PROBE = 10.0
"""Seconds to wait for a registry to answer at all."""
_NOWHERE = "http://plain-http-is-not-allowed.invalid"
_NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE")
"""What OpenSSL calls an answer that is no TLS."""
_PROXY_SETTINGS = ("http_proxy", "https_proxy", "no_proxy")


@dataclass(frozen=True)
class Access:
    """How registries are reached.

    username, password: for `registry` alone. docker_config: a folder with config.json, None for that of the user.
    ca_path: a file with CAs beside those of the system. retries: after the first try. timeout: seconds for one call.
    """

    program: str = "crane"
    registry: str = ""
    username: str = ""
    password: str = ""
    docker_config: Optional[str] = None
    ca_path: Optional[str] = None
    plain_http: bool = False
    retries: int = 5
    timeout: int = 1800


class Failed(ImageError):
    """A registry does not do what it is asked."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.problem, failure.mend)
        self.kind = failure.kind


class Crane:
    """crane, ready to be called. To be used as a context: private files are gone afterwards."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._folder: Optional[Path] = None

    def __enter__(self) -> Crane:
        return self

    def __exit__(self, *_reason: object) -> None:
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def digest(self, reference: Reference) -> Optional[str]:
        """The digest that a registry has under a name; None when it has nothing there."""
        try:
            return self._answer(["digest", reference.exact], reference).decode().strip()
        except Failed as error:
            if error.kind == ABSENT:
                return None
            raise

    def manifest(self, reference: Reference) -> bytes:
        """The manifest or index under a name, as it is."""
        return self._answer(["manifest", reference.exact], reference)

    def blob(self, reference: Reference, target: Path) -> None:
        """Write a blob, named by its digest, to a file. What was written before a failure is not kept."""
        self._call(["blob", reference.exact], reference, target)

    def push(self, layout: Path, reference: Reference) -> None:
        """Send the only image or index of a layout. Layers that the registry has are not sent."""
        self._answer(["push", str(layout), reference.exact], reference)

    def delete(self, reference: Reference, digest: str) -> None:
        """Remove a tag; where the registry cannot do that, the image that has this digest and only this tag."""
        try:
            self._answer(["delete", reference.exact], reference)
        except Failed as error:
            if error.kind != UNSUPPORTED or reference.digest:
                raise
            self._delete_image(reference, digest)

    def _delete_image(self, reference: Reference, digest: str) -> None:
        tags = self._answer(["ls", reference.place], reference).decode().split()
        others = [tag for tag in tags if tag != reference.tag]
        shared = [tag for tag in others if self.digest(reference._replace(tag=tag)) == digest]
        if shared:
            raise ImageError(
                f"{reference.registry} removes images only, not tags, and {reference.exact} is also "
                f"{', '.join(shared)}.",
                f"Remove it by its digest when all of these may go: {reference.by_digest(digest)}.",
            )
        self._answer(["delete", reference.by_digest(digest)], reference)

    def _answer(self, arguments: Sequence[str], reference: Reference) -> bytes:
        with tempfile.TemporaryDirectory(prefix="oci-image-") as folder:
            target = Path(folder, "answer")
            self._call(arguments, reference, target)
            return target.read_bytes()

    def _call(self, arguments: Sequence[str], reference: Reference, target: Path) -> None:
        attempt = 0
        while True:
            failure = self._attempt(arguments, reference, target)
            if failure is None:
                return
            if not failure.passes or attempt == self._access.retries:
                tries = f" (tried {attempt + 1} times)" if attempt else ""
                raise Failed(failure._replace(problem=failure.problem + tries))
            time.sleep(min(2.0**attempt, LONGEST_WAIT))
            attempt += 1

    def _attempt(self, arguments: Sequence[str], reference: Reference, target: Path) -> Optional[Failure]:
        refused = self._probe(reference.registry)
        if refused:
            return refused
        command = [self._access.program, *arguments]
        if self._access.plain_http:
            command.append("--insecure")
        environment = self._environment(reference.registry)
        with target.open("wb") as stdout, tempfile.TemporaryFile() as stderr:
            try:
                code = _run(command, environment, stdout, stderr, self._access.timeout)
            except OSError as error:
                raise ImageError(
                    f"crane: {self._access.program} does not run: {error.strerror}.",
                    "Name crane in the option crane, or put it on PATH.",
                ) from error
            except subprocess.TimeoutExpired:
                problem = f"{reference.registry} did not finish within {self._access.timeout} seconds."
                return Failure(problem, "Raise timeout, or look at the registry and the network.")
            if code == 0:
                return None
            stderr.seek(0)
            return explain(stderr.read().decode("utf-8", "replace"), reference.registry, reference.exact)

    def _probe(self, registry: str) -> Optional[Failure]:
        """Whether a registry speaks TLS as it should: crane falls back to plain HTTP by itself for local addresses,
        and its --insecure also takes any certificate."""
        if _proxy_for(registry):
            return None
        host, port = _address(registry, 80 if self._access.plain_http else 443)
        try:
            speaks_tls = _speaks_tls(host, port)
        except socket.gaierror as error:
            return explain(f"lookup {host}: no such host ({error.strerror})", registry, registry)
        except OSError as error:
            problem = f"{registry} cannot be reached: {(error.strerror or str(error)).lower()}."
            return Failure(problem, "See that the registry runs and that this machine reaches it.", PASSING)
        if speaks_tls and self._access.plain_http:
            return Failure(f"{registry} speaks TLS, but plain_http is set.", "Remove plain_http.")
        if not speaks_tls and not self._access.plain_http:
            return Failure(
                f"{registry} does not speak TLS.", "Give it a certificate, or set plain_http when it is to go without."
            )
        return None

    def _environment(self, registry: str) -> Dict[str, str]:
        environment = dict(os.environ)
        if not self._access.plain_http:
            _forbid_plain_http(environment, _proxy_for(registry) is not None)
        if self._access.username:
            environment["DOCKER_CONFIG"] = str(self._private("docker", self._write_credentials))
        elif self._access.docker_config:
            _docker_config(self._access.docker_config)  # crane would go on without credentials
            environment["DOCKER_CONFIG"] = self._access.docker_config
        if self._access.ca_path:
            environment["SSL_CERT_FILE"] = str(self._private("ca", self._write_authorities) / "bundle.pem")
        return environment

    def _private(self, name: str, write: Callable[[Path], None]) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="oci-image-"))  # for its owner only
        folder = self._folder / name
        if not folder.exists():
            folder.mkdir(mode=0o700)
            write(folder)
        return folder

    def _write_credentials(self, folder: Path) -> None:
        """The user's Docker configuration when it is named, with these credentials for their registry."""
        config = _docker_config(self._access.docker_config)
        credentials = f"{self._access.username}:{self._access.password}".encode()
        registry = self._access.registry
        config.setdefault("auths", {})[registry] = {"auth": base64.b64encode(credentials).decode()}
        if config.get("credsStore") or config.get("credHelpers"):
            config.setdefault("credHelpers", {})[registry] = ""  # no helper: what stands in auths counts
        _write_private(folder / "config.json", json.dumps(config).encode())

    def _write_authorities(self, folder: Path) -> None:
        """SSL_CERT_FILE takes the place of the system's bundle; the folders with CAs that Go reads too stay."""
        files = (os.environ.get("SSL_CERT_FILE"), ssl.get_default_verify_paths().cafile, self._access.ca_path)
        bundle = []
        for file in dict.fromkeys(files):
            if file and (file == self._access.ca_path or os.path.exists(file)):
                bundle.append(Path(file).read_bytes())
        if b"-----BEGIN CERTIFICATE-----" not in bundle[-1]:
            raise ImageError(f"ca_path: {self._access.ca_path} holds no certificate.", "Name a file in PEM format.")
        _write_private(folder / "bundle.pem", b"\n".join(bundle))


class RegistryOrigin:
    """An image in a registry: where a base comes from (see `base.Origin`)."""

    def __init__(self, crane: Crane, reference: Reference) -> None:
        self.name = reference.exact
        self._crane = crane
        self._reference = reference

    def top(self) -> Document:
        """The manifest or index, with the key `digest` for its own digest."""
        text = self._crane.manifest(self._reference)
        digest = f"sha256:{hashlib.sha256(text).hexdigest()}"
        check(self.name, self._reference.digest or digest, digest)
        document: Document = json.loads(text)
        return {**document, "digest": digest}

    def blob(self, descriptor: Document) -> bytes:
        """A document."""
        reference = self._reference._replace(digest=descriptor["digest"])
        if "manifest" in str(descriptor.get("mediaType")) or "image.index" in str(descriptor.get("mediaType")):
            return self._crane.manifest(reference)
        with tempfile.TemporaryDirectory(prefix="oci-image-") as folder:
            self._crane.blob(reference, Path(folder, "blob"))
            return Path(folder, "blob").read_bytes()

    def copy(self, descriptor: Document, target: Path) -> None:
        """Write a layer to a file."""
        self._crane.blob(self._reference._replace(digest=descriptor["digest"]), target)


def _run(
    command: Sequence[str], environment: Mapping[str, str], stdout: IO[bytes], stderr: IO[bytes], timeout: int
) -> int:
    """The exit code of a command."""
    with subprocess.Popen(
        list(command), env=dict(environment), stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr
    ) as process:
        try:
            return process.wait(timeout)
        except BaseException:
            process.kill()
            raise


def _docker_config(folder: Optional[str]) -> Dict[str, Any]:
    if not folder:
        return {}
    path = Path(folder, "config.json")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ImageError(f"docker_config: {path} is not there.", "Log in first, or name another folder.") from error
    except ValueError as error:
        raise ImageError(f"docker_config: {path} is no JSON: {error}.", "Log in anew.") from error
    if not isinstance(config, dict):
        raise ImageError(f"docker_config: {path} is no JSON object.", "Log in anew.")
    return config


def _write_private(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(content)


def _proxy_for(registry: str) -> Optional[str]:
    """The proxy for HTTPS to a registry, by the variables that crane follows too."""
    proxy = urllib.request.getproxies_environment().get("https")
    host = _address(registry, 443)[0]
    is_local = host in ("localhost", "::1") or host.startswith("127.")
    return None if is_local or urllib.request.proxy_bypass(registry) else proxy


def _forbid_plain_http(environment: Dict[str, str], has_proxy: bool) -> None:
    """Let requests without TLS go to a proxy that does not exist. Go asks none for local addresses: see `_probe`."""
    for name in list(environment):
        if name.lower() in _PROXY_SETTINGS and not (has_proxy and name.lower() != "http_proxy"):
            del environment[name]
    environment["HTTP_PROXY"] = _NOWHERE


def _address(registry: str, default_port: int) -> Tuple[str, int]:
    host, _colon, port = registry.rpartition(":") if not registry.endswith("]") else (registry, "", "")
    if not host:
        host, port = registry, ""
    return host.strip("[]"), int(port or default_port)


def _speaks_tls(host: str, port: int) -> bool:
    """Whether there is TLS on a port; who is there is for crane to check. Raises OSError when nobody answers."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection((host, port), timeout=_PROBE) as plain:
        try:
            context.wrap_socket(plain, server_hostname=host).close()
        except ssl.SSLEOFError:
            raise
        except ssl.SSLError as error:
            # Any other complaint is one of two sides that both speak TLS, such as one that wants a client certificate.
            return error.reason not in _NO_TLS
    return True
