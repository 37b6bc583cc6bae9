# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: embedded_process
short_description: Run a program beside an embedded cluster, supervised
version_added: 0.1.0
author: The servicemesh.platform authors (@servicemesh)
description:
  - Runs a program as a process of the calling user that belongs to an embedded cluster of
    M(servicemesh.platform.embedded_cluster). Where kwok plays the pods no pod runs a program; what has to run for the
    cluster, such as a webhook, runs so.
  - A program that ends is started again, after 0.5 seconds, then 1, 2, 4, ... at most 30. One that ran for a minute
    begins with 0.5 seconds again.
  - Ports are free ones of this machine that are chosen once and remembered, with O(state=absent) too, as long as the
    cluster is there.
  - M(servicemesh.platform.embedded_cluster) ends the process before the cluster - with C(state=absent) for good, with
    C(state=stopped) until this module is run again.
requirements:
  - Linux
options:
  name:
    description:
      - The name of the process in its cluster, a DNS label.
    type: str
    required: true
  cluster:
    description:
      - The name of the embedded cluster, as M(servicemesh.platform.embedded_cluster) has it.
    type: str
    required: true
  state_dir:
    description:
      - The state folder of the cluster, an absolute path. The cluster must have been started once; in check mode it may
        still be missing.
    type: path
    required: true
  state:
    description:
      - V(present) has the process run as it should, and waits until it is ready.
      - V(absent) ends it.
    type: str
    choices: [present, absent]
    default: present
  command:
    description:
      - The program and its arguments. Required for O(state=present).
      - C({port:NAME}) stands for a port. Each NAME (lower-case letters, digits and C(-)) gets a port of its own.
      - C({address}) stands for the address to listen on, see O(network).
      - It is found without the E(PATH) of the user, so better named with its whole path. It runs in O(state_dir).
      - Everybody on this machine can read it, so it is no place for secrets.
    type: list
    elements: str
    default: []
  environment:
    description:
      - Environment variables of the program. Beside these it has only E(HOME), which is O(state_dir), and a E(PATH) of
        the system's folders. C({port:NAME}) and C({address}) are replaced here too.
      - Compared by digest only, and never in results.
    type: dict
    default: {}
  ready_url:
    description:
      - Where the program answers C(GET) with status 200 once it is ready, for example
        V(http://127.0.0.1:{port:probe}/readyz). Without it the program is taken as ready when it has run for a second.
      - A program that runs and is not ready gets 15 seconds to recover in a later run, then it is restarted.
    type: str
  network:
    description:
      - V(machine) runs the program in the network of this machine, at 127.0.0.1.
      - V(cluster) runs it where the control plane of the cluster listens. With real nodes that is a network of its own,
        from which pods are reached and which pods reach, and this machine too; else it is the same as V(machine).
    type: str
    choices: [machine, cluster]
    default: machine
  ca_path:
    description: The authority that the certificate of a O(ready_url) with C(https) comes from.
    type: path
  triggers:
    description:
      - Any values. When they differ from those that the process was started with, it is restarted.
    type: raw
  watch_files:
    description:
      - Files and folders. When the content of a file, or of a file below a folder, differs from what it was when the
        process was started, it is restarted. Compiled Python (C(__pycache__)) does not count. They must be there;
        in check mode they may be missing.
    type: list
    elements: path
    default: []
  timeout:
    description:
      - Seconds until the program must be ready, or to wait for another run on the same O(state_dir) to end.
    type: int
    default: 60
extends_documentation_fragment:
  - servicemesh.platform.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
seealso:
  - module: servicemesh.platform.embedded_cluster
notes:
  - The process ends with the machine or the container that it runs in. Nothing starts it again then but this module.
"""

EXAMPLES = r"""
- name: Serve a folder beside the cluster
  servicemesh.platform.embedded_process:
    name: files
    cluster: demo
    state_dir: ~/.cache/servicemesh-platform/environments/demo
    command: [/usr/bin/python3, -m, http.server, --bind, 127.0.0.1, --directory, /srv/files, "{port:http}"]
    ready_url: http://127.0.0.1:{port:http}/
  register: files

- name: Show where it is
  ansible.builtin.debug:
    msg: "http://127.0.0.1:{{ files.ports.http }}/"

- name: Run a webhook of this collection
  servicemesh.platform.embedded_process:
    name: smi-controller
    cluster: demo
    state_dir: ~/.cache/servicemesh-platform/environments/demo
    command:
      - "{{ ansible_playbook_python }}"
      - -m
      - ansible_collections.servicemesh.platform.plugins.module_utils.smi_controller
      - --bind=127.0.0.1
      - --port={port:https}
      - --probe-port={port:probe}
      - --certificates=/srv/certificates
    environment:
      PYTHONPATH: /srv/collections
    ready_url: http://127.0.0.1:{port:probe}/readyz
    watch_files: [/srv/collections/ansible_collections/servicemesh/platform/plugins/module_utils]

- name: End it
  servicemesh.platform.embedded_process:
    name: smi-controller
    cluster: demo
    state_dir: ~/.cache/servicemesh-platform/environments/demo
    state: absent
"""

RETURN = r"""
address:
  description: Where the program listens, C({address}). Empty with O(state=absent).
  returned: success
  type: str
  sample: 127.0.0.1
ports:
  description:
    - The port of each NAME in O(command), O(environment) and O(ready_url).
    - In check mode, where none was chosen yet, one that would be chosen now. Empty with O(state=absent).
  returned: success
  type: dict
  sample: {https: 24117, probe: 25980}
pid:
  description: The process that supervises the program. 0 when there is none, as in check mode before it is started.
  returned: success
  type: int
  sample: 4711
ready:
  description: Whether the program is ready now. In check mode that is what was found.
  returned: success
  type: bool
  sample: true
log:
  description: The log file, with the output of the program and a line for each of its ends.
  returned: success
  type: str
  sample: /home/me/.cache/servicemesh-platform/environments/demo/logs/process-smi-controller.log
actions:
  description: What was done, in check mode what would be done.
  returned: success
  type: list
  elements: str
  sample: ["start smi-controller (not running)"]
"""

from pathlib import Path
from typing import Any, Dict, Mapping

from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.errors import EmbeddedError
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.supervised import (
    Outcome,
    Wanted,
    ensure_absent,
    ensure_present,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.interface import Interface, run_module

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "cluster": {"type": "str", "required": True},
    "state_dir": {"type": "path", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "command": {"type": "list", "elements": "str", "default": []},
    "environment": {"type": "dict", "default": {}},
    "ready_url": {"type": "str"},
    "network": {"type": "str", "choices": ["machine", "cluster"], "default": "machine"},
    "ca_path": {"type": "path"},
    "triggers": {"type": "raw"},
    "watch_files": {"type": "list", "elements": "path", "default": []},
    "timeout": {"type": "int", "default": 60},
}
_HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"


class ProcessInterface(Interface):
    """Knows that values in the environment of a program are no one's business."""

    def shown(self, options: Mapping[str, Any]) -> Dict[str, Any]:
        return {**options, "environment": dict.fromkeys(options.get("environment") or {}, _HIDDEN)}


def run(options: Dict[str, Any], check_mode: bool, _diff: bool) -> Dict[str, Any]:
    """Have the process run, or not."""
    try:
        outcome = _ensure(options, check_mode)
    except (EmbeddedError, OSError) as error:
        return {"failed": True, "msg": f"embedded process {options['name']}: {error}"}
    return {
        "changed": bool(outcome.actions),
        "address": outcome.address,
        "ports": dict(outcome.ports),
        "pid": outcome.pid,
        "ready": outcome.ready,
        "log": str(outcome.log),
        "actions": list(outcome.actions),
        "diff": {"before": dict(outcome.before), "after": dict(outcome.after)},
    }


def _ensure(options: Dict[str, Any], check_mode: bool) -> Outcome:
    state_dir = _absolute("state_dir", options["state_dir"])
    if options["state"] == "absent":
        return ensure_absent(options["name"], options["cluster"], state_dir, options["timeout"], check_mode)
    wanted = Wanted(
        name=options["name"],
        command=options["command"],
        environment={str(key): _text(value) for key, value in options["environment"].items()},
        ready_url=options["ready_url"] or "",
        authority=_absolute("ca_path", options["ca_path"]) if options["ca_path"] else None,
        triggers=options["triggers"],
        watched=[_absolute("watch_files", path) for path in options["watch_files"]],
        with_control_plane=options["network"] == "cluster",
    )
    return ensure_present(wanted, options["cluster"], state_dir, options["timeout"], check_mode)


def _absolute(option: str, path: str) -> Path:
    if not Path(path).is_absolute():
        raise EmbeddedError(f"{option}: {path!r} is not an absolute path; write one that begins with '/'")
    return Path(path)


def _text(value: Any) -> str:
    """A value as people write it in YAML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


INTERFACE = ProcessInterface(ARGUMENTS, run)


def main() -> None:
    """Entry point of the module."""
    run_module(INTERFACE)


if __name__ == "__main__":
    main()
