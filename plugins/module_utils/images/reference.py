# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of images: registry/repository:tag@digest, as the OCI distribution-spec 1.1 and Docker write them."""

from __future__ import annotations

import re
from typing import NamedTuple

from ansible_collections.servicemesh.platform.plugins.module_utils.images.errors import ImageError

_HOST = re.compile(
    r"(?:localhost|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+|[A-Za-z0-9-]+(?=:)|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?"
)
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class Reference(NamedTuple):
    """The parts of a name; tag and digest are empty when it has none. registry: host, or host:port."""

    registry: str
    repository: str
    tag: str
    digest: str

    @property
    def place(self) -> str:
        """Registry and repository."""
        return f"{self.registry}/{self.repository}"

    @property
    def exact(self) -> str:
        """The shortest name of the same image: by digest when there is one."""
        return f"{self.place}@{self.digest}" if self.digest else f"{self.place}:{self.tag}"

    def by_digest(self, digest: str) -> str:
        """The name of another image in the same repository."""
        return f"{self.place}@{digest}"


def parse(name: str, option: str) -> Reference:
    """The parts of a name. Raises ImageError, which names the option, when it is not valid or names no registry."""
    rest, at, digest = name.partition("@")
    if at and not DIGEST.fullmatch(digest):
        raise ImageError(f"{option}: what follows the '@' is no digest.", "Write sha256: and 64 hexadecimal digits.")
    registry, slash, path = rest.partition("/")
    if not slash or not _HOST.fullmatch(registry):
        raise ImageError(
            f"{option}: {name} does not begin with a registry.",
            f"Write the host of the registry too, such as registry.example.com/{rest}.",
        )
    repository, colon, tag = path.partition(":")
    if not _REPOSITORY.fullmatch(repository):
        raise ImageError(
            f"{option}: {repository!r} in {name} is no name of a repository.",
            "Write lower case letters and digits, with single '.', '_', '-' or '/' between them.",
        )
    if colon and not _TAG.fullmatch(tag):
        raise ImageError(
            f"{option}: {tag!r} in {name} is no tag.",
            "Write letters, digits, '_', '.' and '-', at most 128 of them, and begin with neither '.' nor '-'.",
        )
    return Reference(registry, repository, tag, digest)
