# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The third-party packages that the work needs, and what to say when one is not there."""

from __future__ import annotations

from importlib.util import find_spec

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import MissingLibrary

PACKAGES = {"kubernetes": "kubernetes", "urllib3": "urllib3", "yaml": "PyYAML", "jmespath": "jmespath"}
"""Name to import -> name to install."""


def require(*modules: str) -> None:
    """Raise MissingLibrary, which says what to install, for the first of the modules that is not there."""
    for module in modules:
        if find_spec(module) is None:
            from ansible.module_utils.basic import missing_required_lib  # programs in a pod have no Ansible

            raise MissingLibrary(missing_required_lib(PACKAGES[module]))
