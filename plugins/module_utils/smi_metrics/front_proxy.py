# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who asks, as the front proxy of the API server tells it.

kube-apiserver authenticates its clients and writes into headers who they are. These headers count only with a
certificate that the front proxy's own authority signed, for one of the names that are allowed. All this stands in the
ConfigMap ``extension-apiserver-authentication`` of ``kube-system``
(https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple
from urllib.parse import unquote

CONFIG_MAP = "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication"

ANONYMOUS = "system:anonymous"
AUTHENTICATED, UNAUTHENTICATED = "system:authenticated", "system:unauthenticated"

Headers = Sequence[Tuple[str, str]]
"""The headers of a request as they came: a name may stand there more than once."""


class NotUsable(Exception):
    """The ConfigMap does not say what it has to say. ``str()`` of it is meant for a person."""


@dataclass(frozen=True)
class User:
    """Who asks. ``extra`` are the further things that an authenticator knows of a user."""

    name: str
    uid: str = ""
    groups: Tuple[str, ...] = ()
    extra: Tuple[Tuple[str, Tuple[str, ...]], ...] = ()

    def as_dict(self) -> Dict[str, Any]:
        """The part of the ``spec`` of a SubjectAccessReview that says who it is about."""
        fields = {
            "user": self.name,
            "uid": self.uid,
            "groups": list(self.groups),
            "extra": {key: list(values) for key, values in self.extra},
        }
        return {name: value for name, value in fields.items() if value}


@dataclass(frozen=True)
class FrontProxy:
    """Whom to believe, and in which headers it stands. Without allowed names, any that the authority signed."""

    client_ca: str = field(repr=False)
    allowed_names: Tuple[str, ...]
    username_headers: Tuple[str, ...]
    group_headers: Tuple[str, ...]
    extra_prefixes: Tuple[str, ...]
    uid_headers: Tuple[str, ...] = ()

    def believes(self, certificate: Optional[Mapping[str, Any]]) -> bool:
        """Whether a client may tell who asks. ``certificate`` is that of ``SSLObject.getpeercert``: verified."""
        return bool(certificate) and (not self.allowed_names or _common_name(certificate or {}) in self.allowed_names)

    def user(self, headers: Headers) -> Optional[User]:
        """Who the headers tell of; None when they tell of nobody."""
        name = next(iter(_values(headers, self.username_headers)), "")
        if not name:
            return None
        uid = next(iter(_values(headers, self.uid_headers)), "")
        return User(name, uid, tuple(_values(headers, self.group_headers)), self._extra(headers))

    def _extra(self, headers: Headers) -> Tuple[Tuple[str, Tuple[str, ...]], ...]:
        found: Dict[str, List[str]] = {}
        for name, value in headers:
            prefix = next((each for each in self.extra_prefixes if name.lower().startswith(each.lower())), None)
            if prefix is not None:
                found.setdefault(unquote(name[len(prefix) :]).lower(), []).append(value)
        return tuple((key, tuple(values)) for key, values in sorted(found.items()))


def parse(config_map: Mapping[str, Any]) -> FrontProxy:
    """What the ConfigMap says. Raises NotUsable."""
    data = config_map.get("data") or {}
    client_ca = data.get("requestheader-client-ca-file") or ""
    if "BEGIN CERTIFICATE" not in client_ca:
        raise NotUsable(
            "the ConfigMap kube-system/extension-apiserver-authentication has no requestheader-client-ca-file: start "
            "kube-apiserver with --requestheader-client-ca-file and the flags that belong to it"
        )
    found = FrontProxy(
        client_ca=client_ca,
        allowed_names=_names(data, "requestheader-allowed-names"),
        username_headers=_names(data, "requestheader-username-headers"),
        group_headers=_names(data, "requestheader-group-headers"),
        extra_prefixes=_names(data, "requestheader-extra-headers-prefix"),
        uid_headers=_names(data, "requestheader-uid-headers"),
    )
    if not found.username_headers:
        raise NotUsable(
            "the ConfigMap kube-system/extension-apiserver-authentication names no requestheader-username-headers: "
            "start kube-apiserver with --requestheader-username-headers=X-Remote-User"
        )
    return found


def with_own_group(user: User) -> User:
    """The user in ``system:authenticated``, as every extension API server has it of those whom it knows."""
    if user.name == ANONYMOUS or {AUTHENTICATED, UNAUTHENTICATED} & set(user.groups):
        return user
    return User(user.name, user.uid, (*user.groups, AUTHENTICATED), user.extra)


def _names(data: Mapping[str, Any], key: str) -> Tuple[str, ...]:
    try:
        names = json.loads(data.get(key) or "[]")
    except ValueError as error:
        raise NotUsable(f"extension-apiserver-authentication, {key}: not a list in JSON ({error})") from error
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise NotUsable(f"extension-apiserver-authentication, {key}: not a list of texts")
    return tuple(name for name in names if name)


def _values(headers: Headers, names: Sequence[str]) -> List[str]:
    """The values of these headers, in the order of the names; names are compared as HTTP does."""
    return [value for wanted in names for name, value in headers if name.lower() == wanted.lower() and value]


def _common_name(certificate: Mapping[str, Any]) -> str:
    pairs = [pair for part in certificate.get("subject") or () for pair in part]
    return next((str(value) for name, value in pairs if name == "commonName"), "")
