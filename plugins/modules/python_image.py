# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: python_image
short_description: Build an image with Python, locked packages and parts of this collection, and push it
version_added: 0.1.0
author: The servicemesh.platform authors (@servicemesh)
description:
  - Builds an image for programs of this collection that run in pods. It holds a Python interpreter, the packages of a
    lock file, and parts of C(plugins/module_utils) of this collection below C(/app).
  - The interpreter comes from O(base), or from Debian packages of the release that this machine runs, which apt
    fetches and checks.
  - The entry point is the interpreter, so a pod names the program in its arguments, as
    C([-m, ansible_collections.servicemesh.platform.plugins.module_utils.smi_controller]).
  - Wants neither a container engine nor root. Each part is kept in the cache by the digest of what it was made of, so a
    second run fetches nothing, gives the same digest and sends nothing.
  - Without a registry the image is only named, and RV(state) says so.
  - This runs on the controller as an action.
requirements:
  - pip and packaging, for the packages of O(requirements)
  - apt-get, apt-cache and dpkg-deb (Debian, Ubuntu), without O(base)
options:
  name:
    description: The name of the image in its registry, without tag.
    type: str
    required: true
  version:
    description:
      - The tag, and the label C(org.opencontainers.image.version). By default made of the digest of what goes into the
        image.
    type: str
  requirements:
    description:
      - A lock file of pip with hashes, as C(uv pip compile --generate-hashes) writes it. Only wheels are taken. Without
        it there are no packages.
    type: path
  module_utils:
    description:
      - What of C(plugins/module_utils) of this collection goes into the image, folders and files.
    type: list
    elements: str
    default: []
  base:
    description:
      - An image with Python 3.9 or newer, as M(servicemesh.platform.oci_image) takes it. By digest it is always the
        same.
    type: str
  python_version:
    description: Version of Python in O(base), as V(3.12). Required with O(base).
    type: str
  interpreter:
    description: The path of Python in O(base).
    type: path
    default: /usr/local/bin/python3
  ports:
    description: The ports that programs listen on.
    type: list
    elements: str
    default: []
  user:
    description: UID and GID of the program.
    type: int
    default: 65532
  path:
    description: Where to write the image too, as an OCI layout or, when it ends with C(.tar), an archive.
    type: path
extends_documentation_fragment:
  - servicemesh.platform.attributes
  - servicemesh.platform.publishing
attributes:
  check_mode:
    support: full
    details:
      - What is still to be fetched has no digest yet. RV(state) is V(to come) then.
  diff_mode:
    support: full
  idempotent:
    support: full
notes:
  - Debian packages come in the versions that apt knows. What was fetched stays in the cache and is taken until apt
    knows other versions, for example security updates after C(apt-get update).
seealso:
  - module: servicemesh.platform.oci_image
  - module: servicemesh.platform.controller_images
"""

EXAMPLES = r"""
- name: Have the image of the SMI programs in the registry of an embedded environment
  servicemesh.platform.python_image:
    name: smi
    requirements: "{{ role_path }}/files/image/requirements.txt"
    module_utils: [smi, kube, serving, smi_controller, smi_metrics, findings.py]
    ports: [9443, 8080]
    state_dir: ~/.cache/servicemesh-platform/environments/demo
  register: image

- name: Show what pods are to run
  ansible.builtin.debug:
    var: image.reference

- name: The same on a base image, in a registry
  servicemesh.platform.python_image:
    name: smi
    base: registry.example.com/base/python@sha256:4c1d20cdee96111c8acf1858b62655a37ce81ae48648993542b7ac363ac5c0e5
    python_version: '3.12'
    requirements: "{{ role_path }}/files/image/requirements.txt"
    module_utils: [smi, kube, serving, smi_controller, smi_metrics, findings.py]
    registry: registry.example.com/mesh
    docker_config: ~/.docker
"""

RETURN = r"""
reference:
  description: How pods name the image, by digest when that is known.
  returned: success
  type: str
  sample: registry.example.com/mesh/smi@sha256:4c1d20cdee96111c8acf1858b62655a37ce81ae48648993542b7ac363ac5c0e5
digest:
  description: The digest of the image. Empty when it is not known.
  returned: success
  type: str
  sample: sha256:4c1d20cdee96111c8acf1858b62655a37ce81ae48648993542b7ac363ac5c0e5
state:
  description:
    - V(pushed) - it is in the registry. V(named) - there is no registry. V(to come) - in check mode, when it is still
      to be built.
  returned: success
  type: str
  sample: pushed
version:
  description: The tag.
  returned: success
  type: str
  sample: 7c9e2f0a41bd
size:
  description: The bytes of the image. 0 when it was not built.
  returned: success
  type: int
  sample: 46137344
python_version:
  description: The version of Python in the image.
  returned: success
  type: str
  sample: '3.11'
interpreter:
  description: The path of Python in the image, its entry point.
  returned: success
  type: str
  sample: /usr/bin/python3.11
"""
