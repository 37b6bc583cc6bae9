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

ETCD_LIMIT = 1_572_864
"""Bytes that etcd stores at most as one value unless it is set up otherwise (its --max-request-bytes)."""

_WEBHOOK = re.compile(
    r'(?:failed calling webhook "(?P<admission>[^"]+)"|conversion webhook for (?P<conversion>.+?) failed): (?P<why>.*)',
    re.DOTALL,
)
_TERMINATING = re.compile(r"\bnamespace (\S+) because it is being terminated")
_TOO_LARGE = re.compile(r"etcdserver: request is too large|trying to send message larger than max")
_LIMIT = re.compile(r"limit is (\d+)|not be more than (\d+) bytes|larger than max \(\d+ vs\. (\d+)\)")


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
    """No answer from the API server. ``was_connected`` is whether there was a connection, which broke."""

    def __init__(self, message: str, was_connected: bool = False) -> None:
        super().__init__(message)
        self.was_connected = was_connected


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
        self.causes: List[Dict[str, str]] = [cause for cause in _list(details.get("causes")) if isinstance(cause, dict)]
        self.message = str(answer.get("message") or "") or f"HTTP {status}: {str(body)[:200]}"
        """What the server said; ``str()`` may say more."""
        metadata = answer.get("metadata")
        self.continuation = str(metadata.get("continue") or "") if isinstance(metadata, dict) else ""
        """Where a list that took too long can be taken up again."""
        super().__init__(self.message)

    def details(self) -> Dict[str, Any]:
        return {"status": self.status, "reason": self.reason, "causes": self.causes}


class Conflict(ApiError):
    """Fields of the object belong to other field managers.

    The server tells each as a cause with the reason FieldManagerConflict
    (https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts).
    """

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status, body)
        self.fields = sorted((cause.get("field", "").lstrip("."), _manager_of(cause)) for cause in self.causes)

    def __str__(self) -> str:
        owned = ", ".join(f'{field} belongs to field manager "{manager}"' for field, manager in self.fields)
        return (
            f"{owned}. Leave these fields to their owner (take them out of the definition, or name them in "
            "ignore_fields), or take them over with force_conflicts: true."
        )


class WebhookFailed(ApiError):
    """An admission or conversion webhook, named ``webhook``, that the server had to ask could not be asked."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status, body)
        found = _WEBHOOK.search(self.message)
        self._conversion, admission, self._why = (
            found.group("conversion", "admission", "why") if found else ("", "", "")
        )
        self.webhook = self._conversion or admission

    def __str__(self) -> str:
        if self._conversion:
            return (
                f"the conversion webhook for {self.webhook} failed: {self._why}. Until it answers, no object of this "
                "kind can be read or written: see that the service behind it runs (spec.conversion of the "
                "CustomResourceDefinition)."
            )
        return (
            f'the admission webhook "{self.webhook}" failed: {self._why}. Until it answers, nothing that it has to be '
            "asked about can be written: see that the service behind it runs, or remove the webhook if nothing serves "
            "it any more (kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations)."
        )


class NamespaceTerminating(ApiError):
    """Nothing can be made in a namespace (``namespace``) that is on its way out."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status, body)
        found = _TERMINATING.search(self.message)
        self.namespace = found.group(1) if found else ""

    def __str__(self) -> str:
        return (
            f"namespace {self.namespace} is being terminated, so nothing can be made in it. Run it again when the "
            f"namespace is gone; what holds it is told by status.conditions of: kubectl get namespace {self.namespace} "
            "-o yaml"
        )


class TooLarge(ApiError):
    """The object is larger than the server, or etcd behind it, takes.

    ``size`` is in bytes, and so is ``limit`` (0 when it is not known). There are several: of the
    server for a request (3 MiB), of etcd for what it stores (1.5 MiB as a rule, and 2 MiB for what it is sent), and of
    the server for the content of a ConfigMap or Secret (1 MiB).
    """

    def __init__(self, status: int, body: Any, size: int) -> None:
        super().__init__(status, body)
        self.size = size
        found = _LIMIT.search(self.message)
        self._is_of_etcd = "etcdserver" in self.message
        self.limit = int(next(filter(None, found.groups()))) if found else ETCD_LIMIT if self._is_of_etcd else 0

    def __str__(self) -> str:
        allowed = f"at most {self.limit:,}" if self.limit else "less"
        taker = "etcd takes (as a rule)" if self._is_of_etcd else "it may be"
        return (
            f"is too large: {self.size:,} bytes were sent, and {taker} {allowed} ({self.message}). Split it, or keep "
            "the bulk of it outside of the cluster's objects."
        )


class ApplyFailed(KubeError):
    """Some objects could not be applied or removed; the others were."""

    def __init__(self, failures: Sequence[str], done: Sequence[Any]) -> None:
        super().__init__(shorten(failures))
        self.failures = list(failures)
        self.done = list(done)


def api_error(status: int, body: Any, size: int = 0) -> ApiError:
    """The error for an answer of the API server with an HTTP status of 400 or more to a request of that size."""
    error = ApiError(status, body)
    reasons = [cause.get("reason") for cause in error.causes]
    if "FieldManagerConflict" in reasons:
        return Conflict(status, body)
    if "NamespaceTerminating" in reasons:
        return NamespaceTerminating(status, body)
    if status == 500 and _WEBHOOK.search(error.message):
        return WebhookFailed(status, body)
    if status == 413 or (status == 500 and _TOO_LARGE.search(error.message)) or _is_content_too_long(error):
        return TooLarge(status, body, size)
    return error


def _is_content_too_long(error: ApiError) -> bool:
    """Whether the whole content of a ConfigMap (which the server calls the field []) or Secret is too long."""
    return any(
        cause.get("reason") == "FieldValueTooLong" and cause.get("field") in ("[]", "data") for cause in error.causes
    )


def shorten(lines: Sequence[str], limit: int = SHOWN_AT_MOST) -> str:
    """The lines as one text, with the number of those that were left out."""
    shown = list(lines[:limit])
    if len(lines) > limit:
        shown.append(f"... and {len(lines) - limit} more")
    return "\n".join(shown)


def _list(value: Any) -> List[Any]:
    return value if isinstance(value, list) else []


def _manager_of(cause: Mapping[str, str]) -> str:
    """The manager in 'conflict with "kubectl" using apps/v1', or the whole text when it reads otherwise."""
    text = cause.get("message", "")
    found: Optional[re.Match[str]] = re.search(r'conflict with "([^"]+)"', text)
    return found.group(1) if found else text
