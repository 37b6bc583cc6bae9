# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state folder: whose it is, one run at a time, what is remembered, and how it goes away."""

from __future__ import annotations

import contextlib
import fcntl
import ipaddress
import json
import os
import shutil
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.deadline import Deadline
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.errors import EmbeddedError
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.files import (
    PRIVATE_FILE,
    PRIVATE_FOLDER,
    make_private_folder,
    read_optional,
    remove_optional,
    write_private,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.layout import Layout
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.ports import LOOPBACK

LOCK_POLL_SECONDS = 0.2


@dataclass
class Memory:
    """What one run leaves for the next.

    ports: purpose -> port. binary: what `binary.identity` gives. link: the network between this machine and the
    namespace of the control plane, empty without real nodes. zones, nodes: the number of each, given once.
    sets: the zones with a control plane of their own; empty when there is one control plane.
    """

    service_cidr: str = ""
    pod_cidr: str = ""
    ports: Dict[str, int] = field(default_factory=dict)
    binary: Dict[str, Any] = field(default_factory=dict)
    version: str = ""
    link: str = ""
    zones: Dict[str, int] = field(default_factory=dict)
    nodes: Dict[str, int] = field(default_factory=dict)
    sets: List[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Where the control plane listens."""
        return str(ipaddress.IPv4Network(self.link)[2]) if self.link else LOOPBACK


class StateFolder:
    """The folder of the cluster `name`. Nothing is written or removed in a folder that is not ours."""

    def __init__(self, layout: Layout, name: str) -> None:
        self.layout = layout
        self._name = name

    def exists(self) -> bool:
        """Whether the folder is there and ours; raise EmbeddedError when it is somebody else's."""
        root = self.layout.root
        if not root.exists():
            return False
        if not root.is_dir():
            raise EmbeddedError(f"state_dir: {root} is not a folder")
        owner = self._owner()
        if owner is not None and owner != self._name:
            raise EmbeddedError(
                f"state_dir: {root} belongs to the embedded cluster {owner!r}, not to {self._name!r}; "
                "give every cluster a folder of its own"
            )
        if owner is None and self._entries():
            raise EmbeddedError(
                f"state_dir: {root} is not empty and was not made by this module; name a new or an empty folder"
            )
        return owner is not None

    def claim(self) -> None:
        """Make the folder ours. Call it with the lock held."""
        if not self.exists():
            write_private(self.layout.marker, json.dumps({"cluster": self._name}).encode())
        self.layout.root.chmod(PRIVATE_FOLDER)

    @contextlib.contextmanager
    def locked(self, deadline: Deadline) -> Iterator[None]:
        """Make the folder if need be and hold its lock; raise EmbeddedError when another run keeps it."""
        descriptor = self._lock(deadline)
        try:
            yield
        finally:
            os.close(descriptor)

    def recall(self) -> Memory:
        """What the last run left; empty for a new folder."""
        content = read_optional(self.layout.memory)
        if content is None:
            return Memory()
        try:
            return Memory(**json.loads(content))
        except (ValueError, TypeError) as error:
            raise EmbeddedError(
                f"{self.layout.memory} cannot be read ({error}); remove the cluster with state=absent"
            ) from None

    def remember(self, memory: Memory) -> None:
        """Leave `memory` for the next run."""
        write_private(self.layout.memory, json.dumps(asdict(memory), indent=2).encode())

    def remove(self) -> None:
        """Remove the folder; the marker goes last, so that a cut-off removal can be continued."""
        for path in self._entries():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        remove_optional(self.layout.marker)
        remove_optional(self.layout.lock)
        self.layout.root.rmdir()

    def _entries(self) -> List[Path]:
        """What is in the folder besides marker and lock."""
        return [path for path in self.layout.root.iterdir() if path not in (self.layout.marker, self.layout.lock)]

    def _owner(self) -> Optional[str]:
        content = read_optional(self.layout.marker)
        if content is None:
            return None
        try:
            return str(json.loads(content)["cluster"])
        except (ValueError, KeyError, TypeError):
            raise EmbeddedError(f"state_dir: {self.layout.marker} cannot be read; look whose folder it is") from None

    def _lock(self, deadline: Deadline) -> int:
        while True:
            descriptor = self._open_lock()
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if self._is_lock(descriptor):
                    os.ftruncate(descriptor, 0)
                    os.pwrite(descriptor, str(os.getpid()).encode(), 0)
                    return descriptor
            except BlockingIOError:
                if deadline.passed():
                    holder = os.pread(descriptor, 20, 0).decode("ascii", "replace") or "unknown"
                    os.close(descriptor)
                    raise EmbeddedError(
                        f"state_dir: another run (process {holder}) is at work in {self.layout.root} "
                        f"and was not done within {deadline.seconds:.0f} s; try again when it has ended"
                    ) from None
                time.sleep(LOCK_POLL_SECONDS)
            os.close(descriptor)

    def _open_lock(self) -> int:
        while True:
            with contextlib.suppress(FileNotFoundError):
                return os.open(self.layout.lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, PRIVATE_FILE)
            # The run that held the lock has removed the folder.
            make_private_folder(self.layout.root)

    def _is_lock(self, descriptor: int) -> bool:
        """Whether the locked file is still the one in the folder: a removal may have come between."""
        try:
            return os.path.samestat(os.fstat(descriptor), self.layout.lock.stat())
        except FileNotFoundError:
            return False
