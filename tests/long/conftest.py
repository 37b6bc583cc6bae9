# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that take minutes; they share what the integration tests of the engine have."""

from ..integration.conftest import cluster, kube_binary
from ..integration.kube.conftest import connection, live, make, namespace, run, session
from ..integration.kube.faults.conftest import applyset

__all__ = ["applyset", "cluster", "connection", "kube_binary", "live", "make", "namespace", "run", "session"]
