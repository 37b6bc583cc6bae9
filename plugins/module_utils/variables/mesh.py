# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules for the variables of the role ``mesh``."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping

from ansible_collections.servicemesh.platform.plugins.module_utils.golang.tool_catalogue import from_catalogue
from ansible_collections.servicemesh.platform.plugins.module_utils.images.errors import ImageError
from ansible_collections.servicemesh.platform.plugins.module_utils.images.reference import parse
from ansible_collections.servicemesh.platform.plugins.module_utils.istio import charts
from ansible_collections.servicemesh.platform.plugins.module_utils.istio.baseline import baseline, injection
from ansible_collections.servicemesh.platform.plugins.module_utils.istio.values import (
    OWNED,
    WITHOUT_FILTERS,
    Settings,
    base_values,
    istiod_values,
    owned,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.variables.formats import (
    dns_label,
    dns_subdomain,
    quantity,
    unique,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.variables.model import Inventory, Problem

_NAMESPACES = ("mesh_deny_namespaces", "mesh_inject_namespaces")
_IMAGES = ("pilot", "proxyv2")
_CREDENTIALS = ("mesh_charts_host", "mesh_charts_username", "mesh_charts_password")


def problems(variables: Mapping[str, Any], inventory: Inventory) -> Iterator[Problem]:
    """Every problem with the mesh of one environment."""
    if variables["mesh_provider"] == "manifests" and not variables["mesh_manifests"]:
        yield Problem("mesh_manifests", [], "name the files with the objects of the mesh, or set mesh_provider to none")
    if variables["mesh_provider"] == "istio":
        yield from _istio(variables)


def derived(variables: Mapping[str, Any], inventory: Inventory) -> Dict[str, Any]:
    """The values of the charts, and the objects that the mesh holds from the beginning."""
    settings = _settings(variables)
    mtls = variables["mesh_mtls"]
    places = _places(variables)
    return {
        "helm": from_catalogue({"name": "helm"}),
        "crane": from_catalogue({"name": "crane"}),
        "charts": places,
        "charts_from_module": not variables["mesh_charts"],
        "charts_from_registry": charts.asks_registry(places),
        # What is registered is shown with -v. The one task that needs the password takes the variable itself.
        "charts_password": "",
        "has_images": any(variables["mesh_images"].values()),
        "without_filters": WITHOUT_FILTERS,
        "foundation": [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": settings.namespace}}],
        "istiod": f"istiod-{settings.revision}" if settings.revision else "istiod",
        "base_values": base_values(settings),
        "istiod_values": istiod_values(settings),
        "baseline": baseline(
            settings.namespace,
            "" if mtls == "UNSET" else mtls,
            variables["mesh_sidecar_hosts"],
            variables["mesh_deny_namespaces"],
        ),
        "injection": injection(variables["mesh_inject_namespaces"], settings.revision, settings.revision_tags),
    }


def _settings(variables: Mapping[str, Any]) -> Settings:
    return Settings(
        namespace=variables["mesh_namespace"],
        revision=variables["mesh_revision"],
        revision_tags=variables["mesh_revision_tags"],
        trust_domain=variables["mesh_trust_domain"],
        outbound_traffic=variables["mesh_outbound_traffic"],
        access_log=variables["mesh_access_log"],
        priority_class=variables["mesh_priority_class"],
        resources=variables["mesh_resources"],
        proxy_resources=variables["mesh_proxy_resources"],
        values=variables["mesh_values"],
    )


def _wanted_charts(variables: Mapping[str, Any]) -> List[str]:
    return ["base", "istiod"]


def _places(variables: Mapping[str, Any]) -> Dict[str, Dict[str, str]]:
    """Where each chart that is needed comes from, as the module helm_chart takes it."""
    if variables["mesh_provider"] != "istio":
        return {}
    return charts.entries(charts.parsed(variables["mesh_charts"]), _wanted_charts(variables))


def _charts(variables: Mapping[str, Any]) -> Iterator[Problem]:
    found = list(charts.problems("mesh_charts", charts.parsed(variables["mesh_charts"]), _wanted_charts(variables)))
    yield from found
    given = [name for name in _CREDENTIALS if variables[name]]
    for name in _CREDENTIALS:
        if given and name not in given:
            yield Problem(name, None, f"write it together with {given[0]}")
    host = variables["mesh_charts_host"]
    asked = [] if found else charts.hosts(_places(variables))
    if host and not found and host not in asked:
        expected = (
            f"no chart comes from there; asked are {', '.join(asked)}" if asked else "no host is asked for charts"
        )
        yield Problem("mesh_charts_host", host, expected)


def _istio(variables: Mapping[str, Any]) -> Iterator[Problem]:
    yield from _charts(variables)
    yield from dns_label("mesh_namespace", variables["mesh_namespace"])
    yield from dns_subdomain("mesh_trust_domain", variables["mesh_trust_domain"])
    yield from _revision(variables["mesh_revision"], variables["mesh_revision_tags"])
    yield from _images(variables["mesh_images"])
    for name in _NAMESPACES:
        yield from unique(name, variables[name])
        for namespace in variables[name]:
            yield from dns_label(name, namespace)
    if variables["mesh_namespace"] in variables["mesh_inject_namespaces"]:
        yield Problem("mesh_inject_namespaces", variables["mesh_namespace"], "istiod gets no sidecar; leave it out")
    for name in ("mesh_resources", "mesh_proxy_resources"):
        for side in ("requests", "limits"):
            for resource, amount in (variables[name].get(side) or {}).items():
                yield from quantity(f"{name}.{side}.{resource}", amount)
    for path in owned(variables["mesh_values"]):
        yield Problem(f"mesh_values.{path}", "set", f"leave it out: {OWNED[path]}")
    yield from _days(variables["mesh_root_days"], variables["mesh_intermediate_days"])


def _revision(revision: str, tags: Any) -> Iterator[Problem]:
    for name in filter(None, [revision]):
        yield from dns_label("mesh_revision", name)
    for tag in tags:
        yield from dns_label("mesh_revision_tags", tag)
        if tag == revision:
            yield Problem("mesh_revision_tags", tag, "it is the revision itself; choose another name")
    yield from unique("mesh_revision_tags", tags)


def _images(images: Mapping[str, Any]) -> Iterator[Problem]:
    given = {name: str(images[name]) for name in _IMAGES if images.get(name)}
    for name in _IMAGES:
        if given and name not in given:
            yield Problem(f"mesh_images.{name}", None, "name both images, or none")
    for name, image in given.items():
        try:
            reference = parse(image, f"mesh_images.{name}")
        except ImageError as error:
            yield Problem(f"mesh_images.{name}", image, str(error).replace("\n", " "))
            continue
        if not reference.digest:
            expected = (
                f"write it with its digest, which `crane digest {image}` tells: a tag may mean another one tomorrow"
            )
            yield Problem(f"mesh_images.{name}", image, expected)


def _days(root: int, intermediate: int) -> Iterator[Problem]:
    if intermediate < 1:
        yield Problem("mesh_intermediate_days", intermediate, "write 1 or more")
    if root <= intermediate:
        expected = "write more days than mesh_intermediate_days: no certificate outlives its authority"
        yield Problem("mesh_root_days", root, expected)
