# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: smi_storage
short_description: Store SMI objects in the version that their CustomResourceDefinitions are going to have
version_added: 0.1.0
author: The servicemesh.platform authors (@servicemesh)
description:
  - A storage version migration with conversion. Objects stay stored in the version that they were written in. A
    CustomResourceDefinition that leaves such a version out is refused by the API server, and one that only stores
    another shows the objects without what the two versions write differently.
  - Reads every object as it is stored, converts it (as the filter P(servicemesh.platform.smi_convert#filter) does),
    writes it under the new definition, and takes the former versions out of RV(ignore:status.storedVersions).
  - Nothing is changed when one object cannot be written under the new definitions. A run that was cut off can be
    repeated. Until it has come to its end, copies of the objects are in ConfigMaps of the namespace
    C(servicemesh-platform).
  - While the objects of a kind are written, only the new version is served. That takes some seconds.
options:
  definitions:
    description:
      - CustomResourceDefinitions of SMI, as the filter P(servicemesh.platform.smi_crds#filter) makes them. Others are
        left aside.
    type: list
    elements: dict
    required: true
  field_manager:
    description: The field manager that is going to apply them.
    type: str
    default: servicemesh.platform
  force_conflicts:
    description: Whether fields that other field managers own may be changed.
    type: bool
    default: false
  conversion_manager:
    description:
      - The field manager of another component that runs the conversion webhook and owns C(spec.conversion).
      - The C(spec.conversion) of O(definitions) then only tells which of them need the webhook. It is in no definition
        that is returned.
      - As long as a CustomResourceDefinition that needs the webhook does not have the one of this field manager, and
        when its objects were moved, only the version that is stored is served. See RV(narrowed).
    type: str
  conversion_ends:
    description:
      - Whether the webhook of O(conversion_manager) is about to be taken away, so that no other version than the one
        that is stored can be served any longer.
    type: bool
    default: false
  offline:
    description:
      - In check mode, whether the cluster is still to come. Then there is nothing to move.
    type: bool
    default: false
extends_documentation_fragment:
  - servicemesh.platform.attributes
  - servicemesh.platform.connection
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
"""

EXAMPLES = r"""
- name: Store everything in the newest versions
  servicemesh.platform.smi_storage:
    kubeconfig: ~/.kube/config
    definitions: "{{ wanted }}"
    force_conflicts: true
  register: storage
  vars:
    versions: {split: [v1alpha4], access: [v1alpha3], specs: [v1alpha4]}
    wanted: "{{ versions | servicemesh.platform.smi_crds }}"

- name: Apply the CustomResourceDefinitions
  servicemesh.platform.k8s_apply:
    kubeconfig: ~/.kube/config
    definitions: "{{ storage.definitions }}"
"""

RETURN = r"""
kinds:
  description: The kinds whose objects were moved, or in check mode would be.
  returned: success
  type: list
  elements: dict
  contains:
    crd:
      description: Name of the CustomResourceDefinition.
      type: str
      sample: trafficsplits.split.smi-spec.io
    from:
      description: The versions that objects may have been stored in.
      type: list
      elements: str
      sample: [v1alpha1]
    to:
      description: The version that they are stored in now.
      type: str
      sample: v1alpha4
    objects:
      description: Number of objects.
      type: int
      sample: 12
definitions:
  description:
    - The definitions that can be applied now. The given ones; in check mode with the versions that could not be left
      out yet; with O(conversion_manager) as its webhook allows.
  returned: success
  type: list
  elements: dict
narrowed:
  description:
    - Names of the definitions that serve the stored version only, because there is no webhook yet, or not any more.
      Give them again when it is there.
  returned: success
  type: list
  elements: str
  sample: [trafficsplits.split.smi-spec.io]
"""

from typing import Any, Dict, Optional

from ansible_collections.servicemesh.platform.plugins.module_utils.interface import run_module
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.arguments import ClusterInterface
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.connection import CONNECTION_ARGUMENTS
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import open_session
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.storage import CannotMove
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_storage.mover import Wishes, move_all
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_storage.narrowing import Conversion, servable

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "definitions": {"type": "list", "elements": "dict", "required": True},
    "field_manager": {"type": "str", "default": "servicemesh.platform"},
    "force_conflicts": {"type": "bool", "default": False},
    "conversion_manager": {"type": "str"},
    "conversion_ends": {"type": "bool", "default": False},
    "offline": {"type": "bool", "default": False},
}


def run(options: Dict[str, Any], check_mode: bool, _diff: bool) -> Dict[str, Any]:
    """Move the objects, and tell which."""
    if options["offline"]:
        return _nothing(options) if check_mode else {"failed": True, "msg": "offline: true is for check mode only."}
    wishes = Wishes(
        options, options["field_manager"], options["force_conflicts"], check_mode, conversion=_conversion(options)
    )
    try:
        with open_session(options) as session:
            result = move_all(session, wishes, options["definitions"])
    except KubeError as error:
        return {**error.details(), "failed": True, "msg": str(error)}
    except CannotMove as error:
        return {"failed": True, "msg": str(error)}
    return {
        "changed": result.changed,
        "kinds": result.kinds,
        "definitions": list(result.definitions),
        "narrowed": result.narrowed,
    }


def _nothing(options: Dict[str, Any]) -> Dict[str, Any]:
    definitions, narrowed, conversion = options["definitions"], [], _conversion(options)
    if conversion:
        definitions, narrowed = servable(definitions, {}, conversion)
    return {"changed": False, "kinds": [], "definitions": definitions, "narrowed": narrowed}


def _conversion(options: Dict[str, Any]) -> Optional[Conversion]:
    manager = options["conversion_manager"]
    return Conversion(manager, options["conversion_ends"]) if manager else None


INTERFACE = ClusterInterface({**ARGUMENTS, **CONNECTION_ARGUMENTS}, run)


def main() -> None:
    """Entry point of the module."""
    run_module(INTERFACE)


if __name__ == "__main__":
    main()
