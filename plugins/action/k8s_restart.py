# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows how far the module of the same name is."""

from __future__ import annotations

from ansible_collections.servicemesh.platform.plugins.modules.k8s_restart import INTERFACE
from ansible_collections.servicemesh.platform.plugins.plugin_utils.progress import ProgressAction


class ActionModule(ProgressAction):
    """See the documentation of the module of the same name."""

    interface = INTERFACE
