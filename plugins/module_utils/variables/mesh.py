# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules for the variables of the role ``mesh``."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Sequence

from ansible_collections.servicemesh.platform.plugins.module_utils.charts import source
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.tool_catalogue import from_catalogue
from ansible_collections.servicemesh.platform.plugins.module_utils.images.errors import ImageError
from ansible_collections.servicemesh.platform.plugins.module_utils.images.reference import parse
from ansible_collections.servicemesh.platform.plugins.module_utils.istio import charts
from ansible_collections.servicemesh.platform.plugins.module_utils.istio.baseline import (
    baseline,
    injection,
    telemetry,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.istio.share import asked, share_problems
from ansible_collections.servicemesh.platform.plugins.module_utils.istio.upgrade import wave_problems
from ansible_collections.servicemesh.platform.plugins.module_utils.istio.values import (
    OWNED,
    OWNED_OF_CNI,
    OWNED_OF_GATEWAYS,
    TRACING,
    WITHOUT_FILTERS,
    Settings,
    ambient,
    base_values,
    cni_values,
    gateway_values,
    istiod_values,
    owned,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.variables.formats import (
    dns_label,
    dns_subdomain,
    duration,
    quantity,
    unique,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.variables.model import Inventory, Problem
from ansible_collections.servicemesh.platform.plugins.module_utils.variables.tenancy import SYSTEM_NAMESPACES

_NAMESPACES = ("mesh_deny_namespaces", "mesh_inject_namespaces")
_IMAGES = ("pilot", "proxyv2")
_PRIVILEGED = {"pod-security.kubernetes.io/enforce": "privileged"}
_LONGEST_RELEASE = 53
_CREDENTIALS = ("mesh_charts_host", "mesh_charts_username", "mesh_charts_password")


def problems(variables: Mapping[str, Any], inventory: Inventory) -> Iterator[Problem]:
    """Every problem with the mesh of one environment."""
    if variables["mesh_provider"] == "manifests" and not variables["mesh_manifests"]:
        yield Problem("mesh_manifests", [], "name the files with the objects of the mesh, or set mesh_provider to none")
    if variables["mesh_provider"] == "istio":
        yield from _istio(variables)
    if variables["mesh_provider"] == "helm":
        found = list(_releases(variables["mesh_releases"]))
        yield from found
        if not found:
            yield from _credentials(variables)


def derived(variables: Mapping[str, Any], inventory: Inventory) -> Dict[str, Any]:
    """The values of the charts, and the objects that the mesh holds from the beginning."""
    settings = _settings(variables)
    mtls = variables["mesh_mtls"]
    places = _places(variables)
    return {
        "helm": from_catalogue({"name": "helm"}),
        "crane": from_catalogue({"name": "crane"}),
        "charts": places,
        "charts_from_module": variables["mesh_provider"] == "istio" and not variables["mesh_charts"],
        "charts_from_registry": charts.asks_registry(places),
        # What is registered is shown with -v. The one task that needs the password takes the variable itself.
        "charts_password": "",
        # Values may hold passwords too: as above.
        "releases": [each["name"] for each in variables["mesh_releases"]],
        "wanted_releases": [{**each, "values": {}} for each in _wanted_releases(variables)],
        "unwanted_releases": [each["name"] for each in variables["mesh_releases"] if each["state"] == "absent"],
        "has_images": any(variables["mesh_images"].values()),
        "without_filters": WITHOUT_FILTERS,
        "foundation": [_foundation(variables, each) for each in _own_namespaces(variables)],
        "istiod": f"istiod-{settings.revision}" if settings.revision else "istiod",
        "base_values": base_values(settings),
        "istiod_values": istiod_values(settings),
        "cni_values": cni_values(settings),
        "baseline": [
            *baseline(
                settings.root_namespace or settings.namespace,
                "" if mtls == "UNSET" else mtls,
                variables["mesh_sidecar_hosts"],
                variables["mesh_deny_namespaces"],
            ),
            *_telemetry(settings),
        ],
        **_gateways(variables, settings),
        "injection": injection(variables["mesh_inject_namespaces"], settings.revision, settings.revision_tags),
        "shares": [each._asdict() for each in asked(variables["mesh_tenants"] or [])],
    }


def _namespace(name: str) -> Dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _foundation(variables: Mapping[str, Any], name: str) -> Dict[str, Any]:
    """A namespace of the mesh. Where the CNI plugin is installed from, pods change their node."""
    namespace = _namespace(name)
    if variables["mesh_cni"] and name == variables["mesh_namespace"]:
        namespace["metadata"]["labels"] = dict(_PRIVILEGED)
    return namespace


def _own_namespaces(variables: Mapping[str, Any]) -> List[str]:
    """That of istiod, and the root namespace when it is another one."""
    return list(dict.fromkeys(filter(None, (variables["mesh_namespace"], variables["mesh_root_namespace"]))))


def _telemetry(settings: Settings) -> List[Dict[str, Any]]:
    if not settings.tracing:
        return []
    return [telemetry(settings.root_namespace or settings.namespace, TRACING, settings.tracing["sampling"])]


def _gateways(variables: Mapping[str, Any], settings: Settings) -> Dict[str, Any]:
    """What the gateways are made of: their namespaces, and the values of the chart for each."""
    gateways = variables["mesh_gateways"]
    made = dict.fromkeys(each["namespace"] for each in gateways if each["create_namespace"])
    return {
        "gateway_namespaces": [_namespace(each) for each in made if each not in _own_namespaces(variables)],
        "gateways": [
            {"name": each["name"], "namespace": each["namespace"], "chart_values": gateway_values(settings, each)}
            for each in gateways
        ],
    }


def _settings(variables: Mapping[str, Any]) -> Settings:
    return Settings(
        namespace=variables["mesh_namespace"],
        revision=variables["mesh_revision"],
        revision_tags=variables["mesh_revision_tags"],
        trust_domain=variables["mesh_trust_domain"],
        outbound_traffic=variables["mesh_outbound_traffic"],
        access_log=variables["mesh_access_log"],
        connect_timeout=variables["mesh_connect_timeout"],
        priority_class=variables["mesh_priority_class"],
        resources=variables["mesh_resources"],
        proxy_resources=variables["mesh_proxy_resources"],
        values=variables["mesh_values"],
        root_namespace=variables["mesh_root_namespace"],
        tracing=variables["mesh_tracing"] if _traces(variables) else {},
        cni=variables["mesh_cni"],
        cni_values=variables["mesh_cni_values"],
    )


def _wanted_charts(variables: Mapping[str, Any]) -> List[str]:
    further = [name for name, asking in (("gateway", "mesh_gateways"), ("cni", "mesh_cni")) if variables[asking]]
    return ["base", "istiod", *further]


def _wanted_images(variables: Mapping[str, Any]) -> List[str]:
    return [*_IMAGES, *(["install_cni"] if variables["mesh_cni"] else [])]


def _wanted_releases(variables: Mapping[str, Any]) -> List[Dict[str, Any]]:
    return [each for each in variables["mesh_releases"] if each["state"] == "present"]


def _places(variables: Mapping[str, Any]) -> Dict[str, Dict[str, str]]:
    """Where each chart that is needed comes from, as the module helm_chart takes it."""
    if variables["mesh_provider"] == "istio":
        return charts.entries(charts.parsed(variables["mesh_charts"]), _wanted_charts(variables))
    if variables["mesh_provider"] == "helm":
        found = {each["name"]: source.source(each["chart"]) for each in _wanted_releases(variables)}
        return {name: source.as_entry(place) for name, place in found.items()}
    return {}


def _charts(variables: Mapping[str, Any]) -> Iterator[Problem]:
    found = list(charts.problems("mesh_charts", charts.parsed(variables["mesh_charts"]), _wanted_charts(variables)))
    yield from found
    if not found:
        yield from _credentials(variables)


def _credentials(variables: Mapping[str, Any]) -> Iterator[Problem]:
    given = [name for name in _CREDENTIALS if variables[name]]
    for name in _CREDENTIALS:
        if given and name not in given:
            yield Problem(name, None, f"write it together with {given[0]}")
    host = variables["mesh_charts_host"]
    asked = charts.hosts(_places(variables)) if host else []
    if host and host not in asked:
        expected = (
            f"no chart comes from there; asked are {', '.join(asked)}" if asked else "no host is asked for charts"
        )
        yield Problem("mesh_charts_host", host, expected)


def _releases(releases: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    if not releases:
        yield Problem("mesh_releases", [], "name the charts of the mesh, or set mesh_provider to none")
    yield from unique("mesh_releases[].name", [each["name"] for each in releases])
    for each in releases:
        path = f"mesh_releases[{each['name']}]"
        yield from dns_label(f"{path}.name", each["name"])
        if len(each["name"]) > _LONGEST_RELEASE:
            yield Problem(
                f"{path}.name", each["name"], f"write at most {_LONGEST_RELEASE} characters, as Helm wants it"
            )
        yield from dns_label(f"{path}.namespace", each["namespace"])
        if each["namespace"] in SYSTEM_NAMESPACES and each["create_namespace"]:
            expected = "every cluster has it; set create_namespace: false, or choose another"
            yield Problem(f"{path}.namespace", each["namespace"], expected)
        if each["state"] == "present":
            yield from source.problems(f"{path}.chart", each["chart"])
            yield from _named(path, each["chart"])


def _named(path: str, chart: Mapping[str, Any]) -> Iterator[Problem]:
    if chart.get(source.REPOSITORY) and not chart.get("name"):
        yield Problem(f"{path}.chart.name", None, "write the name of the chart in the repository")


def _istio(variables: Mapping[str, Any]) -> Iterator[Problem]:
    yield from _charts(variables)
    for name in ("mesh_namespace", *(["mesh_root_namespace"] if variables["mesh_root_namespace"] else [])):
        yield from dns_label(name, variables[name])
    yield from dns_subdomain("mesh_trust_domain", variables["mesh_trust_domain"])
    yield from _revision(variables["mesh_revision"], variables["mesh_revision_tags"])
    yield from _images(variables["mesh_images"], _wanted_images(variables))
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
    yield from _values("mesh_values", variables["mesh_values"], OWNED)
    yield from _values("mesh_cni_values", variables["mesh_cni_values"], OWNED_OF_CNI)
    yield from duration("mesh_connect_timeout", variables["mesh_connect_timeout"])
    yield from _tracing(variables)
    yield from _gateways_problems(variables["mesh_gateways"])
    yield from _days(variables["mesh_root_days"], variables["mesh_intermediate_days"])
    yield from _sidecars(variables)


def _sidecars(variables: Mapping[str, Any]) -> Iterator[Problem]:
    """Which workloads have one, and how they move to another revision."""
    tenants = variables["mesh_tenants"] or []
    for told in share_problems(tenants, variables["mesh_inject_namespaces"]):
        yield Problem("mesh_tenants", [each.get("name") for each in tenants], told)
    for told in wave_problems(variables["mesh_inject_namespaces"], variables["mesh_upgrade_waves"]):
        yield Problem("mesh_upgrade_waves", variables["mesh_upgrade_waves"], told)
    if variables["mesh_upgrade_at_once"] < 1:
        yield Problem("mesh_upgrade_at_once", variables["mesh_upgrade_at_once"], "write 1 or more")


def _revision(revision: str, tags: Any) -> Iterator[Problem]:
    for name in filter(None, [revision]):
        yield from dns_label("mesh_revision", name)
    for tag in tags:
        yield from dns_label("mesh_revision_tags", tag)
        if tag == revision:
            yield Problem("mesh_revision_tags", tag, "it is the revision itself; choose another name")
    yield from unique("mesh_revision_tags", tags)


def _images(images: Mapping[str, Any], wanted: Sequence[str]) -> Iterator[Problem]:
    given = {name: str(image) for name, image in images.items() if image}
    for name in wanted:
        if given and name not in given:
            expected = "name both images, or none" if name in _IMAGES else "name it too: mesh_cni is on"
            yield Problem(f"mesh_images.{name}", None, expected)
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


def _values(variable: str, values: Mapping[str, Any], others: Mapping[str, str]) -> Iterator[Problem]:
    for path in owned(values, others):
        yield Problem(f"{variable}.{path}", "set", f"leave it out: {others[path]}")
    for path in ambient(values):
        yield Problem(f"{variable}.{path}", "set", "leave it out: ambient is not there yet, only sidecars are")


def _traces(variables: Mapping[str, Any]) -> bool:
    """Whether traces are asked for: protocol and sampling have defaults."""
    return any(variables["mesh_tracing"].get(name) for name in ("service", "port"))


def _tracing(variables: Mapping[str, Any]) -> Iterator[Problem]:
    tracing = variables["mesh_tracing"]
    if not _traces(variables):
        return
    for name in ("service", "port"):
        if not tracing.get(name):
            expected = (
                "write the service, as tempo.observability.svc.cluster.local" if name == "service" else "write it"
            )
            yield Problem(f"mesh_tracing.{name}", tracing.get(name), expected)
    if tracing.get("service"):
        yield from dns_subdomain(
            "mesh_tracing.service", str(tracing["service"]).partition("/")[2] or tracing["service"]
        )
    if tracing.get("port"):
        yield from _port_number("mesh_tracing.port", tracing["port"])
    if not 0 <= tracing["sampling"] <= 100:
        yield Problem("mesh_tracing.sampling", tracing["sampling"], "write how many of a hundred, 0 to 100")
    mesh = variables["mesh_values"].get("meshConfig")
    if isinstance(mesh, Mapping) and "extensionProviders" in mesh:
        expected = "leave it out, for it would take the place of the one of mesh_tracing; or leave out mesh_tracing"
        yield Problem("mesh_values.meshConfig.extensionProviders", "set", expected)


def _gateways_problems(gateways: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    yield from unique("mesh_gateways[].name", [f"{each['namespace']}/{each['name']}" for each in gateways])
    for each in gateways:
        yield from _gateway(f"mesh_gateways[{each['name']}]", each)


def _gateway(path: str, gateway: Mapping[str, Any]) -> Iterator[Problem]:
    yield from dns_label(f"{path}.name", gateway["name"])
    yield from dns_label(f"{path}.namespace", gateway["namespace"])
    if gateway["namespace"] in SYSTEM_NAMESPACES and gateway["create_namespace"]:
        expected = "every cluster has it; set create_namespace: false, or choose another"
        yield Problem(f"{path}.namespace", gateway["namespace"], expected)
    yield from unique(f"{path}.ports[].name", [port["name"] for port in gateway["ports"]])
    for port in gateway["ports"]:
        yield from dns_label(f"{path}.ports[].name", port["name"])
        for number in filter(None, (port["port"], port.get("target_port"))):
            yield from _port_number(f"{path}.ports[{port['name']}]", number)
    for side in ("requests", "limits"):
        for resource, amount in (gateway["resources"].get(side) or {}).items():
            yield from quantity(f"{path}.resources.{side}.{resource}", amount)
    for value in owned(gateway["values"], OWNED_OF_GATEWAYS):
        yield Problem(f"{path}.values.{value}", "set", f"leave it out: {OWNED_OF_GATEWAYS[value]}")


def _port_number(path: str, number: int) -> Iterator[Problem]:
    if not 1 <= number <= 65535:
        yield Problem(path, number, "write a number from 1 to 65535")
