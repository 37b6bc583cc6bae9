# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moving stored objects to other versions in a real API server, from every bundle of CRDs that is found in the wild."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.converge import Request, converge
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import Conflict, KubeError
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session, open_session
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.bundles import BUNDLES, Bundle, Listed
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.catalogue import KINDS, newest_versions
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.conversion import convert
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.crds import crd, crds
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.storage import CannotMove
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.wire import LIST, MAP
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_storage import mover
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_storage.backup import NAMESPACE as BACKUPS
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_storage.mover import Result, Wishes, move_all

NAMESPACE = "smi-storage"
NEWEST = crds(newest_versions())
PUBLISHED = {kind.name for kind in KINDS}
# smi-controller-sdk stores TrafficTargets in a draft, see the test of that.
INSTALLABLE = [each for each in BUNDLES if each.installable and each.name != "smi-controller-sdk"]

FIELDS: dict[str, dict[str, Any]] = {
    "TrafficSplit": {
        "service": "web",
        "backends": [{"service": "web-v1", "weight": 80}, {"service": "web-v2", "weight": 20}],
        "matches": [{"kind": "HTTPRouteGroup", "name": "routes"}],
    },
    "TrafficTarget": {
        "destination": {"kind": "ServiceAccount", "name": "web", "namespace": NAMESPACE, "port": 8080},
        "rules": [{"kind": "HTTPRouteGroup", "name": "routes", "matches": ["read"]}],
        "sources": [{"kind": "ServiceAccount", "name": "shop", "namespace": NAMESPACE}],
    },
    "HTTPRouteGroup": {
        "matches": [{"name": "read", "methods": ["GET"], "pathRegex": "/api/.*", "headers": [{"x-canary": "1"}]}]
    },
    "TCPRoute": {"matches": {"ports": [5432]}},
    "UDPRoute": {"matches": {"ports": [53]}},
}
"""What an object of each kind says, in the words of the newest version; a port is TrafficTarget's of older ones."""


@pytest.fixture
def session(cluster: Any) -> Iterator[Session]:
    with open_session({"kubeconfig": str(cluster.kubeconfig)}) as opened:
        yield opened


Installing = Callable[[Sequence[Mapping[str, Any]]], None]


@pytest.fixture
def install(cluster: Any) -> Iterator[Installing]:
    """Installs CRDs as another tool does, and waits until they are served. They are gone afterwards."""
    cluster.kubectl("create", "namespace", NAMESPACE)

    def installed(definitions: Sequence[Mapping[str, Any]]) -> None:
        items = {"apiVersion": "v1", "kind": "List", "items": list(definitions)}
        cluster.kubectl("apply", "-f", "-", stdin=json.dumps(items))
        names = [f"crd/{each['metadata']['name']}" for each in definitions]
        cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", *names)
        for each in definitions:
            served = [version["name"] for version in each["spec"]["versions"] if version["served"]]
            for version in served:
                resource = f"{each['spec']['names']['plural']}.{version}.{each['spec']['group']}"
                wait_until(lambda r=resource: "error" not in cluster.kubectl("get", r, check=False))

    yield installed
    cluster.kubectl("delete", "crd", "--ignore-not-found", *(each["metadata"]["name"] for each in NEWEST))
    cluster.kubectl("delete", "namespace", NAMESPACE)


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def crds_of(bundle: Bundle) -> list[dict[str, Any]]:
    """The CRDs of a bundle as far as that matters here: the versions served, stored and only listed."""
    return [_crd_of(each, bundle.headers or LIST) for each in bundle.crds if each.kind.name in PUBLISHED]


def _crd_of(listed: Listed, headers: str) -> dict[str, Any]:
    # A client config only so that versions of several shapes may stand side by side: none of these bundles converts.
    definition = crd(listed.kind, listed.served, headers, {"url": "https://localhost"}, unserved=listed.unserved)
    definition["spec"].pop("conversion", None)
    for version in definition["spec"]["versions"]:
        version["storage"] = version["name"] == listed.storage
    return definition


def objects_of(bundle: Bundle) -> list[dict[str, Any]]:
    """An object of each kind in each version that the bundle serves, in the words of that version."""
    return [
        written(each.kind.name, version, bundle.headers or LIST)
        for each in bundle.crds
        if each.kind.name in PUBLISHED
        for version in each.served
    ]


def written(kind: str, version: str, headers: str = LIST) -> dict[str, Any]:
    """The object of a kind as a person writes it in a version: without what this version cannot say."""
    described = next(each for each in KINDS if each.name == kind)
    says_port = kind == "TrafficTarget" and version == "v1alpha2"
    richest = "v1alpha2" if says_port else described.newest
    fields = {**FIELDS[kind]}
    if kind == "TrafficTarget" and richest != "v1alpha2":
        fields["destination"] = {key: value for key, value in fields["destination"].items() if key != "port"}
    obj = {
        "apiVersion": f"{described.api_group}/{richest}",
        "kind": kind,
        "metadata": {"name": f"{kind.lower()}-{version}", "namespace": NAMESPACE},
        "spec": fields,
    }
    result = convert(obj, version, headers if kind == "HTTPRouteGroup" else None)
    result["metadata"] = {**obj["metadata"], "labels": {"app": "web"}}
    return result


def move(cluster: Any, session: Session, definitions: Sequence[Any], **wishes: Any) -> Result:
    return move_all(session, Wishes({"kubeconfig": str(cluster.kubeconfig)}, "tests", **wishes), definitions)


def apply(cluster: Any, definitions: Sequence[Any], force: bool = True) -> Any:
    """Apply CRDs as the role does."""
    connection = {"kubeconfig": str(cluster.kubeconfig)}
    return converge(Request(connection, list(definitions), field_manager="tests", force_conflicts=force, wait=True))


def stored_versions(cluster: Any) -> dict[str, list[str]]:
    found = json.loads(cluster.kubectl("get", "crd", "-o", "json"))["items"]
    return {
        each["metadata"]["name"]: each["status"]["storedVersions"]
        for each in found
        if each["spec"]["group"].endswith("smi-spec.io")
    }


def live(cluster: Any, definitions: Sequence[Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """All objects in the version that is stored."""
    found = {}
    for each in definitions:
        spec = each["spec"]
        version = next(version["name"] for version in spec["versions"] if version["storage"])
        resource = f"{spec['names']['plural']}.{version}.{spec['group']}"
        for obj in json.loads(cluster.kubectl("get", resource, "-n", NAMESPACE, "-o", "json"))["items"]:
            found[obj["kind"], obj["metadata"]["name"]] = obj
    return found


def said(obj: Mapping[str, Any]) -> dict[str, Any]:
    """What a person wrote of an object, or a conversion kept."""
    metadata = obj["metadata"]
    kept = {name: metadata[name] for name in ("name", "labels", "annotations") if name in metadata}
    annotations = {
        name: text for name, text in kept.get("annotations", {}).items() if name.startswith("smi.servicemesh.platform/")
    }
    kept = {**kept, "annotations": annotations}
    return {"metadata": kept, **{name: value for name, value in obj.items() if name != "metadata"}}


def backups(cluster: Any) -> list[str]:
    found: str = cluster.kubectl("-n", BACKUPS, "get", "configmaps", "-l", LABEL, "-o", "name", "--ignore-not-found")
    return found.split()


LABEL = "smi-storage.servicemesh.platform/originals=true"


@pytest.mark.parametrize("bundle", INSTALLABLE, ids=lambda bundle: bundle.name)
def test_nothing_is_lost_on_the_way_from_a_bundle(
    cluster: Any, session: Session, install: Installing, bundle: Bundle
) -> None:
    install(crds_of(bundle))
    before = objects_of(bundle)
    cluster.kubectl("create", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": before}))
    wanted = [each for each in NEWEST if each["metadata"]["name"] in stored_versions(cluster)]

    result = move(cluster, session, wanted, force_conflicts=True)
    apply(cluster, result.definitions)

    newest = {each.name: each.newest for each in KINDS}
    expected = {
        (each["kind"], each["metadata"]["name"]): said(
            convert(each, newest[each["kind"]], LIST if each["kind"] == "HTTPRouteGroup" else None)
        )
        for each in before
    }
    assert {key: said(each) for key, each in live(cluster, wanted).items()} == expected
    assert all(versions == [newest_of(name)] for name, versions in stored_versions(cluster).items())
    assert move(cluster, session, wanted).changed is False
    assert backups(cluster) == []


def newest_of(crd_name: str) -> str:
    return next(kind.newest for kind in KINDS if kind.crd_name == crd_name)
