# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of pinned Go modules: the CustomResourceDefinitions of others come from there."""

from __future__ import annotations

import shutil
from pathlib import Path

from ansible_collections.servicemesh.platform.plugins.module_utils.golang.environment import Cache
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.modules import download, read_pin
from ansible_collections.servicemesh.platform.plugins.module_utils.progress import Progress

GATEWAY_API = Path(__file__).parents[3] / "roles/crds/files/gateway-api-1.7"


def files_of(source: Path, name: str) -> Path:
    """The folder of a pinned Go module, from the user's cache or the module proxy."""
    go = shutil.which("go")
    assert go, "the CustomResourceDefinitions come from Go modules: install Go"
    return Path(download(read_pin(str(source), name), go, Cache.at(), Progress(None)))


def gateway_api() -> Path:
    """The folder with the CustomResourceDefinitions of the Gateway API, standard channel."""
    return files_of(GATEWAY_API, "sigs.k8s.io/gateway-api") / "config/crd/standard"
