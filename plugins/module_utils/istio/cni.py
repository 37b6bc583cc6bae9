# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who needs the CNI plugin of Istio on the nodes (pure).

With the plugin, pods have the init container ``istio-validation``, which sets up nothing and waits for the rules of
the plugin. A pod keeps its rules as long as its sandbox lives; a new sandbox (a node that restarts) wants them anew.
So the plugin has to outlive these pods, and every istiod that makes such pods.
"""

from __future__ import annotations

import json
from typing import Any, Iterable, List, Mapping

Object = Mapping[str, Any]

VALIDATION = "istio-validation"
"""The init container of pods whose rules are those of the plugin."""
INJECTOR = "istio-sidecar-injector"
"""How the ConfigMaps begin that tell injectors what to do."""
REVISION = "istio.io/rev"
_ENDED = ("Failed", "Succeeded")


def users(pods: Iterable[Object], configs: Iterable[Object]) -> List[str]:
    """The pods that need the plugin, and the istiods that make such pods. configs: ConfigMaps in their namespace."""
    needing = [f"Pod {each['metadata']['namespace']}/{each['metadata']['name']}" for each in pods if _needs_it(each)]
    return [*(f"istiod of the revision {each}" for each in sorted(map(_asked, configs)) if each), *sorted(needing)]


def _needs_it(pod: Object) -> bool:
    ended = (pod.get("status") or {}).get("phase") in _ENDED
    containers = (pod.get("spec") or {}).get("initContainers") or []
    return not ended and any(each["name"] == VALIDATION for each in containers)


def _asked(config: Object) -> str:
    """The revision of an injector that makes pods for the plugin; empty for any other ConfigMap."""
    if not config["metadata"]["name"].startswith(INJECTOR):
        return ""
    try:
        values = json.loads((config.get("data") or {}).get("values") or "{}")
    except ValueError:
        return ""
    cni = (values.get("pilot") or {}).get("cni") or {}
    revision = (config["metadata"].get("labels") or {}).get(REVISION) or "default"
    return str(revision) if cni.get("enabled") else ""
