# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the modules of tools are reached and what they are checked against: the options, else the user's own settings."""

from __future__ import annotations

import fnmatch
import json
import os
import re
from dataclasses import dataclass
from typing import Dict, NamedTuple, Optional, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.golang.command import CommandFailed, redacted, run
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.environment import Cache, go_environment
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.messages import (
    Explanation,
    explain,
    first_lines,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.tool import ToolError

_ASKED = ("GOPROXY", "GOSUMDB", "GONOSUMDB", "GOHOSTOS", "GOHOSTARCH")
_MODULE = r"(?:^|\s|\()(?P<module>[\w.~-]+\.[\w.~/-]+@v[^\s:()/]+)(?=[\s:)]|$)"
_IN_CACHE = r"/cache/download/(?P<path>\S+?)/@v/(?P<version>\S+?)\.(?:info|mod|zip): (?:no such file|The system cannot)"


@dataclass(frozen=True)
class Access:
    """How modules are reached. What is empty is the user's own setting."""

    goproxy: str = ""
    gosumdb: str = ""
    goprivate: str = ""
    gonosumdb: str = ""
    offline: bool = False


class Effective(NamedTuple):
    """The environment that go is run with, and what follows from it.

    `offline`: nothing is downloaded. `sumdb`: whether there is a checksum database. `unchecked`: the patterns of the
    modules that it is not asked for.
    """

    go: str
    cache: Cache
    environment: Dict[str, str]
    offline: bool
    sumdb: bool
    unchecked: str

    def checks(self, path: str) -> bool:
        """Whether the checksum database is asked for a module, or for a package of it."""
        return self.sumdb and not matches(self.unchecked, path)


def effective(access: Access, go: str, cache: Cache) -> Effective:
    """What the options and the user's settings (also those of `go env -w`) come to. Raises ToolError."""
    environment = go_environment(cache)
    given = {
        "GOPROXY": access.goproxy,
        "GOSUMDB": access.gosumdb,
        "GOPRIVATE": access.goprivate,
        "GONOSUMDB": access.gonosumdb,
    }
    environment.update({name: value for name, value in given.items() if value})
    asked = _asked(go, environment)
    offline = access.offline or asked["GOPROXY"] == "off"
    if offline:
        # As a proxy the cache answers every question that go has; with GOPROXY=off some of them are errors.
        downloads = "file://" + os.path.join(cache.modules, "cache", "download")
        environment.update(GOPROXY=downloads, GONOPROXY="none", GOSUMDB="off")
    environment.update(GOOS=asked["GOHOSTOS"], GOARCH=asked["GOHOSTARCH"])
    sumdb = not offline and asked["GOSUMDB"] != "off"
    return Effective(go, cache, environment, offline, sumdb, asked["GONOSUMDB"])


def matches(patterns: str, path: str) -> bool:
    """Whether patterns such as `*.corp.example.com,example.com/private` fit a path or the beginning of it.

    As golang.org/x/mod/module.MatchPrefixPatterns: `*` does not stand for a slash.
    """
    elements = path.split("/")
    for pattern in patterns.split(","):
        wanted = pattern.rstrip("/").split("/")
        has = elements[: len(wanted)]
        if pattern and len(has) == len(wanted) and all(map(fnmatch.fnmatchcase, has, wanted)):
            return True
    return False


def explained(output: str, access: Effective, source: str = "") -> Optional[Explanation]:
    """What a message of go means for a tool. `source`: the folder with its go.mod, when it has one."""
    return _missing(output, access) or _bad(output, access) or explain(output, source, access.environment)


def failure(what: str, output: str, access: Effective, source: str = "", meant: str = "") -> ToolError:
    """The error for a tool that go could not build. `meant`: the output in the words that are to be explained."""
    known = explained(meant or output, access, source)
    if known:
        return ToolError(f"{what}: {known.problem}", f"{known.mend}\n{first_lines(output)}")
    return ToolError(f"{what}:", first_lines(output))


def proxy_of(environment: Dict[str, str]) -> str:
    """The GOPROXY for a message, without credentials."""
    return redacted(environment.get("GOPROXY") or "GOPROXY of `go env`")


def clearing(access: Effective) -> str:
    """What to do about a module that is not what it should be."""
    return (
        f"If the copy in the cache is broken, clear it with `GOMODCACHE={access.cache.modules} go clean -modcache` and "
        f"run again. If it differs again, the proxy ({proxy_of(access.environment)}) serves something else: do not use "
        "it."
    )


def _missing(output: str, access: Effective) -> Optional[Explanation]:
    """A module that is not in the cache while nothing may be downloaded."""
    if not access.offline:
        return None
    found = re.search(_IN_CACHE, output)
    if not found:
        return None
    # Capital letters are written as `!x` there: https://go.dev/ref/mod#goproxy-protocol
    module = re.sub("!([a-z])", lambda match: match.group(1).upper(), f"{found.group('path')}@{found.group('version')}")
    downloads = os.path.join(access.cache.modules, "cache", "download")
    return Explanation(
        f"{module} is not in the module cache, and nothing is downloaded (offline).",
        f"Install the tool once with the same versions on a machine that reaches a module proxy, and copy the folder "
        f"{downloads} from there; or set GOPROXY to a folder with it (file:///FOLDER) or to a proxy that this machine "
        "reaches.",
    )


def _bad(output: str, access: Effective) -> Optional[Explanation]:
    """A module that is not what the checksum database says, or a database that does not answer."""
    if re.search(r"verifying (?:module|go\.mod): checksum mismatch", output):
        return Explanation(
            f"{_first_module(output) or 'A module'} is not what the checksum database has: its checksum differs.",
            clearing(access),
        )
    broken = re.search(r"zip: not a valid zip file|zip: checksum error|malformed go\.sum|not a valid zip", output)
    if broken:
        return Explanation(f"{_first_module(output) or 'A module'} came down broken.", clearing(access))
    if re.search(r"verifying (?:module|go\.mod): ", output):
        return Explanation(
            f"The checksum database does not vouch for {_first_module(output) or 'a module'}, or cannot be reached.",
            "Use a module proxy that serves the database too. Name a module that is not public in goprivate. Or set "
            "gosumdb to off, and give the sum of the tool: `h1:...`, as go.sum has it.",
        )
    return None


def _first_module(output: str) -> str:
    found = re.search(_MODULE, output, re.MULTILINE)
    return found.group("module") if found else ""


def _asked(go: str, environment: Dict[str, str]) -> Dict[str, str]:
    try:
        answer: Dict[str, str] = json.loads(run([go, "env", "-json", *_ASKED], environment, os.sep))
    except OSError as error:
        raise ToolError(f"go: {go}: {error.strerror}.", "Name a go command that runs.") from error
    except CommandFailed as error:
        raise ToolError(f"{go} does not run:", first_lines(error.output)) from error
    return answer


def credentials(goproxy: str) -> Tuple[str, ...]:
    """The user names and passwords in a GOPROXY, as they are written there."""
    return tuple(re.findall(r"//([^/@\s,|]+)@", goproxy))
