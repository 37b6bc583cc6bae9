# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module of this package takes and does, and how its secrets stay secret while the rest stays readable.

``no_log: true`` on a kubeconfig or on definitions keeps them out of the log, but would also mask every
string in them (``v1``, ``default``) wherever it appears in the result. So they are taken out of what is
returned as the invocation, and their strings are taken off the list of what is masked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, Sequence

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.connection import (
    CONNECTION_ARGUMENTS,
    is_path,
)

_HIDDEN = "NOT_LOGGING_PARAMETER"


@dataclass(frozen=True)
class Interface:
    """A module: its options beside those of the connection, and what it does with them.

    ``run`` takes the options as given, whether it is check mode, and whether differences are wanted. It returns the
    result, with ``failed`` and ``msg`` when it failed, and with the list ``warnings`` when there are any.
    ``concealed`` names the options, beside kubeconfig, that are ``no_log`` as a whole.
    """

    arguments: Mapping[str, Any]
    run: Callable[[Dict[str, Any], bool, bool], Dict[str, Any]]
    concealed: Sequence[str] = ()
    required_one_of: Sequence[Sequence[str]] = ()

    @property
    def argument_spec(self) -> Dict[str, Any]:
        return {**self.arguments, **CONNECTION_ARGUMENTS}

    def shown(self, options: Mapping[str, Any]) -> Dict[str, Any]:
        """What the result may show of the options, once ``secrets`` are masked in it."""
        kubeconfig = options.get("kubeconfig")
        is_harmless = kubeconfig is None or (isinstance(kubeconfig, str) and is_path(kubeconfig))
        hidden = self.concealed if is_harmless else ("kubeconfig", *self.concealed)
        return {**options, **dict.fromkeys(hidden, _HIDDEN)}


def run_module(interface: Interface) -> None:
    """The main function of a module."""
    module = AnsibleModule(
        argument_spec=interface.argument_spec,
        required_one_of=interface.required_one_of,
        supports_check_mode=True,
    )
    options = dict(module.params)
    module.params.update(interface.shown(options))
    module.no_log_values = set(secrets(options))
    result = interface.run(options, module.check_mode, module._diff)
    for warning in result.pop("warnings", ()):
        module.warn(warning)
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)


def secrets(options: Mapping[str, Any]) -> List[str]:
    """The values among the options that no result may hold."""
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
