# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: go_module
short_description: Have the files of one pinned Go module
version_added: 0.1.0
author: The servicemesh.platform authors (@servicemesh)
description:
  - Downloads a module that a C(go.mod) requires into the cache folder, for files in it that are no Go, such as
    CustomResourceDefinitions.
  - Every run computes the checksum of the files in the cache and compares it with C(go.sum), so files that were changed
    there are found too.
options:
  source:
    description: The folder with C(go.mod) and C(go.sum). Neither is changed.
    type: path
    required: true
  module:
    description: The path of the module.
    type: str
    required: true
  go:
    description: The go command. It is run only when the module is not in the cache yet.
    type: str
    default: go
  cache_dir:
    description:
      - The cache folder. Modules stand in C(go/mod) there.
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
  - module: servicemesh.platform.go_build
"""

EXAMPLES = r"""
- name: Have the Gateway API
  servicemesh.platform.go_module:
    source: "{{ role_path }}/files/gateway-api-1.5"
    module: sigs.k8s.io/gateway-api
    go: "{{ __toolchain_go }}"
  register: __crds_gateway_api

- name: Apply its standard channel
  servicemesh.platform.k8s_apply:
    src: "{{ __crds_gateway_api.dir }}/config/crd/standard/*.yaml"
  when: __crds_gateway_api.dir is not none
"""

RETURN = r"""
dir:
  description: The folder of the module's files. None in check mode when it is not downloaded yet.
  returned: success
  type: str
  sample: /home/me/.cache/servicemesh-platform/go/mod/sigs.k8s.io/gateway-api@v1.5.1
version:
  description: The version that C(go.mod) requires.
  returned: success
  type: str
  sample: v1.5.1
"""

from typing import Any, Dict

from ansible_collections.servicemesh.platform.plugins.module_utils.golang.environment import Cache
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.errors import GoError
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.modules import (
    download,
    module_folder,
    present,
    read_pin,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.interface import Interface, run_module
from ansible_collections.servicemesh.platform.plugins.module_utils.progress import Progress

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "source": {"type": "path", "required": True},
    "module": {"type": "str", "required": True},
    "go": {"type": "str", "default": "go"},
    "cache_dir": {"type": "path"},
    "progress": {"type": "path"},
}


def run(options: Dict[str, Any], check_mode: bool, _diff: bool) -> Dict[str, Any]:
    """Have the module in the cache."""
    try:
        cache = Cache.at(options["cache_dir"])
        pin = read_pin(options["source"], options["module"])
        changed = not present(pin, cache)
        folder = None if changed else module_folder(pin, cache)
        if changed and not check_mode:
            folder = download(pin, options["go"], cache, Progress(options["progress"]))
    except (GoError, OSError) as error:
        return {"failed": True, "msg": str(error)}
    return {"changed": changed, "dir": folder, "version": pin.version}


INTERFACE = Interface(ARGUMENTS, run)


def main() -> None:
    """Entry point of the module."""
    run_module(INTERFACE)


if __name__ == "__main__":
    main()
