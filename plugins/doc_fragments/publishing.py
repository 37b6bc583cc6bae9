# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation of the options that say where images are sent, and how the tools for that are had."""

from __future__ import annotations


class ModuleDocFragment:
    """The options PUBLISHING of ``plugin_utils/image_maker.py``."""

    DOCUMENTATION = r"""
options:
  registry:
    description: Host of the registry, perhaps with a path.
    type: str
  username:
    description: User at O(registry).
    type: str
  password:
    description: Password or token of O(username).
    type: str
  docker_config:
    description: Folder with a C(config.json) of Docker.
    type: path
  ca_path:
    description: PEM file with the CA of O(registry).
    type: path
  state_dir:
    description: State folder of an embedded cluster, whose registry is taken when O(registry) is not set.
    type: path
  retries:
    description: How often to try again to reach the registry.
    type: int
    default: 3
  crane:
    description: The crane command. By default it is built, in the version that the role C(toolchain) knows.
    type: path
  go:
    description: The go command.
    type: str
    default: go
  goproxy:
    description: As for M(servicemesh.platform.go_tool).
    type: str
  gosumdb:
    description: As for M(servicemesh.platform.go_tool).
    type: str
  goprivate:
    description: As for M(servicemesh.platform.go_tool).
    type: str
  gonosumdb:
    description: As for M(servicemesh.platform.go_tool).
    type: str
  download:
    description:
      - Whether something may be fetched - packages of Debian and Python, modules of Go. What the cache holds is taken
        without.
    type: bool
    default: true
  cache_dir:
    description: The cache folder, as for M(servicemesh.platform.go_build).
    type: path
  progress:
    description: A file for the newest line of progress. The action sets it.
    type: path
"""
