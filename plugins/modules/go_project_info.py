# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: go_project_info
short_description: Tell what is wrong with the Go environment and the modules of a project
version_added: 0.1.0
author: The servicemesh.platform authors (@servicemesh)
description:
  - Looks at a Go project, such as that of an SMI controller, and at the environment it is built in - module mode or
    GOPATH mode, whether the module proxy answers, whether C(go.mod), C(go.sum) and the C(vendor) folder agree, whether
    the module cache is what C(go.sum) says, folders and forks that modules are replaced by, releases of Kubernetes that
    are mixed, several copies of the SMI SDK, and its version.
  - Tells whether the versions of the SMI APIs that the project works with are served.
  - Changes nothing in the project. Modules that are missing are downloaded into the user's module cache.
options:
  source:
    description: The folder of the project.
    type: path
    required: true
  go:
    description: The go command, 1.23 or newer.
    type: str
    default: go
  ask_proxy:
    description: Whether the module proxy is asked for a module, to see that it answers.
    type: bool
    default: true
  served:
    description:
      - The versions of the SMI APIs that the cluster serves, as a list per API group, which is written by its short
        name.
    type: dict
    default: {}
  consumers:
    description:
      - Who else works with the SMI objects, by the names that the role C(crds) takes in C(crds_smi_consumers). What
        they need counts as served.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - servicemesh.platform.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
seealso:
  - module: servicemesh.platform.go_tool
"""

EXAMPLES = r"""
- name: Look at the project of a controller, for the mesh that is installed
  servicemesh.platform.go_project_info:
    source: ../my-controller
    consumers: [open-service-mesh]
  register: project

- name: Stop when it does not go together
  ansible.builtin.assert:
    that: project.findings | selectattr('severity', 'eq', 'error') | length == 0
    fail_msg: "{{ project.findings | selectattr('severity', 'eq', 'error') | map(attribute='message') | join('\n') }}"
"""

RETURN = r"""
findings:
  description: What was looked at, and what is wrong.
  returned: success
  type: list
  elements: dict
  sample:
    - id: smi-sdk-api
      severity: error
      subject: /src/my-controller
      message: works with split.smi-spec.io in v1alpha2, and served is v1alpha4
      why: A client of a version that the cluster does not serve gets 404, and a controller does not start.
      mend: Import a version that is served
      component: ''
apis:
  description: The versions of the SMI APIs that the project works with, as a list per API group.
  returned: success
  type: dict
  sample: {"split": ["v1alpha2"]}
modules:
  description: The modules that the project is built with, and their versions.
  returned: success
  type: dict
  sample: {"github.com/servicemeshinterface/smi-sdk-go": "v0.5.0"}
"""

from typing import Any, Dict, List

from ansible_collections.servicemesh.platform.plugins.module_utils.golang.errors import GoError
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.project import look
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.project_checks import findings, used_apis
from ansible_collections.servicemesh.platform.plugins.module_utils.interface import Interface, run_module
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.consumers import UnknownConsumer, union

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "source": {"type": "path", "required": True},
    "go": {"type": "str", "default": "go"},
    "ask_proxy": {"type": "bool", "default": True},
    "served": {"type": "dict", "default": {}},
    "consumers": {"type": "list", "elements": "str", "default": []},
}


def run(options: Dict[str, Any], _check_mode: bool, _diff: bool) -> Dict[str, Any]:
    """Look at the project."""
    try:
        served = _served(options)
        project = look(options["source"], options["go"], options["ask_proxy"])
    except (GoError, UnknownConsumer, OSError) as error:
        return {"failed": True, "msg": str(error)}
    return {
        "changed": False,
        "findings": [finding.as_dict() for finding in findings(project, served)],
        "apis": used_apis(set(project.imports)),
        "modules": {module.path: module.replaced_version or module.version for module in project.modules},
    }


def _served(options: Dict[str, Any]) -> Dict[str, List[str]]:
    served = {group: list(versions) for group, versions in options["served"].items()}
    if options["consumers"]:
        for group, versions in union(options["consumers"]).versions.items():
            served[group] = sorted({*served.get(group, []), *versions})
    return served


INTERFACE = Interface(ARGUMENTS, run)


def main() -> None:
    """Entry point of the module."""
    run_module(INTERFACE)


if __name__ == "__main__":
    main()
