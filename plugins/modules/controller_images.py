# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: controller_images
short_description: Build controllers and push their images
version_added: 0.1.0
author: The servicemesh.platform authors (@servicemesh)
description:
  - Has an image of each controller in a registry - from a folder with a Go program, from a version of a Go module, or
    from the folder of a Python package. Calls M(servicemesh.platform.go_build), M(servicemesh.platform.go_tool) and
    M(servicemesh.platform.oci_image) for it. Nothing is built or sent twice.
  - The version is stamped into the program (by C(-ldflags -X) for Go, as C(_version.py) for Python) and into the labels
    of the image.
  - Go programs are built for the machine that builds them, without C.
  - Without a registry images are only named, and RV(findings) say so.
  - This runs on the controller as an action.
options:
  environment_name:
    description: Name of the environment. What is built of module versions stands in a folder of this name in the cache.
    type: str
    required: true
  controllers:
    description: The controllers.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the controller, its program and its image.
        type: str
        required: true
      version:
        description: Its version, also the tag of the image.
        type: str
        required: true
      source:
        description: Folder with C(go.mod).
        type: path
      tag:
        description: Take O(controllers[].source) or O(controllers[].python) as this tag of its Git repository has it.
        type: str
      module:
        description: Path of a Go module.
        type: str
      sum:
        description: Checksum of O(controllers[].module), as C(go.sum) has it.
        type: str
      package:
        description: The program in O(controllers[].source) or O(controllers[].module).
        type: str
      python:
        description: Folder of a Python package with a C(__main__.py).
        type: path
      image:
        description: An image that exists. Nothing is built then.
        type: str
      base:
        description: The base of the image, as M(servicemesh.platform.oci_image) takes it.
        type: str
        default: scratch
      entrypoint:
        description: The program to run and its first arguments, when it is not the one that was built.
        type: list
        elements: str
        default: []
      files:
        description: Further files for the image.
        type: list
        elements: dict
        default: []
        suboptions:
          src:
            description: A file or a folder.
            type: path
            required: true
          dest:
            description: The absolute path in the image.
            type: str
            required: true
          mode:
            description: Permissions as octal digits in quotes.
            type: raw
      version_variable:
        description: The Go variable that gets the version. Empty for none.
        type: str
        default: main.version
      ldflags:
        description: Further flags for the linker.
        type: str
        default: -s -w
      build_tags:
        description: The build tags.
        type: list
        elements: str
        default: []
      user:
        description: UID and GID of the program.
        type: int
        default: 65532
extends_documentation_fragment:
  - servicemesh.platform.attributes
  - servicemesh.platform.publishing
attributes:
  check_mode:
    support: full
    details:
      - What is still to be built has no digest yet.
  diff_mode:
    support: full
  idempotent:
    support: full
seealso:
  - module: servicemesh.platform.k8s_rollout
  - module: servicemesh.platform.oci_image
"""

EXAMPLES = r"""
- name: Have the image of a program that a module publishes
  servicemesh.platform.controller_images:
    environment_name: staging
    registry: registry.example.com/mesh
    docker_config: ~/.docker
    controllers:
      - name: httpbin
        module: github.com/mccutchen/go-httpbin/v2
        package: ./cmd/go-httpbin
        version: v2.26.0
  register: result

- name: Show what pods are to run
  ansible.builtin.debug:
    var: result.images.httpbin.reference
"""

RETURN = r"""
images:
  description: For each controller its image.
  returned: success
  type: dict
  contains:
    reference:
      description: How pods name it, by digest when that is known.
      type: str
      sample: registry.example.com/mesh/httpbin@sha256:4c1d20cdee96111c8acf1858b62655a37ce81ae48648993542b7ac363ac5c0e5
    version:
      description: Its version.
      type: str
      sample: v2.26.0
    state:
      description:
        - V(pushed) - it is in the registry. V(given) - it was not built here. V(named) - there is no registry.
          V(to come) - in check mode, when it is still to be built.
      type: str
      sample: pushed
    size:
      description: Its bytes, when it is V(pushed).
      type: int
      sample: 6291456
findings:
  description: What is to be told about the images, as M(servicemesh.platform.k8s_verify) returns findings.
  returned: success
  type: list
  elements: dict
registry:
  description: The registry as pods name it. Empty when there is none.
  returned: success
  type: str
  sample: registry.example.com/mesh
"""
