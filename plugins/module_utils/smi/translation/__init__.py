# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SMI objects in the words of the Gateway API, Istio or Linkerd.

Nothing is dropped silently and nothing is allowed that was not: what a target cannot say becomes a finding.
"""

from __future__ import annotations

from typing import Any, Iterable, Mapping

from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules.surroundings import Surroundings
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.translation import gateway_api, istio, linkerd
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.translation.result import Translation
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.translation.sources import read

TARGETS = ("gateway-api", "istio", "linkerd")
DEFAULT_TRUST_DOMAIN = "cluster.local"


def translate(
    objects: Iterable[Mapping[str, Any]],
    target: str,
    surroundings: Surroundings,
    trust_domain: str = DEFAULT_TRUST_DOMAIN,
) -> Translation:
    """Translate SMI objects of any version. ``trust_domain``: that of the mesh's identities, for Istio.

    Raises ValueError for a target that is none of TARGETS.
    """
    if target not in TARGETS:
        raise ValueError(f"{target!r} is no target; write one of: {', '.join(TARGETS)}")
    result = Translation()
    sources = read(objects, result)
    if target == "gateway-api":
        gateway_api.translate(sources, surroundings, result)
    elif target == "istio":
        istio.translate(sources, surroundings, trust_domain, result)
    else:
        linkerd.translate(sources, surroundings, result)
    return result
