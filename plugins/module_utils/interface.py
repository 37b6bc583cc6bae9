# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module takes and does, apart from how it is run: as a module, or in the process of its task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, Sequence

from ansible.module_utils.basic import AnsibleModule


@dataclass(frozen=True)
class Interface:
    """The options of a module, and what it does with them.

    ``run`` takes the options as given, whether it is check mode, and whether differences are wanted. It returns the
    result, with ``failed`` and ``msg`` when it failed, and with the list ``warnings`` when there are any.
    """

    argument_spec: Mapping[str, Any]
    run: Callable[[Dict[str, Any], bool, bool], Dict[str, Any]]
    required_one_of: Sequence[Sequence[str]] = ()

    def shown(self, options: Mapping[str, Any]) -> Dict[str, Any]:
        """What the result may show of the options, once ``secrets`` are masked in it."""
        return dict(options)

    def secrets(self, _options: Mapping[str, Any]) -> List[str]:
        """The values among the options that no result may hold."""
        return []


def run_module(interface: Interface) -> None:
    """The main function of a module."""
    module = AnsibleModule(
        argument_spec=dict(interface.argument_spec),
        required_one_of=interface.required_one_of,
        supports_check_mode=True,
    )
    options = dict(module.params)
    module.params.update(interface.shown(options))
    module.no_log_values = set(interface.secrets(options))
    result = interface.run(options, module.check_mode, module._diff)
    for warning in result.pop("warnings", ()):
        module.warn(warning)
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)
