# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the images of Istio and push them, where the playbook runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.servicemesh.platform.plugins.plugin_utils.istio_images import INTERFACE
from ansible_collections.servicemesh.platform.plugins.plugin_utils.progress import ProgressAction


class ActionModule(ProgressAction):
    """See the documentation of the module of the same name."""

    interface = INTERFACE
    _supports_async = False
    _requires_connection = False

    def _is_here(self, _task_vars: Mapping[str, Any]) -> bool:
        """There is no module that could be sent elsewhere."""
        return True
