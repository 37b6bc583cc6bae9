# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making an AnsibleModule whose secrets stay secret and whose other values stay readable."""

from __future__ import annotations

from typing import Any, Dict, Iterable, Mapping

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.connection import is_path

_HIDDEN = "NOT_LOGGING_PARAMETER"


class ClusterModule(AnsibleModule):  # type: ignore[misc]
    """An AnsibleModule with options that are secret as a whole but whose parts must not be masked.

    ``no_log: true`` on a kubeconfig or on definitions keeps them out of the log, but would also mask every
    string in them (``v1``, ``default``) wherever it appears in the result. So they are taken out of what is
    returned as the invocation, and their strings are taken off the list of what is masked.
    """

    def __init__(self, argument_spec: Mapping[str, Any], concealed: Iterable[str] = (), **kwargs: Any) -> None:
        """``concealed`` names further options, beside kubeconfig, that are ``no_log`` as a whole."""
        super().__init__(argument_spec=dict(argument_spec), **kwargs)
        self.options: Dict[str, Any] = dict(self.params)
        """The options as given. ``params`` is what the result may show of them."""
        kubeconfig = self.params.get("kubeconfig")
        is_harmless = kubeconfig is None or (isinstance(kubeconfig, str) and is_path(kubeconfig))
        for name in concealed if is_harmless else ("kubeconfig", *concealed):
            self.params[name] = _HIDDEN
        self.no_log_values = set(_secrets(self.options))


def _secrets(options: Mapping[str, Any]) -> Iterable[str]:
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
