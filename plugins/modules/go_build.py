# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: go_build
short_description: Build a Go program once for each content of its sources
version_added: 0.1.0
author: The servicemesh.platform authors (@servicemesh)
description:
  - Builds a program from a folder with C(go.mod) and C(go.sum) and keeps it in the cache folder under a digest of
    everything that goes into it - all files of the folder (and of folders that its C(go.mod) replaces modules by), the
    version of Go, the options, the machine. The same input is never built twice; other input never finds the old
    program.
  - The modules come from the GOPROXY of the user and are checked against C(go.sum).
  - A build that is cut off leaves no half program. Two builds of the same program do not both run, the second waits.
  - Shows how many packages are compiled while it runs.
notes:
  - Programs that are no longer used stay in C(bin) in the cache folder. The folders there may be removed at any time.
options:
  name:
    description: The name of the program in the cache and in messages.
    type: str
    required: true
  source:
    description: The folder with C(go.mod) and C(go.sum).
    type: path
    required: true
  output:
    description: The name of the program's file. By default O(name).
    type: str
    default: ''
  package:
    description:
      - What to build there - a folder, such as V(.) or V(./cmd/x), or the import path of a program in a module that
        C(go.mod) requires.
    type: str
    default: .
  packages:
    description:
      - Several programs instead of one O(package). They are built by one command, which compiles what they share once,
        into one folder, each under the name that Go gives it - the last element of its path.
    type: list
    elements: str
    default: []
  go:
    description: The go command.
    type: str
    default: go
  tags:
    description: The build tags.
    type: list
    elements: str
    default: []
  cgo:
    description:
      - Whether C is compiled too. Wants a C compiler and the headers of the libraries that the sources ask for, and the
        version of these is not part of the digest.
    type: bool
    default: false
  ldflags:
    description: Flags for the linker, as C(go build -ldflags) takes them.
    type: str
    default: ''
  cache_dir:
    description:
      - The cache folder. Programs stand in C(bin), the sources of modules in C(go/mod), compiled packages in
        C(go/build) there.
      - By default C(servicemesh-platform) in E(XDG_CACHE_HOME), or in C(~/.cache).
    type: path
  progress:
    description: A file for the newest line of progress. The action plugin sets it and shows what is written there.
    type: path
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
  - module: servicemesh.platform.go_toolchain
  - module: servicemesh.platform.go_module
"""

EXAMPLES = r"""
- name: Build the control plane
  servicemesh.platform.go_build:
    name: kubernetes-1.36
    output: kube
    source: "{{ role_path }}/files/kubernetes-1.36"
    go: "{{ __toolchain_go }}"
    ldflags: >-
      -s -w
      -X k8s.io/component-base/version.gitVersion=v1.36.3
      -X k8s.io/component-base/version.gitMajor=1
      -X k8s.io/component-base/version.gitMinor=36
  register: __cluster_kube

- name: Build a program of a module that go.mod requires
  servicemesh.platform.go_build:
    name: crane
    source: "{{ role_path }}/files/crane"
    package: github.com/google/go-containerregistry/cmd/crane
    go: "{{ __toolchain_go }}"

- name: Build several programs at once
  servicemesh.platform.go_build:
    name: plugins
    source: "{{ role_path }}/files/nodes"
    packages:
      - github.com/containernetworking/plugins/plugins/main/ptp
      - github.com/containernetworking/plugins/plugins/meta/portmap
    go: "{{ __toolchain_go }}"
"""

RETURN = r"""
path:
  description:
    - The program, or the folder of the programs when they are several.
    - In check mode, when it is still to be built, where it will be.
    - None in check mode when the go command is still to be installed, because its version is part of the digest.
  returned: success
  type: str
  sample: /home/me/.cache/servicemesh-platform/bin/kubernetes-1.36-6f1c0e9a2b7d4835/kube
digest:
  description:
    - SHA-256 over everything that goes into the program. Its first 16 digits are in the path.
    - None when RV(path) is.
  returned: success
  type: str
  sample: 6f1c0e9a2b7d483554d3b1c9a2f0e7786f1c0e9a2b7d483554d3b1c9a2f0e778
"""

import shutil
from typing import Any, Dict

from ansible_collections.servicemesh.platform.plugins.module_utils.golang.build import Program, build, plan
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.environment import Cache
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.errors import GoError
from ansible_collections.servicemesh.platform.plugins.module_utils.interface import Interface, run_module
from ansible_collections.servicemesh.platform.plugins.module_utils.progress import Progress

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "source": {"type": "path", "required": True},
    "output": {"type": "str", "default": ""},
    "package": {"type": "str", "default": "."},
    "packages": {"type": "list", "elements": "str", "default": []},
    "go": {"type": "str", "default": "go"},
    "ldflags": {"type": "str", "default": ""},
    "tags": {"type": "list", "elements": "str", "default": []},
    "cgo": {"type": "bool", "default": False},
    "cache_dir": {"type": "path"},
    "progress": {"type": "path"},
}


def run(options: Dict[str, Any], check_mode: bool, _diff: bool) -> Dict[str, Any]:
    """Have the program in the cache."""
    if check_mode and not shutil.which(options["go"]):
        return {"changed": True, "path": None, "digest": None}
    single = {key: options[key] for key in ("name", "source", "output", "package", "ldflags", "cgo")}
    program = Program(packages=tuple(options["packages"]), tags=tuple(options["tags"]), **single)
    try:
        chosen = plan(program, options["go"], Cache.at(options["cache_dir"]))
        changed = not chosen.built
        if changed and not check_mode:
            changed = build(chosen, Progress(options["progress"]))
    except (GoError, OSError) as error:
        return {"failed": True, "msg": str(error)}
    return {"changed": changed, "path": chosen.path, "digest": chosen.digest}


INTERFACE = Interface(ARGUMENTS, run)


def main() -> None:
    """Entry point of the module."""
    run_module(INTERFACE)


if __name__ == "__main__":
    main()
