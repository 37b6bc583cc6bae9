# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What crane's error messages mean (go-containerregistry 0.22), and how to mend what they tell of."""

from __future__ import annotations

import re
from typing import NamedTuple, Tuple

_SHOWN = 600
"""So many characters of a message that is not known are shown."""


class Failure(NamedTuple):
    """What is wrong and what to do about it. kind: a word for those that callers tell apart."""

    problem: str
    mend: str
    kind: str = ""

    @property
    def passes(self) -> bool:
        """Whether it may go away by itself."""
        return self.kind == PASSING


PASSING = "passing"
ABSENT = "absent"
UNSUPPORTED = "unsupported"

# The first pattern that fits counts. {registry} and {name} are those that were asked, {0} the group of the pattern.
_KNOWN: Tuple[Tuple[str, str, str, str], ...] = (
    (
        r"error getting credentials - err: ([^\n]+)",
        "The credential helper for {registry} fails: {0}.",
        "Put the helper that the Docker configuration names on PATH and log in again, or give username and password.",
        "",
    ),
    (
        r"x509: certificate signed by unknown authority",
        "The certificate of {registry} is signed by a CA that is not trusted.",
        "Name a file with the CA's certificate in ca_path.",
        "",
    ),
    (
        r"x509: ([^;\n]+)",
        "The certificate of {registry} is not good: {0}.",
        "Use the host that the certificate is for, or renew it.",
        "",
    ),
    (
        r"(?:does not match requested digest|error verifying sha256 checksum)([^\n]*)",
        "{registry} gives other content for {name} than its digest says{0}.",
        "Do not use it: the registry, or something between it and you, has changed the image.",
        "",
    ),
    (
        r"429 Too Many Requests|TOOMANYREQUESTS",
        "{registry} takes no more requests from here for now.",
        "Run again later, or log in to have a higher limit.",
        PASSING,
    ),
    (
        r"(MANIFEST_BLOB_UNKNOWN|BLOB_UPLOAD_UNKNOWN|BLOB_UPLOAD_INVALID)",
        "{registry} has lost a part of the image while it was sent ({0}).",
        "Run again; if it fails again, look at the registry's log.",
        PASSING,
    ),
    (
        r"401 Unauthorized|UNAUTHORIZED",
        "{registry} wants other credentials for {name}.",
        "Give username and password, or a docker_config that has been logged in to this registry.",
        "",
    ),
    (
        r"403 Forbidden|DENIED",
        "{registry} does not allow this to these credentials: {name}.",
        "Give the account the right to pull or push there, or use another one.",
        "",
    ),
    (
        r"405 Method Not Allowed|UNSUPPORTED",
        "{registry} does not do this for anybody: {name}.",
        "To remove images, allow it in the registry (distribution: storage.delete.enabled), or use its own means; "
        "to push, see that it is not read-only.",
        UNSUPPORTED,
    ),
    (
        r"NAME_INVALID|could not parse reference",
        "{registry} does not take the name {name}.",
        "Use a name that this registry allows; some want a project before the repository.",
        "",
    ),
    (
        r"MANIFEST_UNKNOWN|NAME_UNKNOWN|BLOB_UNKNOWN|404 Not Found",
        "{registry} does not have {name}.",
        "Push it first, or correct the name.",
        ABSENT,
    ),
    (
        r"lookup [^\n]*: (no such host)",
        "{registry} cannot be found: {0}.",
        "Correct the name of the registry, or the name service of this machine.",
        "",
    ),
    (
        r"status code (5\d\d [A-Za-z ]+)",
        "{registry} has a problem of its own: {0}.",
        "Look at the registry's log and run again.",
        PASSING,
    ),
    (
        r"(connection refused|connection reset|broken pipe|unexpected EOF|EOF|i/o timeout|TLS handshake timeout"
        r"|no route to host|network is unreachable|context deadline exceeded|server closed idle connection"
        r"|INTERNAL_ERROR|GOAWAY|use of closed network connection|timed out)",
        "{registry} cannot be reached: {0}.",
        "See that the registry runs and that this machine reaches it (HTTPS_PROXY when it needs one); then run again.",
        PASSING,
    ),
    (
        r"no space left on device",
        "The disk is full.",
        "Make room in the temporary folder (TMPDIR) or where the image is written.",
        "",
    ),
)


def explain(output: str, registry: str, name: str) -> Failure:
    """What a message of crane means."""
    for pattern, problem, mend, kind in _KNOWN:
        found = re.search(pattern, output)
        if found:
            groups = tuple(group or "" for group in found.groups())
            fill = {"registry": registry, "name": name}
            return Failure(problem.format(*groups, **fill), mend.format(*groups, **fill), kind)
    return Failure(f"crane fails with {name}:", output.strip()[-_SHOWN:])
