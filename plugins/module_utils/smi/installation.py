# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of SMI a cluster has, and what does not go together there: read from its CRDs and Deployments (pure)."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding, Severity
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.catalogue import (
    HTTP_ROUTE_GROUP,
    KINDS,
    TRAFFIC_SPLIT,
    Kind,
    version_key,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.consumers import CONSUMERS, union
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.crds import headers_of, needs_conversion

Object = Mapping[str, Any]

_IMAGES: Sequence[Tuple[str, str]] = (
    (r"/smi-adaptor", "linkerd-smi"),
    (r"openservicemesh/osm-controller", "open-service-mesh"),
    (r"traefik/mesh", "traefik-mesh"),
    (r"nginx-mesh-controller|nginx-service-mesh", "nginx-service-mesh"),
    (r"smi-adapter-istio", "smi-adapter-istio"),
    (r"consul-smi-controller", "consul-smi-controller"),
    (r"smi-metrics", "smi-metrics"),
)
"""What the image of a controller is called. Images can be renamed: who is not found here may be there all the same."""


class Installed(NamedTuple):
    """One kind of SMI that a cluster has. ``stored`` are the versions that objects may still be stored in."""

    kind: Kind
    served: Sequence[str]
    storage: str
    stored: Sequence[str]
    conversion: str
    headers: Optional[str]
    managers: Sequence[str]

    def as_return(self, objects: int) -> Dict[str, Any]:
        """As a module returns it."""
        return {
            "crd": self.kind.crd_name,
            "kind": self.kind.name,
            "served": list(self.served),
            "storage": self.storage,
            "stored": list(self.stored),
            "conversion": self.conversion,
            "headers": self.headers or "",
            "managers": list(self.managers),
            "objects": objects,
        }


def installed(crds: Sequence[Object]) -> List[Installed]:
    """The kinds of SMI among CustomResourceDefinitions."""
    by_name = {crd["metadata"]["name"]: crd for crd in crds}
    return [_installed(kind, by_name[kind.crd_name]) for kind in KINDS if kind.crd_name in by_name]


def consumers(deployments: Sequence[Object]) -> List[str]:
    """The consumers that run, by the names of consumers.CONSUMERS."""
    found = {name for deployment in deployments for name in _consumers_of(deployment)}
    return sorted(found & set(CONSUMERS))


def findings(kinds: Sequence[Installed], names: Sequence[str], crds: Sequence[Object]) -> Iterator[Finding]:
    """What does not go together."""
    for each in kinds:
        yield from _of_kind(each)
    needs = union(names)
    yield from needs.findings
    served = {each.kind.group: set(each.served) for each in kinds}
    for group, versions in needs.versions.items():
        missing = sorted(set(versions) - served.get(group, set()), key=version_key)
        if missing:
            yield _finding(
                "smi-info-not-served",
                Severity.ERROR,
                f"{group}.smi-spec.io",
                f"{', '.join(missing)} is not served, and {', '.join(names)} need it",
                "A consumer asks for its version and finds nothing, or does not start.",
                f"Serve it: crds_smi_consumers: [{', '.join(names)}].",
            )
    yield from _short_name(kinds, crds)


def _installed(kind: Kind, crd: Object) -> Installed:
    spec = crd["spec"]
    versions = spec.get("versions") or []
    storage = next((str(each["name"]) for each in versions if each.get("storage")), "")
    return Installed(
        kind,
        [str(each["name"]) for each in versions if each.get("served")],
        storage,
        [str(each) for each in (crd.get("status") or {}).get("storedVersions") or ()],
        str((spec.get("conversion") or {}).get("strategy") or "None"),
        headers_of(crd, storage) if kind is HTTP_ROUTE_GROUP else None,
        sorted({str(each.get("manager")) for each in crd["metadata"].get("managedFields") or ()}),
    )


def _consumers_of(deployment: Object) -> Iterator[str]:
    for container in deployment["spec"]["template"]["spec"].get("containers") or ():
        image = str(container.get("image"))
        arguments = [str(each) for each in (*(container.get("command") or ()), *(container.get("args") or ()))]
        yield from (name for pattern, name in _IMAGES if re.search(pattern, image))
        if re.search(r"(^|/)flagger[:@]", image):
            yield f"flagger:{_option(arguments, 'mesh-provider')}"
        if re.search(r"(^|/)argo-rollouts[:@]", image):
            version = _option(arguments, "traffic-split-api-version")
            yield f"argo-rollouts:{version}" if version not in ("", "v1alpha1") else "argo-rollouts"


def _option(arguments: Sequence[str], name: str) -> str:
    """The value of an option that is written as -name=value or --name=value."""
    found = (re.fullmatch(rf"--?{name}=(.*)", each) for each in arguments)
    return next((each.group(1) for each in found if each), "")


def _of_kind(each: Installed) -> Iterator[Finding]:
    known = [version for version in each.served if version in each.kind.versions]
    described = [version for version in each.served if version in each.kind.all_versions]
    if each.conversion == "None" and described and needs_conversion(each.kind, described):
        yield _finding(
            "smi-info-no-conversion",
            Severity.ERROR,
            each.kind.crd_name,
            f"{', '.join(each.served)} are served without conversion, although their objects look different",
            "The API server only changes the apiVersion: who reads another version than was written reads nonsense.",
            "Serve one of them, or run a conversion webhook (crds_smi_conversion).",
        )
    if known and each.storage != max(known, key=version_key):
        yield _finding(
            "smi-info-storage",
            Severity.WARNING,
            each.kind.crd_name,
            f"{each.storage} is stored, and {max(known, key=version_key)} is the newest that is served",
            "Deletion of namespaces and garbage collection read the newest version, and need a conversion for it.",
            "Store the newest version that is served.",
        )
    left = [version for version in each.stored if version != each.storage]
    if left:
        yield _finding(
            "smi-info-stored",
            Severity.WARNING,
            each.kind.crd_name,
            f"objects may still be stored in {', '.join(left)} (status.storedVersions)",
            "These versions cannot be taken out of the CustomResourceDefinition.",
            "Write every object back as it is, then take them out of status.storedVersions.",
        )


def _short_name(kinds: Sequence[Installed], crds: Sequence[Object]) -> Iterator[Finding]:
    if TRAFFIC_SPLIT not in {each.kind for each in kinds}:
        return
    for crd in crds:
        name = crd["metadata"]["name"]
        if name != TRAFFIC_SPLIT.crd_name and TRAFFIC_SPLIT.short_name in (
            crd["spec"]["names"].get("shortNames") or ()
        ):
            yield _finding(
                "smi-info-short-name",
                Severity.INFO,
                TRAFFIC_SPLIT.crd_name,
                f"its short name {TRAFFIC_SPLIT.short_name} is that of {name} too",
                "kubectl picks one of the two.",
                f"Write the whole name: kubectl get {TRAFFIC_SPLIT.crd_name}.",
            )


def _finding(name: str, severity: Severity, subject: str, message: str, why: str, mend: str) -> Finding:
    return Finding(name, severity, subject, message, why, mend, "smi")
