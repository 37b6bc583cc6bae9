# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: go_tool
short_description: Have Go programs in a folder of programs, in the versions that are asked for
version_added: 0.1.0
author: The servicemesh.platform authors (@servicemesh)
description:
  - Builds command-line tools from their Go modules and puts them into a folder - several of them in one call.
  - A tool comes from a version of its module, as C(go install) takes it, or from a folder whose C(go.mod) and C(go.sum)
    pin it. The second is the way for modules with C(replace) directives, such as Kubernetes.
  - Whether a tool is there is read from the program itself, which holds the modules and the settings that it was built
    with. A program of another version, or with other settings, is replaced, also when somebody else put it there. When
    nothing is to be done, Go is not started and need not be there.
  - What is there and is no Go program, or another one, is not touched unless O(force) is set.
  - A tool is tried, with its O(tools[].version_arguments), before it takes its place. When it does not answer as
    expected, the old one stays and the module fails with the output.
notes:
  - The settings of the user in C(GOFLAGS), C(GO111MODULE), C(GOBIN), C(GOOS) and their like do not reach the programs.
  - Go does not record the flags for the linker in a program without paths. Their digest, and that of the sources for a
    tool from a folder, is put in as a build tag that begins with C(servicemesh.platform). It changes nothing else.
  - A program whose bytes were changed while its build info was left as it is cannot be told from the right one.
options:
  tools:
    description: The tools.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The name of the file.
        type: str
        required: true
      package:
        description:
          - The import path of the program, or a folder in its module, such as V(./cmd/x).
          - By default the module itself.
        type: str
      module:
        description: The path of its module, for a tool with O(tools[].version). By default the one that Go finds.
        type: str
      version:
        description: The version of its module in full, such as V(v1.2.3), or a pseudo-version.
        type: str
      sum:
        description:
          - The checksum of that version of the module, V(h1:...), as C(go.sum) has it. The modules that it requires are
            held against the C(go.sum) in it.
          - It must be given when the checksum database is not asked - with O(download=false), with O(gosumdb=off)
            and for modules that O(goprivate) or O(gonosumdb) name.
        type: str
      source:
        description: A folder with the C(go.mod) and C(go.sum) that pin the tool, instead of O(tools[].version).
        type: path
      vendor:
        description:
          - Whether modules are taken from the folder C(vendor) in O(tools[].source) alone, which C(go mod vendor)
            makes. Then neither a proxy nor the module cache is needed.
        type: bool
        default: false
      ldflags:
        description: Flags for the linker, as C(go build -ldflags) takes them.
        type: str
        default: ''
      tags:
        description: The build tags.
        type: list
        elements: str
        default: []
      cgo:
        description: Whether C is compiled too. Wants a C compiler.
        type: bool
        default: false
      version_arguments:
        description: The arguments with which the program says its version. Without them it is not tried.
        type: list
        elements: str
        default: []
      version_expected:
        description: A text that it must say then.
        type: str
        default: ''
  bin_dir:
    description: The folder of programs. It is made when it is not there.
    type: path
    required: true
  state:
    description:
      - V(present) - the tools are there as they are asked for.
      - V(absent) - they are not there, in whatever version. Only what is proved to be the tool by its build info is
        removed. What else has its name stays, with a warning, unless O(force) is set.
      - V(verified) - nothing is changed; RV(findings) tell whether each tool is there, is what is asked for and
        answers.
    type: str
    choices: [present, absent, verified]
    default: present
  force:
    description: Whether a file that is no Go program or another one is replaced or removed. A folder never is.
    type: bool
    default: false
  source_dir:
    description: The folder in which a relative O(tools[].source) stands.
    type: path
  go:
    description: The go command.
    type: str
    default: go
  goproxy:
    description:
      - Where modules come from, as E(GOPROXY) says it. By default the user's own setting, also that of C(go env -w).
      - With V(off) it is as with O(download=false).
    type: str
  gosumdb:
    description: The checksum database, as E(GOSUMDB) says it. By default the user's own setting.
    type: str
  goprivate:
    description:
      - Modules that come from their repositories and are not looked for in a proxy or the checksum database, as
        E(GOPRIVATE) says it. By default the user's own setting.
    type: str
  gonosumdb:
    description:
      - Modules that the checksum database is not asked for, as E(GONOSUMDB) says it. By default the user's own setting.
    type: str
  download:
    description: Whether modules are downloaded. Otherwise they come from the module cache in O(cache_dir) alone.
    type: bool
    default: true
  cache_dir:
    description:
      - The cache folder. The sources of modules stand in C(go/mod), compiled packages in C(go/build) there.
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
    support: full
  idempotent:
    support: full
seealso:
  - module: servicemesh.platform.go_build
  - module: servicemesh.platform.go_toolchain
"""

EXAMPLES = r"""
- name: Have crane, in a version that the checksum database vouches for
  servicemesh.platform.go_tool:
    bin_dir: ~/.local/bin
    tools:
      - name: crane
        package: github.com/google/go-containerregistry/cmd/crane
        version: v0.22.1
        version_arguments: [version]
        version_expected: v0.22.1

- name: Have tools where no checksum database can be asked
  servicemesh.platform.go_tool:
    bin_dir: ~/.local/bin
    goproxy: https://modules.corp.example.com
    gosumdb: "off"
    tools:
      - name: crane
        module: github.com/google/go-containerregistry
        package: ./cmd/crane
        version: v0.22.1
        sum: h1:RZuuSYhTvlDvtsK+NkutoCZ//C0X2ebLK8X8l3ULs84=
      - name: kubectl
        source: "{{ playbook_dir }}/files/kubectl"
        package: k8s.io/kubernetes/cmd/kubectl
        ldflags: -s -w -X k8s.io/component-base/version.gitVersion=v1.36.3
        version_arguments: [version, --client]
        version_expected: v1.36.3

- name: Look whether they are what was asked for
  servicemesh.platform.go_tool:
    state: verified
    bin_dir: ~/.local/bin
    tools:
      - name: crane
        package: github.com/google/go-containerregistry/cmd/crane
        version: v0.22.1
        version_arguments: [version]
  register: verification

- name: Remove it
  servicemesh.platform.go_tool:
    state: absent
    bin_dir: ~/.local/bin
    tools:
      - name: crane
        package: github.com/google/go-containerregistry/cmd/crane
        version: v0.22.1
"""

RETURN = r"""
tools:
  description: The tools, in the order in which they were given.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Its name.
      type: str
      sample: crane
    path:
      description: Where it stands.
      type: str
      sample: /home/me/.local/bin/crane
    version:
      description: The version of its module that is asked for. C((devel\)) for a program of the folder's own module.
      type: str
      sample: v0.22.1
    before:
      description: The version that stood there before. None when there was no program of this name that is the tool.
      type: str
      sample: v0.21.9
    changed:
      description: Whether it was, or in check mode would be, installed or removed.
      type: bool
    differs:
      description: The settings in which the program that was there differs from what is asked for.
      type: list
      elements: str
      sample: [version, sum]
    answer:
      description: What it said about its version, when it was installed by this call.
      type: str
      sample: v0.22.1
on_path:
  description: Whether O(bin_dir) is on the E(PATH) that the module runs with.
  returned: success
  type: bool
path_line:
  description: The line for the profile of the user's shell that puts O(bin_dir) on E(PATH).
  returned: success
  type: str
  sample: export PATH=/home/me/.local/bin:$PATH
findings:
  description: What the verification found.
  returned: when O(state=verified)
  type: list
  elements: dict
  sample:
    - id: toolchain-tool
      severity: ok
      subject: crane
      message: "/opt/bin/tool is example.com/tool v1.2.3 and answers: v1.2.3"
      why: ''
      mend: ''
      component: toolchain
"""

import os
from dataclasses import dataclass, replace
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.golang.command import redacted
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.environment import Cache
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.errors import GoError
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.tool import (
    TOOL_OPTIONS,
    Standing,
    Tool,
    ToolError,
    differences,
    look,
    summary,
    tool,
    wanted_settings,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.tool_access import (
    Access,
    Effective,
    credentials,
    effective,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.tool_verify import on_path, path_line, verify
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.tool_work import install, refusal, remove
from ansible_collections.servicemesh.platform.plugins.module_utils.interface import Interface, run_module
from ansible_collections.servicemesh.platform.plugins.module_utils.progress import Progress

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "tools": {"type": "list", "elements": "dict", "required": True, "options": TOOL_OPTIONS},
    "bin_dir": {"type": "path", "required": True},
    "state": {"type": "str", "choices": ["present", "absent", "verified"], "default": "present"},
    "force": {"type": "bool", "default": False},
    "source_dir": {"type": "path"},
    "go": {"type": "str", "default": "go"},
    "goproxy": {"type": "str"},
    "gosumdb": {"type": "str"},
    "goprivate": {"type": "str"},
    "gonosumdb": {"type": "str"},
    "download": {"type": "bool", "default": True},
    "cache_dir": {"type": "path"},
    "progress": {"type": "path"},
}


class GoToolInterface(Interface):
    """A GOPROXY may hold a user name and a password."""

    def shown(self, options: Mapping[str, Any]) -> Dict[str, Any]:
        return {**options, "goproxy": redacted(options["goproxy"]) if options.get("goproxy") else None}

    def secrets(self, options: Mapping[str, Any]) -> List[str]:
        return list(credentials(options.get("goproxy") or ""))


@dataclass(frozen=True)
class Step:
    """What stands where a tool is to be, and in what it differs from what is asked for."""

    tool: Tool
    path: str
    standing: Standing
    wanted: Mapping[str, str]
    differs: Mapping[str, Tuple[str, str]]
    changed: bool
    answer: str = ""

    @property
    def result(self) -> Dict[str, Any]:
        before = (self.standing.settings or {}).get("version")
        told = {"name": self.tool.name, "path": self.path, "version": self.tool.version, "before": before}
        return {**told, "changed": self.changed, "differs": sorted(self.differs), "answer": self.answer}


def run(options: Dict[str, Any], check_mode: bool, diff: bool) -> Dict[str, Any]:
    """Have the tools in the folder, or not, or look at them."""
    try:
        return _run(options, check_mode, diff)
    except (GoError, OSError) as error:
        return {"failed": True, "msg": str(error)}


def _run(options: Dict[str, Any], check_mode: bool, diff: bool) -> Dict[str, Any]:
    cache = Cache.at(options["cache_dir"])
    folder, root = os.path.abspath(options["bin_dir"]), options["source_dir"] or ""
    tools = [tool(entry, root) for entry in options["tools"]]
    if len({wanted.name for wanted in tools}) < len(tools):
        raise ToolError("tools: two of them have the same name.", "Give each file a name of its own.")
    about = {"on_path": on_path(folder, os.environ), "path_line": path_line(folder, os.environ)}
    if options["state"] == "verified":
        found = [replace(finding, component="toolchain") for finding in verify(tools, folder, cache, os.environ)]
        return {"changed": False, "findings": [finding.as_dict() for finding in found], **about}
    steps, problems = _plan(tools, folder, cache, options)
    if not check_mode and not problems:
        steps, problems = _work(steps, options, folder, cache)
    result: Dict[str, Any] = {
        "changed": any(step.changed for step in steps),
        "tools": [step.result for step in steps],
        "warnings": _left(steps, options),
        **about,
    }
    if diff:
        result["diff"] = _diff(steps, options["state"])
    return {**result, "failed": True, "msg": "\n".join(problems)} if problems else result


def _plan(tools: List[Tool], folder: str, cache: Cache, options: Mapping[str, Any]) -> Tuple[List[Step], List[str]]:
    """What is to be done, and why some of it cannot be."""
    plan = _absent if options["state"] == "absent" else _present
    steps, problems = [], []
    for wanted in tools:
        try:
            steps.append(plan(wanted, folder, cache, options["force"]))
        except (GoError, OSError) as error:
            problems.append(str(error))
    return steps, problems


def _present(wanted: Tool, folder: str, cache: Cache, force: bool) -> Step:
    path, settings = wanted.path(folder), wanted_settings(wanted)
    standing = look(wanted, path, cache)
    refusal(wanted, path, standing, force)
    differs = differences(standing, settings)
    return Step(wanted, path, standing, settings, differs if standing.settings else {}, bool(differs))


def _absent(wanted: Tool, folder: str, cache: Cache, force: bool) -> Step:
    path = wanted.path(folder)
    standing = look(wanted, path, cache)
    removable = not standing.foreign or (force and not os.path.isdir(path))
    return Step(wanted, path, standing, {}, {}, standing.exists and removable)


def _work(steps: List[Step], options: Dict[str, Any], folder: str, cache: Cache) -> Tuple[List[Step], List[str]]:
    """Do what is to be done. A tool that cannot be had does not keep the others from being installed."""
    access: Optional[Effective] = None
    done, problems = [], []
    for step in steps:
        try:
            if step.changed and options["state"] == "absent":
                remove(step.tool, folder, cache, options["force"])
            elif step.changed:
                access = access or effective(_access(options), options["go"], cache)
                installed = install(step.tool, folder, access, options["force"], Progress(options["progress"]))
                step = replace(step, changed=installed.changed, answer=installed.answer)
            done.append(step)
        except (GoError, OSError) as error:
            problems.append(str(error))
            done.append(replace(step, changed=False))
    return done, problems


def _access(options: Mapping[str, Any]) -> Access:
    texts = {key: options[key] or "" for key in ("goproxy", "gosumdb", "goprivate", "gonosumdb")}
    return Access(offline=not options["download"], **texts)


def _left(steps: List[Step], options: Mapping[str, Any]) -> List[str]:
    if options["state"] != "absent":
        return []
    return [
        f"{step.path} stays: it is {step.standing.foreign}, not {step.tool.package}."
        for step in steps
        if step.standing.foreign and not step.changed
    ]


def _diff(steps: List[Step], state: str) -> Dict[str, str]:
    """What the programs are like before and after, as far as that differs."""
    before = after = ""
    for step in steps:
        if step.changed:
            keys = ["version", *sorted(key for key in step.differs if key != "version")]
            has = step.standing.foreign or ("program" if step.standing.settings else "absent")
            before += f"{step.path}: {has}\n" + summary(step.standing.settings, keys)
            will = "absent" if state == "absent" else "program"
            after += f"{step.path}: {will}\n" + summary(step.wanted, keys)
    return {"before": before, "after": after}


INTERFACE = GoToolInterface(ARGUMENTS, run)


def main() -> None:
    """Entry point of the module."""
    run_module(INTERFACE)


if __name__ == "__main__":
    main()
