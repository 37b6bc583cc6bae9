# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry of an environment with real nodes: its files, its password, and how nodes and clients find it.

The registry is CNCF Distribution. It stands beside the control plane, has a certificate of the cluster's authority and
asks for a password, which is made once. Nodes reach it by its address and by a name that is the same everywhere.
"""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, List, Optional

from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.files import (
    is_private,
    make_private_folder,
    read_optional,
    write_private,
)

IMPORT_ERROR: Optional[ImportError] = None
try:
    import bcrypt
except ImportError as error:
    IMPORT_ERROR = error

# Images that are named so are pulled from the registry of the environment, whatever its address is.
NAME = "registry.embedded"
USER = "environment"
PASSWORD_BYTES = 24
# The password is long and random: there is nothing to be guessed that a slow hash (bcrypt, 2^rounds) would hinder.
BCRYPT_ROUNDS = 4


@dataclass(frozen=True)
class Registry:
    """The registry of one environment.

    root: its folder. address, port: where it listens. authority, certificate, key: PEM files.
    """

    root: Path
    address: str
    port: int
    authority: Path
    certificate: Path
    key: Path

    @property
    def endpoint(self) -> str:
        """How clients on this machine name it."""
        return f"{self.address}:{self.port}"

    @property
    def data(self) -> Path:
        """Where the images are."""
        return self.root / "data"

    @property
    def password_file(self) -> Path:
        return self.root / "password"

    @property
    def htpasswd(self) -> Path:
        return self.root / "htpasswd"

    @property
    def configuration(self) -> Path:
        return self.root / "config.json"

    @property
    def docker_config(self) -> Path:
        """A folder for DOCKER_CONFIG, with the credentials for the endpoint."""
        return self.root / "docker"

    @property
    def hosts(self) -> Path:
        """A folder for config_path of containerd: how nodes reach the registry."""
        return self.root / "hosts"

    def paths(self) -> List[Path]:
        """All files, the password first: the others hold it."""
        return [self.password_file, *self._contents()]

    def stale(self) -> List[Path]:
        """The files that have to be written."""
        return [path for path in self.paths() if self._is_stale(path)]

    def write(self, path: Path) -> None:
        """Write the file anew."""
        make_private_folder(path.parent)
        content = _new_password() if path == self.password_file else self._contents()[path]()
        write_private(path, content)

    def _is_stale(self, path: Path) -> bool:
        """Whether the file is missing, readable by others, or says something else than it should."""
        present = read_optional(path)
        if present is None or not is_private(path) or not self.password_file.exists():
            return True
        if path == self.password_file:
            return len(present) < PASSWORD_BYTES
        if path == self.htpasswd:
            return not self._lets_in(present)
        return present != self._contents()[path]()

    def _contents(self) -> Dict[Path, Callable[[], bytes]]:
        return {
            self.htpasswd: self._htpasswd_line,
            self.configuration: self._configuration,
            self.docker_config / "config.json": self._docker_config,
            self.hosts / self.endpoint / "hosts.toml": self._hosts,
            self.hosts / NAME / "hosts.toml": self._hosts,
        }

    def _password(self) -> bytes:
        return self.password_file.read_bytes()

    def _credentials(self) -> str:
        return base64.b64encode(USER.encode() + b":" + self._password()).decode()

    def _htpasswd_line(self) -> bytes:
        return USER.encode() + b":" + bcrypt.hashpw(self._password(), bcrypt.gensalt(BCRYPT_ROUNDS)) + b"\n"

    def _lets_in(self, htpasswd: bytes) -> bool:
        user, _colon, digest = htpasswd.strip().partition(b":")
        try:
            return user == USER.encode() and bcrypt.checkpw(self._password(), digest)
        except ValueError:  # no digest of bcrypt
            return False

    def _configuration(self) -> bytes:
        """JSON is YAML too."""
        content = {
            "version": 0.1,
            "log": {"level": "warn", "accesslog": {"disabled": True}},
            "storage": {
                "filesystem": {"rootdirectory": str(self.data)},
                "delete": {"enabled": True},
                "maintenance": {"uploadpurging": {"enabled": True, "age": "24h", "interval": "1h", "dryrun": False}},
            },
            "http": {
                "addr": self.endpoint,
                "tls": {"certificate": str(self.certificate), "key": str(self.key), "minimumtls": "tls1.2"},
            },
            "auth": {"htpasswd": {"realm": NAME, "path": str(self.htpasswd)}},
        }
        return json.dumps(content, indent=1).encode()

    def _docker_config(self) -> bytes:
        return json.dumps({"auths": {self.endpoint: {"auth": self._credentials()}}}, indent=1).encode()

    def _hosts(self) -> bytes:
        """In the words of containerd (docs/hosts.md)."""
        server = f"https://{self.endpoint}"
        return f"""\
server = "{server}"

[host."{server}"]
  capabilities = ["pull", "resolve"]
  ca = "{self.authority}"

  [host."{server}".header]
    authorization = "Basic {self._credentials()}"
""".encode()


def _new_password() -> bytes:
    return secrets.token_urlsafe(PASSWORD_BYTES).encode()
