# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the secrets of a module's options stay secret while the rest stays readable.

``no_log: true`` on a kubeconfig or on definitions keeps them out of the log, but would also mask every
string in them (``v1``, ``default``) wherever it appears in the result. So they are taken out of what is
returned as the invocation, and their strings are taken off the list of what is masked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Sequence

from ansible_collections.servicemesh.platform.plugins.module_utils.interface import Interface
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.connection import is_path

_HIDDEN = "NOT_LOGGING_PARAMETER"


@dataclass(frozen=True)
class ClusterInterface(Interface):
    """A module with the options of the connection (``connection.CONNECTION_ARGUMENTS``) among its own.

    ``concealed`` names the options, beside kubeconfig, that are ``no_log`` as a whole.
    """

    concealed: Sequence[str] = ()

    def shown(self, options: Mapping[str, Any]) -> Dict[str, Any]:
        kubeconfig = options.get("kubeconfig")
        is_harmless = kubeconfig is None or (isinstance(kubeconfig, str) and is_path(kubeconfig))
        hidden = self.concealed if is_harmless else ("kubeconfig", *self.concealed)
        return {**options, **dict.fromkeys(hidden, _HIDDEN)}

    def secrets(self, options: Mapping[str, Any]) -> List[str]:
        headers = options.get("proxy_headers") or {}
        candidates = (
            options.get("api_key"),
            options.get("password"),
            headers.get("basic_auth"),
            headers.get("proxy_basic_auth"),
            _password_in(options.get("host")),
            _password_in(options.get("proxy")),
        )
        return [value for value in candidates if value]


def _password_in(url: Any) -> str:
    """The user name and password in a URL, as they are written there."""
    return str(url or "").rpartition("@")[0].rpartition("/")[2]
