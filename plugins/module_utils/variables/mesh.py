# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules for the variables of the role ``mesh``."""

from __future__ import annotations

from typing import Any, Iterator, Mapping

from ansible_collections.servicemesh.platform.plugins.module_utils.variables.model import Inventory, Problem


def problems(variables: Mapping[str, Any], inventory: Inventory) -> Iterator[Problem]:
    """Every problem with the choice of the mesh."""
    if variables["mesh_provider"] == "manifests" and not variables["mesh_manifests"]:
        yield Problem("mesh_manifests", [], "name the files with the objects of the mesh, or set mesh_provider to none")
