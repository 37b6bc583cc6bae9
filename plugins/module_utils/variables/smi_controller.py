# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules for the variables of the role ``smi_controller``."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Sequence
from urllib.parse import urlsplit

from ansible_collections.servicemesh.platform.plugins.module_utils.images.errors import ImageError
from ansible_collections.servicemesh.platform.plugins.module_utils.images.reference import parse
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.discovery import Resource
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.catalogue import KINDS
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_controller.outputs import ALL_OUTPUTS, OUTPUTS
from ansible_collections.servicemesh.platform.plugins.module_utils.variables.formats import (
    dns_label,
    dns_subdomain,
    quantity,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.variables.model import Inventory, Problem

EMBEDDED_PROMETHEUS = "embedded"
_SYSTEM_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
_BEGIN = "-----BEGIN CERTIFICATE-----"
_URL = "write its URL, like http://prometheus.monitoring.svc:9090, or embedded for that of an embedded cluster"
_READ = ["get", "list", "watch"]

Rule = Dict[str, List[str]]


def problems(variables: Mapping[str, Any], inventory: Inventory) -> Iterator[Problem]:
    """Every problem with the controller of one environment."""
    namespace = variables["smi_controller_namespace"]
    yield from dns_label("smi_controller_namespace", namespace)
    if namespace in _SYSTEM_NAMESPACES and variables["smi_controller_create_namespace"]:
        expected = (
            "it is in every cluster and not made here; choose another, or set smi_controller_create_namespace: false"
        )
        yield Problem("smi_controller_namespace", namespace, expected)
    yield from dns_subdomain("smi_controller_trust_domain", variables["smi_controller_trust_domain"])
    if variables["smi_controller_replicas"] < 1:
        yield Problem("smi_controller_replicas", variables["smi_controller_replicas"], "write 1 or more")
    yield from _image(variables)
    yield from _registry(variables)
    yield from _prometheus(variables["smi_controller_prometheus"])
    yield from _certificates(variables)
    for side in ("requests", "limits"):
        for resource, amount in (variables["smi_controller_resources"].get(side) or {}).items():
            yield from quantity(f"smi_controller_resources.{side}.{resource}", amount)


def derived(variables: Mapping[str, Any], inventory: Inventory) -> Dict[str, Any]:
    """What the controller may do, and the kinds it works with."""
    return {
        # What is registered is shown with -v. The one task that needs the password takes the variable itself.
        "registry_password": "",
        "smi_groups": sorted({kind.api_group for kind in KINDS}),
        "smi_resources": [kind.plural for kind in KINDS],
        "smi_definitions": [kind.crd_name for kind in KINDS],
        "cluster_rules": rules(variables["smi_controller_mesh"]),
    }


def rules(mesh: str) -> List[Rule]:
    """The least that a controller needs in the cluster, as the rules of a ClusterRole.

    It looks at the translations for other meshes too, and removes what it has made of them.
    """
    groups = sorted({kind.api_group for kind in KINDS})
    return [
        _rule(groups, [kind.plural for kind in KINDS], _READ),
        _rule([""], ["pods", "serviceaccounts", "services"], _READ),
        _rule([""], ["events"], ["create", "get", "patch"]),
        {
            **_rule(["apiextensions.k8s.io"], ["customresourcedefinitions"], ["get"]),
            "resourceNames": [
                *(kind.crd_name for kind in KINDS),
                *(f"{each.plural}.{each.group}" for each in ALL_OUTPUTS),
            ],
        },
        *_of_outputs(ALL_OUTPUTS, [*_READ, "delete"]),
        *_of_outputs(OUTPUTS[mesh], ["create", "patch"]),
    ]


def _of_outputs(outputs: Sequence[Resource], verbs: List[str]) -> List[Rule]:
    found: Dict[str, List[str]] = {}
    for each in outputs:
        found.setdefault(each.group, []).append(each.plural)
    return [_rule([group], plurals, verbs) for group, plurals in found.items()]


def _rule(groups: List[str], resources: List[str], verbs: List[str]) -> Rule:
    return {"apiGroups": groups, "resources": resources, "verbs": verbs}


def _image(variables: Mapping[str, Any]) -> Iterator[Problem]:
    image, base = variables["smi_controller_image"], variables["smi_controller_image_base"]
    for name, reference in (("smi_controller_image", image), ("smi_controller_image_base", base)):
        if reference:
            yield from _by_digest(name, reference)
    if image and base:
        yield Problem(
            "smi_controller_image_base", base, "nothing is built with smi_controller_image; leave one of them out"
        )
    version = variables["smi_controller_image_python_version"]
    if bool(base) != bool(version):
        expected = "write it together with smi_controller_image_base, like '3.12'"
        yield Problem("smi_controller_image_python_version", version, expected)


def _by_digest(variable: str, name: str) -> Iterator[Problem]:
    try:
        reference = parse(name, variable)
    except ImageError as error:
        yield Problem(variable, name, str(error).replace("\n", " "))
        return
    if not reference.digest:
        expected = f"write it with its digest, which `crane digest {name}` tells: a tag may mean another image tomorrow"
        yield Problem(variable, name, expected)


def _registry(variables: Mapping[str, Any]) -> Iterator[Problem]:
    registry, user = variables["smi_controller_registry"], variables["smi_controller_registry_username"]
    if bool(user) != bool(variables["smi_controller_registry_password"]):
        yield Problem("smi_controller_registry_username", user, "set name and password, or none of them")
    given = [
        f"smi_controller_registry_{name}"
        for name in ("username", "password", "docker_config", "ca")
        if variables[f"smi_controller_registry_{name}"]
    ]
    if given and not registry:
        yield Problem("smi_controller_registry", registry, f"name the registry that {given[0]} is for")
    if not registry:
        return
    try:
        parse(f"{registry.rstrip('/')}/name:tag", "smi_controller_registry")
    except ImageError as error:
        told = str(error).replace("\n", " ").replace("/name:tag", "")
        yield Problem("smi_controller_registry", registry, told)


def _prometheus(url: str) -> Iterator[Problem]:
    if url in ("", EMBEDDED_PROMETHEUS):
        return
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        yield Problem("smi_controller_prometheus", url, _URL)
        return
    if "@" in parts.netloc:
        expected = "leave user and password out: whoever may look at Deployments would see them"
        yield Problem("smi_controller_prometheus", f"{parts.scheme}://...@{parts.hostname}", expected)
    elif not is_good or parts.query or parts.fragment:
        yield Problem("smi_controller_prometheus", url, _URL)


def _certificates(variables: Mapping[str, Any]) -> Iterator[Problem]:
    days, before = variables["smi_controller_certificate_days"], variables["smi_controller_renew_before_days"]
    authority = variables["smi_controller_authority_days"]
    if days < 1:
        yield Problem("smi_controller_certificate_days", days, "write 1 or more")
    if not 0 <= before < days:
        yield Problem(
            "smi_controller_renew_before_days", before, "write fewer days than smi_controller_certificate_days"
        )
    if authority <= days:
        expected = "write more days than smi_controller_certificate_days: no certificate outlives its authority"
        yield Problem("smi_controller_authority_days", authority, expected)
    secret, bundle = variables["smi_controller_certificate_secret"], variables["smi_controller_ca_bundle"]
    if secret:
        yield from dns_subdomain("smi_controller_certificate_secret", secret)
    if bool(secret) != bool(bundle):
        yield Problem(
            "smi_controller_certificate_secret",
            secret,
            "write it together with smi_controller_ca_bundle, its authorities",
        )
    if bundle and _BEGIN not in bundle:
        yield Problem("smi_controller_ca_bundle", bundle[:40], f"write certificates in PEM, which begin with {_BEGIN}")
    if secret.startswith(("smi-controller-ca", "smi-controller-tls", "smi-metrics-tls")):
        expected = "choose another name: this one is that of the certificates that the role makes itself"
        yield Problem("smi_controller_certificate_secret", secret, expected)
