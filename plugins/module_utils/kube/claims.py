# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PersistentVolumeClaims that are bound only when a pod uses them: waiting for the claim would wait for ever.

https://kubernetes.io/docs/concepts/storage/storage-classes/#volume-binding-mode
"""

from __future__ import annotations

import json
from typing import List

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.conditions import CONDITIONS, Condition
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import ApiError
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session

CLAIM = ("", "PersistentVolumeClaim")

_CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
_SELECTED_NODE = 'metadata.annotations."volume.kubernetes.io/selected-node"'
"""Set by the scheduler once it has found a node for a pod that uses the claim."""


def claim_condition(session: Session) -> Condition:
    """The usual condition of claims, by which those that no pod on a node uses yet are ready when that is meant so.

    A workload that uses such a claim is not ready before the claim is bound. Who may not list StorageClasses
    waits for every claim. Raises as ``Session.request`` does.
    """
    usual = CONDITIONS[CLAIM]
    late = json.dumps(_late_binding_classes(session))
    unused = f"(contains(`{late}`, spec.storageClassName) && !({_SELECTED_NODE}))"
    return usual._replace(success=f"{usual.success} || {unused}")


def _late_binding_classes(session: Session) -> List[str]:
    try:
        classes = list(session.list_objects(_CLASSES))
    except ApiError as error:
        if error.status == 403:
            return []
        raise
    return [each["metadata"]["name"] for each in classes if each.get("volumeBindingMode") == "WaitForFirstConsumer"]
