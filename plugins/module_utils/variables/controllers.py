# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules for the variables of the role ``controllers``."""

from __future__ import annotations

import glob
import os
import re
from typing import Any, Dict, Iterator, List, Mapping, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.golang.tool import PACKAGE, SUM
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.tool import VERSION as GO_VERSION
from ansible_collections.servicemesh.platform.plugins.module_utils.images.errors import ImageError
from ansible_collections.servicemesh.platform.plugins.module_utils.images.reference import parse
from ansible_collections.servicemesh.platform.plugins.module_utils.variables.formats import (
    LABEL_VALUE,
    dns_label,
    dns_subdomain,
    quantity,
    unique,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.variables.model import Inventory, Problem

SOURCES = ("source", "module", "python", "image")
"""Where a controller comes from: exactly one of these."""
SYSTEM_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
LIST = "controllers_workloads"
IMAGE_OPTIONS = (
    *("name", "version", "source", "tag", "module", "sum", "package", "python", "image"),
    *("base", "entrypoint", "files", "version_variable", "ldflags", "build_tags", "user"),
)
"""What of a controller the module controller_images wants to know."""

_ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_PORT_NAME = re.compile(r"(?=.{1,15}$)(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*")
_GO_NAME = re.compile(r"[A-Za-z0-9_./-]+\.[A-Za-z_][A-Za-z0-9_]*")
_PYTHON_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RULE_KEYS = ("apiGroups", "resources", "verbs", "resourceNames", "nonResourceURLs")
_REGISTRY = ("username", "password", "docker_config", "ca")
_PROBES = ("liveness", "readiness", "startup")


def problems(variables: Mapping[str, Any], inventory: Inventory) -> Iterator[Problem]:
    """Every problem with the controllers of one environment."""
    controllers = variables[LIST] or []
    yield from unique(f"{LIST}[].name", [controller["name"] for controller in controllers])
    yield from _registry(variables)
    for controller in controllers:
        yield from _controller(f"{LIST}[{controller['name']}]", controller)


def derived(variables: Mapping[str, Any], inventory: Inventory) -> Dict[str, Any]:
    """The controllers with absolute paths and what follows from their options, and what concerns all of them."""
    controllers = [_whole(controller) for controller in variables[LIST] or []]
    return {
        "workloads": controllers,
        "programs": [{option: each[option] for option in IMAGE_OPTIONS} for each in controllers],
        "namespaces": sorted({each["namespace"] for each in controllers if each["create_namespace"]}),
        # What is registered is shown with -v. The one task that needs the password takes the variable itself.
        "registry_password": "",
        "crds": sorted({path for each in controllers for path in each["crds"]}),
    }


def version_of(controller: Mapping[str, Any]) -> str:
    """The version of a controller; where it comes from a tag, that is it."""
    return str(controller["version"] or controller["tag"] or "")


def label_of(version: str) -> str:
    """A version as the value of a label, which takes no plus sign."""
    return version.replace("+", "_")


def _whole(controller: Mapping[str, Any]) -> Dict[str, Any]:
    whole = dict(controller)
    for option in ("source", "python"):
        whole[option] = os.path.abspath(controller[option]) if controller[option] else ""
    whole["crds"] = [os.path.abspath(path) for path in controller["crds"]]
    whole["files"] = [{**file, "src": os.path.abspath(file["src"])} for file in controller["files"]]
    whole["version"] = version_of(controller)
    whole["version_label"] = label_of(whole["version"])
    whole["env"] = [_variable(name, controller["env"][name]) for name in sorted(controller["env"])]
    whole["probes"] = _probes(controller)
    return whole


def _variable(name: str, value: Any) -> Dict[str, Any]:
    return {"name": name, "valueFrom": value} if isinstance(value, dict) else {"name": name, "value": _text(value)}


def _text(value: Any) -> str:
    """YAML's true is what a program knows as "true"."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _probes(controller: Mapping[str, Any]) -> Dict[str, Any]:
    """The probes of a container, as Kubernetes writes them. Times are in seconds."""
    wanted = controller["probes"] or {}
    port = _port_of(wanted, controller)
    timing: Dict[str, Dict[str, int]] = {
        "liveness": {"periodSeconds": 10, "timeoutSeconds": 3, "failureThreshold": 3},
        "readiness": {"periodSeconds": 5, "timeoutSeconds": 3, "failureThreshold": 2},
        "startup": {"periodSeconds": 2, "timeoutSeconds": 2, "failureThreshold": 60},
    }
    return {
        f"{kind}Probe": {
            "httpGet": {"path": wanted[kind], "port": port, "scheme": wanted.get("scheme") or "HTTP"},
            **timing[kind],
        }
        for kind in _PROBES
        if wanted.get(kind)
    }


def _port_of(probes: Mapping[str, Any], controller: Mapping[str, Any]) -> Any:
    """The port that is probed: a number, or the name of a port; the first one when none is named."""
    port = str(probes.get("port") or "")
    if port:
        return int(port) if port.isdigit() else port
    return controller["ports"][0]["name"] if controller["ports"] else 0


def _registry(variables: Mapping[str, Any]) -> Iterator[Problem]:
    registry = variables["controllers_registry"]
    credentials = [variables[f"controllers_registry_{name}"] for name in ("username", "password")]
    if any(credentials) and not all(credentials):
        yield Problem("controllers_registry_username", credentials[0], "set name and password, or none of them")
    if not registry:
        others = [
            name
            for name in ("username", "password", "docker_config", "ca")
            if variables[f"controllers_registry_{name}"]
        ]
        if others:
            yield Problem("controllers_registry", "", f"name the registry that controllers_registry_{others[0]} is for")
        return
    try:
        parse(f"{registry.rstrip('/')}/name:tag", "controllers_registry")
    except ImageError as error:
        yield Problem("controllers_registry", registry, str(error).replace("\n", " ").replace("/name:tag", ""))


def _controller(path: str, controller: Mapping[str, Any]) -> Iterator[Problem]:
    yield from dns_label(f"{path}.name", controller["name"])
    yield from dns_label(f"{path}.namespace", controller["namespace"])
    if controller["namespace"] in SYSTEM_NAMESPACES and controller["create_namespace"]:
        expected = "exists in every cluster and is not made here; set create_namespace: false, or better another one"
        yield Problem(f"{path}.namespace", controller["namespace"], expected)
    yield from _origin(path, controller)
    yield from _shape(path, controller)
    yield from _ports(path, controller)
    yield from _rights(path, controller)
    yield from _mounts(path, controller)


def _origin(path: str, controller: Mapping[str, Any]) -> Iterator[Problem]:
    """Where the program comes from, and which version it is."""
    given = [name for name in SOURCES if controller[name]]
    if len(given) != 1:
        yield Problem(path, ", ".join(given) or "nothing", f"say where it comes from with one of {', '.join(SOURCES)}")
        return
    (origin,) = given
    version = version_of(controller)
    if not LABEL_VALUE.fullmatch(label_of(version)):
        tagged = ", or tag" if origin in ("source", "python") else ""
        yield Problem(f"{path}.version", version, f"write the version, such as v1.4.0{tagged}")
    allowed = {
        "source": ("package", "tag"),
        "module": ("package", "sum"),
        "python": ("tag",),
        "image": (),
    }
    for option in ("package", "tag", "sum"):
        if controller[option] and option not in allowed[origin]:
            yield Problem(f"{path}.{option}", controller[option], f"has no meaning with {origin}; leave it out")
    yield from {"source": _go, "module": _module, "python": _python, "image": _image}[origin](path, controller)
    if controller["version_variable"] and not _GO_NAME.fullmatch(controller["version_variable"]):
        expected = (
            "write a variable of type string as the linker names it: the import path of its package, a dot, its name"
        )
        yield Problem(f"{path}.version_variable", controller["version_variable"], expected)


def _go(path: str, controller: Mapping[str, Any]) -> Iterator[Problem]:
    if not controller["tag"] and not os.path.isfile(os.path.join(controller["source"], "go.mod")):
        yield Problem(f"{path}.source", controller["source"], "name a folder with a go.mod")


def _module(path: str, controller: Mapping[str, Any]) -> Iterator[Problem]:
    if not PACKAGE.fullmatch(controller["module"]):
        yield Problem(f"{path}.module", controller["module"], "write the path of a Go module, without a version")
    if controller["version"] and not GO_VERSION.fullmatch(controller["version"]):
        yield Problem(
            f"{path}.version", version_of(controller), "write a version of the module in full, such as v1.4.0"
        )
    if controller["sum"] and not SUM.fullmatch(controller["sum"]):
        yield Problem(f"{path}.sum", controller["sum"], "write the checksum as go.sum has it: h1: and 44 characters")


def _python(path: str, controller: Mapping[str, Any]) -> Iterator[Problem]:
    name = os.path.basename(os.path.abspath(controller["python"]))
    if not _PYTHON_NAME.fullmatch(name):
        yield Problem(
            f"{path}.python", controller["python"], f"{name} cannot be imported; name the package's own folder"
        )
    if not controller["tag"] and not os.path.isfile(os.path.join(controller["python"], "__main__.py")):
        yield Problem(f"{path}.python", controller["python"], "name the folder of a package with a __main__.py")
    if controller["base"] in ("", "scratch"):
        yield Problem(f"{path}.base", controller["base"], "name an image that has python3, by digest")


def _image(path: str, controller: Mapping[str, Any]) -> Iterator[Problem]:
    image = controller["image"]
    try:
        reference = parse(image, "image")
    except ImageError as error:
        yield Problem(f"{path}.image", image, str(error).replace("\n", " "))
        return
    if not reference.digest:
        expected = (
            f"write it with its digest, which `crane digest {image}` tells: a tag may mean another image tomorrow"
        )
        yield Problem(f"{path}.image", image, expected)


def _shape(path: str, controller: Mapping[str, Any]) -> Iterator[Problem]:
    if not controller["autoscaled"] and controller["replicas"] < 1:
        yield Problem(f"{path}.replicas", controller["replicas"], "write 1 or more")
    if controller["user"] < 1:
        yield Problem(f"{path}.user", controller["user"], "write the UID of a user that is not root, 1 or more")
    for name, value in controller["env"].items():
        if not _ENVIRONMENT_NAME.fullmatch(str(name)):
            yield Problem(f"{path}.env", name, "write the name of an environment variable")
        if value is None or isinstance(value, list):
            yield Problem(f"{path}.env.{name}", value, "write a text, or a mapping as valueFrom takes it")
    for side in ("requests", "limits"):
        for resource, amount in (controller["resources"].get(side) or {}).items():
            yield from quantity(f"{path}.resources.{side}.{resource}", amount)


def _ports(path: str, controller: Mapping[str, Any]) -> Iterator[Problem]:
    ports = controller["ports"]
    names = [port["name"] for port in ports]
    yield from unique(f"{path}.ports[].name", names)
    for port in ports:
        if not _PORT_NAME.fullmatch(port["name"]):
            yield Problem(f"{path}.ports", port["name"], "write a name of at most 15 of a-z, 0-9 and -, with a letter")
        yield from _number(f"{path}.ports[{port['name']}].port", port["port"])
    yield from unique(f"{path}.service[].port", [service["port"] for service in controller["service"]])
    for service in controller["service"]:
        yield from _number(f"{path}.service[].port", service["port"])
        if service["target"] not in names:
            yield Problem(
                f"{path}.service[].target", service["target"], f"write the name of one of ports: {', '.join(names)}"
            )
    yield from _probe_problems(path, controller, names)


def _probe_problems(path: str, controller: Mapping[str, Any], names: List[str]) -> Iterator[Problem]:
    probes = controller["probes"] or {}
    paths = [(kind, probes[kind]) for kind in _PROBES if probes.get(kind)]
    for kind, value in paths:
        if not value.startswith("/"):
            yield Problem(f"{path}.probes.{kind}", value, "write a path that begins with /")
    port = _port_of(probes, controller)
    if paths and not port:
        yield Problem(f"{path}.probes.port", probes.get("port"), "name the port, or list it in ports")
    elif paths and isinstance(port, str) and port not in names:
        yield Problem(f"{path}.probes.port", port, f"write a number, or the name of one of ports: {', '.join(names)}")


def _number(variable: str, port: int) -> Iterator[Problem]:
    if not 1 <= port <= 65535:
        yield Problem(variable, port, "write a port from 1 to 65535")


def _rights(path: str, controller: Mapping[str, Any]) -> Iterator[Problem]:
    """A rule that allows everything is none: what a controller needs can be named."""
    for option in ("rules", "cluster_rules"):
        for number, rule in enumerate(controller[option]):
            yield from _rule(f"{path}.{option}[{number}]", rule, is_cluster=option == "cluster_rules")


def _rule(variable: str, rule: Mapping[str, Any], is_cluster: bool) -> Iterator[Problem]:
    for key, values in rule.items():
        if key not in _RULE_KEYS:
            yield Problem(variable, key, f"no field of a rule; write {', '.join(_RULE_KEYS)}")
        elif not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            yield Problem(f"{variable}.{key}", values, "write a list of texts")
        elif "*" in values:
            yield Problem(
                f"{variable}.{key}", "*", "name what it needs; with * it has rights that nobody has thought of"
            )
    if not rule.get("verbs"):
        yield Problem(f"{variable}.verbs", rule.get("verbs"), "write what it may do, such as [get, list, watch]")
    if not rule.get("resources") and not rule.get("nonResourceURLs"):
        yield Problem(f"{variable}.resources", None, "write what it may do that with, such as [trafficsplits]")
    if rule.get("resources") and "apiGroups" not in rule:
        yield Problem(
            f"{variable}.apiGroups", None, "write the groups of the resources; [''] is that of Kubernetes' core"
        )
    if rule.get("nonResourceURLs") and not is_cluster:
        yield Problem(f"{variable}.nonResourceURLs", rule["nonResourceURLs"], "write it in cluster_rules")


def _mounts(path: str, controller: Mapping[str, Any]) -> Iterator[Problem]:
    """What is mounted where, and the files that are applied first."""
    mounted: List[Tuple[str, str]] = [("certificates", each["path"]) for each in controller["certificates"]]
    mounted += [("writable", place) for place in controller["writable"]]
    yield from unique(f"{path}: mounted", [place.rstrip("/") for _option, place in mounted])
    for option, place in mounted:
        if not place.startswith("/") or place == "/" or ".." in place.split("/") or ":" in place:
            yield Problem(f"{path}.{option}", place, "write an absolute path below /")
    for certificate in controller["certificates"]:
        yield from dns_subdomain(f"{path}.certificates[].secret", certificate["secret"])
    for name in controller["image_pull_secrets"]:
        yield from dns_subdomain(f"{path}.image_pull_secrets", name)
    for pattern in controller["crds"]:
        if not glob.glob(os.path.expanduser(pattern)):
            yield Problem(f"{path}.crds", pattern, "there is no such file or folder")
