# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: helm_chart
short_description: Have a Helm chart that is pinned, from a repository, a registry, an archive or a folder
version_added: 0.1.0
author: The servicemesh.platform authors (@servicemesh)
description:
  - Downloads a chart into the cache folder unless it is there, and says where Helm finds it.
  - A chart from elsewhere is pinned - by the SHA-256 of its archive, or in a registry by the digest of its manifest.
    What is something else is refused, and comes to stand nowhere.
  - Every run computes the digest of what is in the cache, so a chart that was changed there is had anew. What is in
    the cache needs no network.
  - The chart must have the name and the version that are given.
options:
  source:
    description: Its place - one of O(source.repository), O(source.oci), O(source.archive) and O(source.folder).
    type: dict
    required: true
    suboptions:
      repository:
        description:
          - The URL of a Helm repository, which has an C(index.yaml). O(source.name), O(source.version) and
            O(source.sha256) are needed.
        type: str
      oci:
        description:
          - A chart in an OCI registry, with the digest of its manifest, such as
            V(registry.example.com/charts/istiod@sha256:...). C(helm push), C(helm pull) and C(crane digest) tell it.
        type: str
      archive:
        description: A URL, or a file on this machine, as C(helm package) makes it. O(source.sha256) is needed.
        type: str
      folder:
        description: A folder with a C(Chart.yaml). It is taken as it is.
        type: str
      name:
        description: The name of the chart.
        type: str
      version:
        description: Its version. Ranges are refused.
        type: str
      sha256:
        description: The SHA-256 of the archive, which C(sha256sum) tells.
        type: str
  source_dir:
    description: The folder in which a relative O(source.folder) or O(source.archive) stands.
    type: path
  host:
    description: The host, with its port if it has one, that O(username) and O(password) are for. No other gets them.
    type: str
  username:
    description: User at O(host).
    type: str
  password:
    description: Password or token of O(username).
    type: str
  ca_path:
    description: PEM file with a CA beside those of the system.
    type: path
  docker_config:
    description: Folder with a C(config.json) of Docker, for registries. By default that of the user.
    type: path
  plain_http:
    description: Whether a registry is asked without TLS. Repositories are asked as their URL says it.
    type: bool
    default: false
  crane:
    description: The crane command, for registries.
    type: path
    default: crane
  download:
    description: Whether charts are downloaded. Otherwise they come from the cache alone.
    type: bool
    default: true
  retries:
    description: How often to try again when somebody does not answer.
    type: int
    default: 3
  timeout:
    description: Seconds for one request.
    type: int
    default: 60
  cache_dir:
    description:
      - The cache folder. Charts stand in C(charts) there.
      - By default C(servicemesh-platform) in E(XDG_CACHE_HOME), or in C(~/.cache).
    type: path
requirements:
  - PyYAML
extends_documentation_fragment:
  - servicemesh.platform.attributes
attributes:
  check_mode:
    support: full
    details:
      - A chart that would have to be downloaded is not. RV(path) is none then.
  diff_mode:
    support: none
  idempotent:
    support: full
seealso:
  - module: kubernetes.core.helm_template
  - module: servicemesh.platform.go_module
"""

EXAMPLES = r"""
- name: Have a chart of a Helm repository
  servicemesh.platform.helm_chart:
    source:
      repository: https://charts.example.com
      name: istiod
      version: 1.30.0
      sha256: 4c1d20cdee96111c8acf1858b62655a37ce81ae48648993542b7ac363ac5c0e5
  register: istiod

- name: Have a chart of a registry
  servicemesh.platform.helm_chart:
    source:
      oci: registry.example.com/charts/istiod@sha256:7f0b20cdee96111c8acf1858b62655a37ce81ae48648993542b7ac363ac5c0e5
    host: registry.example.com
    username: reader
    password: "{{ vault_reader_password }}"

- name: Render it
  kubernetes.core.helm_template:
    chart_ref: "{{ istiod.path }}"
    release_name: istiod
    release_namespace: istio-system
"""

RETURN = r"""
path:
  description: The archive or folder. None in check mode when it is not downloaded yet.
  returned: success
  type: str
  sample: /opt/cache/charts/4c1d20cdee96111c8acf1858b62655a37ce81ae48648993542b7ac363ac5c0e5.tgz
name:
  description: The name of the chart. Empty in check mode when it is not downloaded yet.
  returned: success
  type: str
  sample: istiod
version:
  description: Its version.
  returned: success
  type: str
  sample: 1.30.0
"""

from typing import Any, Dict, List, Mapping, Optional

from ansible_collections.servicemesh.platform.plugins.module_utils.charts.chart import Chart, have
from ansible_collections.servicemesh.platform.plugins.module_utils.charts.download import Access
from ansible_collections.servicemesh.platform.plugins.module_utils.charts.errors import ChartError
from ansible_collections.servicemesh.platform.plugins.module_utils.charts.source import (
    SOURCE_OPTIONS,
    problems,
    source,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.charts.store import Store
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.environment import Cache
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.errors import GoError
from ansible_collections.servicemesh.platform.plugins.module_utils.interface import Interface, run_module
from ansible_collections.servicemesh.platform.plugins.module_utils.kube import libraries
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import MissingLibrary

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "source": {"type": "dict", "required": True, "options": SOURCE_OPTIONS},
    "source_dir": {"type": "path"},
    "host": {"type": "str"},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "ca_path": {"type": "path"},
    "docker_config": {"type": "path"},
    "plain_http": {"type": "bool", "default": False},
    "crane": {"type": "path", "default": "crane"},
    "download": {"type": "bool", "default": True},
    "retries": {"type": "int", "default": 3},
    "timeout": {"type": "int", "default": 60},
    "cache_dir": {"type": "path"},
}
_HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"


class HelmChartInterface(Interface):
    """The password is shown to nobody."""

    def shown(self, options: Mapping[str, Any]) -> Dict[str, Any]:
        return {**options, "password": _HIDDEN} if options.get("password") else dict(options)

    def secrets(self, options: Mapping[str, Any]) -> List[str]:
        return [str(options["password"])] if options.get("password") else []


def run(options: Dict[str, Any], check_mode: bool, _diff: bool) -> Dict[str, Any]:
    """Have the chart."""
    wrong = [str(problem) for problem in problems("source", options["source"])]
    if bool(options["username"]) != bool(options["password"]) or (options["username"] and not options["host"]):
        wrong.append("username, password and host go together: set all of them, or none")
    if wrong:
        return {"failed": True, "msg": "\n".join(wrong)}
    wanted = source(options["source"], within=options["source_dir"] or "")
    try:
        libraries.require("yaml")
        chart, changed = have(wanted, Store(Cache.at(options["cache_dir"])), _access(options), check_mode)
    except (ChartError, GoError, MissingLibrary, OSError) as error:
        return {"failed": True, "msg": str(error)}
    return {"changed": changed, **(chart or Chart("", "", ""))._asdict(), "path": chart.path if chart else None}


def _access(options: Mapping[str, Any]) -> Optional[Access]:
    if not options["download"]:
        return None
    return Access(
        host=options["host"] or "",
        username=options["username"] or "",
        password=options["password"] or "",
        ca_path=options["ca_path"],
        docker_config=options["docker_config"],
        plain_http=options["plain_http"],
        crane=options["crane"],
        retries=options["retries"],
        timeout=options["timeout"],
    )


INTERFACE = HelmChartInterface(ARGUMENTS, run)


def main() -> None:
    """Entry point of the module."""
    run_module(INTERFACE)


if __name__ == "__main__":
    main()
