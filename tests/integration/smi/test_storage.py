# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moving stored objects to other versions in a real API server, from every bundle of CRDs that is found in the wild."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.converge import Request, converge
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session, open_session
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.bundles import BUNDLES, Bundle, Listed
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.catalogue import KINDS, newest_versions
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.conversion import convert
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.crds import crd, crds
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.storage import CannotMove
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.wire import LIST, MAP
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_storage.backup import NAMESPACE as BACKUPS
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_storage.mover import Result, Wishes, move_all

pytestmark = pytest.mark.slow

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


def create(cluster: Any, *objects: Mapping[str, Any]) -> None:
    cluster.kubectl("create", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}))


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
    create(cluster, *before)
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


def split(name: str, version: str, weights: Mapping[str, Any], **metadata: Any) -> dict[str, Any]:
    backends = [{"service": service, "weight": weight} for service, weight in weights.items()]
    return {
        "apiVersion": f"split.smi-spec.io/{version}",
        "kind": "TrafficSplit",
        "metadata": {"name": name, "namespace": NAMESPACE, **metadata},
        "spec": {"service": "web", "backends": backends},
    }


def weights_of(obj: Mapping[str, Any]) -> dict[str, Any]:
    return {each["service"]: each["weight"] for each in obj["spec"]["backends"]}


SPLITS = [each for each in NEWEST if each["spec"]["names"]["kind"] == "TrafficSplit"]
GROUPS = [each for each in NEWEST if each["spec"]["names"]["kind"] == "HTTPRouteGroup"]
LINKERD = next(each for each in BUNDLES if each.name == "linkerd-smi")
SDK = next(each for each in BUNDLES if each.name == "smi-sdk-go")


def test_quantities_become_whole_numbers_of_the_same_ratio(cluster: Any, session: Session, install: Installing) -> None:
    install(crds_of(LINKERD))
    create(cluster, split("mixed", "v1alpha1", {"a": "500m", "b": 1, "c": "1.5"}))
    move(cluster, session, SPLITS, force_conflicts=True)
    assert weights_of(live(cluster, SPLITS)["TrafficSplit", "mixed"]) == {"a": 500, "b": 1000, "c": 1500}


def test_objects_of_older_shapes_that_a_new_crd_no_longer_serves_are_found(
    cluster: Any, session: Session, install: Installing
) -> None:
    """Whoever upgraded only the CRDs has objects that no served version shows: their content is still stored."""
    old = written("HTTPRouteGroup", "v1alpha1")
    kind = next(each for each in KINDS if each.name == "HTTPRouteGroup")
    install([_crd_of(Listed(kind, ("v1alpha1",)), LIST)])
    create(cluster, old)
    install([_crd_of(next(each for each in SDK.crds if each.kind is kind), LIST)])
    wait_until(lambda: stored_versions(cluster)[kind.crd_name] == ["v1alpha1", "v1alpha4"])
    create(cluster, written("HTTPRouteGroup", "v1alpha4"))
    hidden = live(cluster, GROUPS)["HTTPRouteGroup", old["metadata"]["name"]]
    assert "spec" not in hidden

    planned = move(cluster, session, GROUPS, dry_run=True, force_conflicts=True)
    assert planned.kinds == [
        {"crd": kind.crd_name, "from": ["v1alpha1", "v1alpha4"], "to": "v1alpha4", "objects": 2},
    ]
    assert move(cluster, session, GROUPS, force_conflicts=True).kinds == planned.kinds

    found = live(cluster, GROUPS)
    assert said(found["HTTPRouteGroup", old["metadata"]["name"]]) == said(convert(old, "v1alpha4"))
    assert found["HTTPRouteGroup", "httproutegroup-v1alpha4"]["spec"] == FIELDS["HTTPRouteGroup"]
    assert stored_versions(cluster)[kind.crd_name] == ["v1alpha4"]


def test_headers_change_their_shape_within_a_version(cluster: Any, session: Session, install: Installing) -> None:
    kind = next(each for each in KINDS if each.name == "HTTPRouteGroup")
    install([_crd_of(Listed(kind, ("v1alpha4",)), MAP)])
    create(cluster, written("HTTPRouteGroup", "v1alpha4", MAP))
    assert move(cluster, session, GROUPS, force_conflicts=True).changed
    assert live(cluster, GROUPS)["HTTPRouteGroup", "httproutegroup-v1alpha4"]["spec"] == FIELDS["HTTPRouteGroup"]
    assert not move(cluster, session, GROUPS).changed


def test_the_way_back_to_an_older_version(cluster: Any, session: Session, install: Installing) -> None:
    install(crds_of(LINKERD))
    create(cluster, split("web", "v1alpha1", {"a": "500m", "b": 1}))
    move(cluster, session, SPLITS, force_conflicts=True)
    older = crds({"split": ["v1alpha1"]})
    assert move(cluster, session, older, force_conflicts=True).kinds == [
        {"crd": "trafficsplits.split.smi-spec.io", "from": ["v1alpha4"], "to": "v1alpha1", "objects": 1}
    ]
    assert weights_of(live(cluster, older)["TrafficSplit", "web"]) == {"a": "500m", "b": 1}


def test_one_object_that_cannot_be_written_leaves_everything_as_it_was(
    cluster: Any, session: Session, install: Installing
) -> None:
    kind = next(each for each in KINDS if each.name == "HTTPRouteGroup")
    install([*crds_of(LINKERD), _crd_of(Listed(kind, ("v1alpha1",)), LIST)])
    create(cluster, written("HTTPRouteGroup", "v1alpha1"), split("web", "v1alpha1", {"a": 1}))
    install([_crd_of(next(each for each in SDK.crds if each.kind is kind), LIST)])
    wait_until(lambda: stored_versions(cluster)[kind.crd_name] == ["v1alpha1", "v1alpha4"])
    twice = split("twice", "v1alpha1", {"a": 1})
    twice["spec"]["backends"] *= 2
    loose = crds_of(LINKERD)
    for version in loose[0]["spec"]["versions"]:
        version["schema"] = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    install(loose)
    create(cluster, twice)
    before = state(cluster)

    with pytest.raises(CannotMove, match=r"TrafficSplit smi-storage/twice: cannot .* v1alpha4: spec.backends"):
        move(cluster, session, [*GROUPS, *SPLITS], force_conflicts=True)
    assert state(cluster) == before
    assert backups(cluster) == []


def state(cluster: Any) -> list[Any]:
    """CRDs and objects with the owners of their fields."""
    texts = [
        cluster.kubectl("get", "crd", "-o", "json", "--show-managed-fields"),
        cluster.kubectl("get", "trafficsplits.v1alpha1.split.smi-spec.io", "-A", "-o", "json", "--show-managed-fields"),
    ]
    items = [item for text in texts for item in json.loads(text)["items"]]
    for item in items:
        item.pop("status", None)
        for name in ("resourceVersion", "generation"):
            item["metadata"].pop(name)
        for entry in item["metadata"]["managedFields"]:
            entry.pop("time", None)
    return items


def test_what_belongs_to_others_is_left_to_them(cluster: Any, session: Session, install: Installing) -> None:
    install(crds_of(LINKERD))
    create(cluster, split("web", "v1alpha1", {"a": 1}))
    before = state(cluster)
    with pytest.raises(KubeError, match=r"spec\.versions belongs to field manager"):
        move(cluster, session, SPLITS)
    assert state(cluster) == before


def test_a_plan_changes_nothing_and_can_be_tried(cluster: Any, session: Session, install: Installing) -> None:
    install(crds_of(LINKERD))
    create(cluster, split("web", "v1alpha1", {"a": 1}))
    before = state(cluster)
    planned = move(cluster, session, SPLITS, dry_run=True, force_conflicts=True)
    assert planned.changed
    connection = {"kubeconfig": str(cluster.kubeconfig)}
    converge(Request(connection, planned.definitions, field_manager="tests", force_conflicts=True, dry_run=True))
    assert state(cluster) == before


def test_what_is_stored_in_the_draft_is_moved_where_a_release_can_say_it(
    cluster: Any, session: Session, install: Installing
) -> None:
    targets = [each for each in NEWEST if each["spec"]["names"]["kind"] == "TrafficTarget"]
    install(crds({"access": ["v1alpha4"]})[:1])
    account = {"kind": "ServiceAccount", "name": "web", "namespace": NAMESPACE}
    spec = {"destination": account, "rules": [{"kind": "TCPRoute", "name": "all"}], "sources": [account]}
    head = {"apiVersion": "access.smi-spec.io/v1alpha4", "kind": "TrafficTarget"}
    create(cluster, {**head, "metadata": {"name": "of-accounts", "namespace": NAMESPACE}, "spec": spec})
    binding = {**account, "kind": "IdentityBinding", "group": "access.smi-spec.io"}
    metadata = {"name": "of-bindings", "namespace": NAMESPACE}
    create(cluster, {**head, "metadata": metadata, "spec": {**spec, "sources": [binding]}})
    with pytest.raises(CannotMove, match=r"of-bindings: cannot be stored in v1alpha3: spec\.sources\[0\]\.kind"):
        move(cluster, session, targets, force_conflicts=True)
    cluster.kubectl("-n", NAMESPACE, "delete", "traffictargets.access.smi-spec.io", "of-bindings")
    move(cluster, session, targets, force_conflicts=True)
    found = json.loads(cluster.kubectl("-n", NAMESPACE, "get", "traffictargets.access.smi-spec.io", "-o", "json"))
    assert [(each["apiVersion"], each["spec"]) for each in found["items"]] == [("access.smi-spec.io/v1alpha3", spec)]
    assert stored_versions(cluster)["traffictargets.access.smi-spec.io"] == ["v1alpha3"]


class Cut(BaseException):
    """As if the process were killed here."""


@pytest.mark.parametrize("writes", [0, 2])
def test_a_run_that_is_cut_off_is_gone_on_with(
    cluster: Any, session: Session, install: Installing, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    install(crds_of(LINKERD))
    names = [f"web-{number}" for number in range(6)]
    create(cluster, *(split(name, "v1alpha1", {"a": "500m", "b": 1}) for name in names))
    sent = session.request
    number = count(1)

    def request(method: str, path: str, *args: Any, **kwargs: Any) -> Any:
        if method == "PUT" and "/namespaces/" in path and next(number) > writes:
            raise Cut
        return sent(method, path, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(session, "concurrency", 1)
        patch.setattr(session, "request", request)
        with pytest.raises(Cut):
            move(cluster, session, SPLITS, force_conflicts=True)
    assert len(backups(cluster)) == 1
    # Somebody labels an object that shows in the new version without being written in it.
    cluster.kubectl("-n", NAMESPACE, "label", "trafficsplits.v1alpha4.split.smi-spec.io", names[5], "team=shop")

    move(cluster, session, SPLITS, force_conflicts=True)
    found = live(cluster, SPLITS)
    assert [weights_of(found["TrafficSplit", name]) for name in names] == [{"a": 500, "b": 1000}] * 6
    assert found["TrafficSplit", names[5]]["metadata"]["labels"] == {"team": "shop"}
    assert stored_versions(cluster) == {"trafficsplits.split.smi-spec.io": ["v1alpha4"]}
    assert backups(cluster) == []


def test_what_only_the_api_server_refuses_is_told_and_can_be_mended(
    cluster: Any, session: Session, install: Installing
) -> None:
    install(crds_of(LINKERD))
    # What does not change is not held against new rules (CRDValidationRatcheting): its weight becomes a whole number.
    create(cluster, split("odd", "v1alpha1", {"a": "500m"}), split("web", "v1alpha1", {"a": "500m", "b": 1}))
    strict = json.loads(json.dumps(SPLITS))
    spec = strict[0]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    spec["x-kubernetes-validations"] = [{"rule": "self.backends.size() > 1", "message": "one backend is no split"}]
    with pytest.raises(KubeError, match=r"smi-storage/odd: .* not take it in v1alpha4: .*one backend is no split"):
        move(cluster, session, strict, force_conflicts=True)
    cluster.kubectl("delete", "-n", NAMESPACE, SPLITS[0]["metadata"]["name"], "odd")
    assert move(cluster, session, strict, force_conflicts=True).changed
    assert weights_of(live(cluster, SPLITS)["TrafficSplit", "web"]) == {"a": 500, "b": 1000}


def test_who_applies_an_object_next_meets_no_conflict(cluster: Any, session: Session, install: Installing) -> None:
    install(crds_of(LINKERD))
    options = ("apply", "--server-side", "--field-manager=gitops", "-f", "-")
    cluster.kubectl(*options, stdin=json.dumps(split("web", "v1alpha1", {"a": "500m", "b": 1})))
    move(cluster, session, SPLITS, force_conflicts=True)
    cluster.kubectl(*options, stdin=json.dumps(split("web", "v1alpha4", {"a": 10, "b": 90})))
    assert weights_of(live(cluster, SPLITS)["TrafficSplit", "web"]) == {"a": 10, "b": 90}


PAUSE = 1.0
"""Seconds between two writes of the busy client."""


def moved_at_last(cluster: Any, session: Session) -> bool:
    try:
        move(cluster, session, SPLITS, force_conflicts=True)
    except KubeError as error:
        if "Nothing is lost; run it again" in str(error):
            return False
        raise
    return True


def test_what_others_write_meanwhile_is_not_lost(cluster: Any, session: Session, install: Installing) -> None:
    """A client that keeps creating and changing splits, in whichever version it can: its last word stands."""
    install(crds_of(LINKERD))
    create(cluster, *(split(f"old-{number}", "v1alpha1", {"a": number, "b": 1}) for number in range(30)))
    last: dict[str, int] = {}
    over = False

    def write(number: int) -> None:
        name = f"old-{number % 30}" if number % 2 else f"new-{number}"
        for version in ("v1alpha1", "v1alpha4"):
            body = json.dumps(split(name, version, {"a": number, "b": 1}))
            said = cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=body, check=False)
            if "serverside-applied" in said:
                last[name] = number
                return

    def keep_writing() -> None:
        for number in count(1000):
            if over:
                return
            write(number)
            time.sleep(PAUSE)

    with ThreadPoolExecutor() as executor:
        writer = executor.submit(keep_writing)
        try:
            while not moved_at_last(cluster, session):
                pass
        finally:
            over = True
        writer.result()
    found = live(cluster, SPLITS)
    assert {name: weights_of(found["TrafficSplit", name])["a"] for name in last} == last
    assert len(found) == len({*last, *(f"old-{number}" for number in range(30))})
    assert stored_versions(cluster) == {"trafficsplits.split.smi-spec.io": ["v1alpha4"]}
