# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module of the same name without a process of its own where that makes no difference."""

from __future__ import annotations

from ansible_collections.servicemesh.platform.plugins.modules.istio_webhooks import INTERFACE
from ansible_collections.servicemesh.platform.plugins.plugin_utils.in_process import InProcessAction


class ActionModule(InProcessAction):
    """See the documentation of the module of the same name."""

    interface = INTERFACE
