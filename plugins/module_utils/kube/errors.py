# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong with a cluster, as types. Every message says where, what, and what to do about it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence

SHOWN_AT_MOST = 20
"""Lines of one kind in a message; the rest is counted."""


class KubeError(Exception):
    """Any failure of this package. ``str()`` of it is meant for a person."""

    done: Sequence[Any] = ()
    """The changes (``changes.Change``) that had happened by then."""
    warnings: Sequence[str] = ()
    """What was worth a warning by then."""

    def details(self) -> Dict[str, Any]:
        """What a program may want to know beyond the message; it becomes part of a module's result."""
        return {}


class MissingLibrary(KubeError):
    """A Python package that the work needs is not installed."""


class InvalidArgument(KubeError):
    """Options that contradict one another or cannot be understood."""


class KubeconfigInvalid(KubeError):
    """The kubeconfig is missing, unreadable or malformed, or has no such context."""


class ConnectionFailed(KubeError):
    """No answer from the API server."""


class CertificateRejected(KubeError):
    """A certificate (the server's or our own) is expired, not trusted, for another name, or unreadable."""


class AuthenticationFailed(KubeError):
    """The API server does not accept our credentials, or there are none."""


class WrongCluster(KubeError):
    """Another cluster than the expected one answers."""


class UnsupportedVersion(KubeError):
    """The cluster runs a Kubernetes that is too old."""


class UnknownKind(KubeError):
    """The cluster does not serve this kind in this API version."""


class ApplySetRefused(KubeError):
    """The ApplySet is not ours, was tampered with, or would be emptied by accident."""


class Locked(KubeError):
    """Another run is at work on the same set."""


class NotAttempted(KubeError):
    """What an object needs failed before, so it was not tried."""


class WaitTimeout(KubeError):
    """Not everything became ready in time."""


class WaitFailed(KubeError):
    """Something will not become ready any more."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with the definitions: where, what, and what to write instead."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class DefinitionError(KubeError):
    """Definitions that cannot be sent as they are written."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(shorten([str(problem) for problem in problems]))
        self.problems = list(problems)

    def details(self) -> Dict[str, Any]:
        return {"problems": [{"place": problem.place, "message": problem.message} for problem in self.problems]}


class ApiError(KubeError):
    """The API server refused a request.

    ``status`` is the HTTP status; ``reason`` and ``causes`` are those of the Status object
    (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/).
    """

    def __init__(self, status: int, body: Any) -> None:
        answer: Mapping[str, Any] = body if isinstance(body, dict) else {}
        # What stands between us and the server may answer with a JSON of its own.
        given = answer.get("details")
        details: Mapping[str, Any] = given if isinstance(given, dict) else {}
        self.status = status
        self.reason = str(answer.get("reason") or "")
        self.kind = str(details.get("kind") or "")
        self.causes: List[Dict[str, str]] = list(details.get("causes") or [])
        super().__init__(str(answer.get("message") or "") or f"HTTP {status}: {str(body)[:200]}")

    def details(self) -> Dict[str, Any]:
        return {"status": self.status, "reason": self.reason, "causes": self.causes}


class Conflict(ApiError):
    """Fields of the object belong to other field managers.

    The server tells each as a cause with the reason FieldManagerConflict
    (https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts).
    """

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status, body)
        self.fields = {cause.get("field", "").lstrip("."): _manager_of(cause) for cause in self.causes}

    def __str__(self) -> str:
        owned = ", ".join(f'{field} belongs to field manager "{manager}"' for field, manager in self.fields.items())
        return (
            f"{owned}. Leave these fields to their owner (take them out of the definition, or name them in "
            "ignore_fields), or take them over with force_conflicts: true."
        )


class ApplyFailed(KubeError):
    """Some objects could not be applied or removed; the others were."""

    def __init__(self, failures: Sequence[str], done: Sequence[Any]) -> None:
        super().__init__(shorten(failures))
        self.failures = list(failures)
        self.done = list(done)


def api_error(status: int, body: Any) -> ApiError:
    """The error for an answer of the API server with an HTTP status of 400 or more."""
    error = ApiError(status, body)
    is_conflict = any(cause.get("reason") == "FieldManagerConflict" for cause in error.causes)
    return Conflict(status, body) if is_conflict else error


def shorten(lines: Sequence[str], limit: int = SHOWN_AT_MOST) -> str:
    """The lines as one text, with the number of those that were left out."""
    shown = list(lines[:limit])
    if len(lines) > limit:
        shown.append(f"... and {len(lines) - limit} more")
    return "\n".join(shown)


def _manager_of(cause: Mapping[str, str]) -> str:
    """The manager in 'conflict with "kubectl" using apps/v1', or the whole text when it reads otherwise."""
    text = cause.get("message", "")
    found: Optional[re.Match[str]] = re.search(r'conflict with "([^"]+)"', text)
    return found.group(1) if found else text
