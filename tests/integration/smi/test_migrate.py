# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Migration from SMI to the Gateway API against a real API server.

No gateway controller runs: a test writes the status Accepted itself, as a stand-in. The ServiceProfile CRD is a
minimal one, written for these tests.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Severity
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session, open_session
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_migration.steps import Migration, Wishes
from ansible_collections.servicemesh.platform.tests.integration.smi.go_modules import gateway_api

NAMESPACE = "smi-migrate"
SERVICE_PROFILE = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "serviceprofiles.linkerd.io"},
    "spec": {
        "group": "linkerd.io",
        "scope": "Namespaced",
        "names": {"kind": "ServiceProfile", "plural": "serviceprofiles", "singular": "serviceprofile"},
        "versions": [
            {
                "name": "v1alpha2",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}
PROFILE = f"web.{NAMESPACE}.svc.cluster.local"


@pytest.fixture(scope="module", autouse=True)
def kinds(cluster: Any, server: Any) -> Iterator[None]:
    """The CRDs beside those of SMI (that are the fixture ``server``'s)."""
    manifest = gateway_api() / "gateway.networking.k8s.io_httproutes.yaml"
    cluster.kubectl("apply", "--server-side", "-f", str(manifest))
    cluster.apply(SERVICE_PROFILE)
    names = ("crd/httproutes.gateway.networking.k8s.io", "crd/serviceprofiles.linkerd.io")
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", *names)
    yield
    cluster.kubectl("delete", *names)


@pytest.fixture(autouse=True)
def objects(cluster: Any) -> Iterator[None]:
    """A split of the service ``web``, and the profile that linkerd-smi leaves for it."""
    cluster.kubectl("create", "namespace", NAMESPACE)
    head = {"namespace": NAMESPACE}
    ports = {"ports": [{"name": "http", "port": 80, "appProtocol": "http"}]}
    services = [
        {"apiVersion": "v1", "kind": "Service", "metadata": {**head, "name": name}, "spec": ports}
        for name in ("web", "web-v1", "web-v2")
    ]
    backends = [{"service": "web-v1", "weight": 80}, {"service": "web-v2", "weight": 20}]
    split = {
        "apiVersion": "split.smi-spec.io/v1alpha4",
        "kind": "TrafficSplit",
        "metadata": {**head, "name": "web"},
        "spec": {"service": "web", "backends": backends},
    }
    cluster.apply(*services, split)
    profile = {
        "apiVersion": "linkerd.io/v1alpha2",
        "kind": "ServiceProfile",
        "metadata": {**head, "name": PROFILE},
        "spec": {},
    }
    cluster.kubectl("create", "--field-manager=adaptor", "-f", "-", stdin=json.dumps(profile))
    yield
    cluster.kubectl("delete", "namespace", NAMESPACE)


@pytest.fixture
def session(cluster: Any) -> Iterator[Session]:
    with open_session({"kubeconfig": str(cluster.kubeconfig)}) as opened:
        yield opened


def migration(cluster: Any, session: Session, **wishes: Any) -> Migration:
    return Migration(session, Wishes({"kubeconfig": str(cluster.kubeconfig)}, [NAMESPACE], **wishes))


def names(cluster: Any, kind: str) -> list[str]:
    found: str = cluster.kubectl("-n", NAMESPACE, "get", kind, "-o", "jsonpath={.items[*].metadata.name}")
    return found.split()


def state(cluster: Any) -> tuple[int, int, int]:
    """How many splits, routes and profiles there are."""
    kinds = ("trafficsplits.split.smi-spec.io", "httproutes", "serviceprofiles")
    splits, routes, profiles = (len(names(cluster, kind)) for kind in kinds)
    return splits, routes, profiles


def test_check_mode_shows_the_plan_and_changes_nothing(cluster: Any, session: Session) -> None:
    run = migration(cluster, session, dry_run=True)
    run.migrate()
    assert [step["action"] for step in run.result.steps] == ["keep", "create", "await", "delete", "delete"]
    assert run.result.changed
    assert state(cluster) == (1, 0, 1)


def test_the_split_stays_until_its_route_is_accepted(cluster: Any, session: Session) -> None:
    run = migration(cluster, session, wait_timeout=1)
    run.migrate()
    assert "smi-migrate-not-accepted" in [each.id for each in run.result.findings]
    assert state(cluster) == (1, 1, 1)
    accept(cluster)
    again = migration(cluster, session, wait_timeout=1)
    again.migrate()
    assert state(cluster) == (0, 1, 0)


def accept(cluster: Any) -> None:
    """Stand in for a gateway controller: report that it takes the routes."""
    for route in json.loads(cluster.kubectl("-n", NAMESPACE, "get", "httproutes", "-o", "json"))["items"]:
        condition = {
            "type": "Accepted",
            "status": "True",
            "reason": "Accepted",
            "message": "",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
            "observedGeneration": route["metadata"]["generation"],
        }
        parents = [
            {"controllerName": "example.com/test", "parentRef": reference, "conditions": [condition]}
            for reference in route["spec"]["parentRefs"]
        ]
        patch = json.dumps({"status": {"parents": parents}})
        name = route["metadata"]["name"]
        arguments = ("patch", "httproute", name, "--subresource=status", "--type=merge", "-p", patch)
        cluster.kubectl("-n", NAMESPACE, *arguments)


def test_a_second_run_changes_nothing_and_a_rollback_brings_the_split_back(cluster: Any, session: Session) -> None:
    migration(cluster, session, wait=False).migrate()
    assert state(cluster) == (0, 1, 0)
    second = migration(cluster, session, wait=False)
    second.migrate()
    assert not second.result.changed
    migration(cluster, session).roll_back()
    assert state(cluster) == (1, 0, 1)
    last = migration(cluster, session)
    last.roll_back()
    assert not last.result.changed


def test_a_run_cut_off_after_each_step_is_finished_by_the_next(
    cluster: Any, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = {name: getattr(Migration, name) for name in ("_apply", "_delete")}

    def run_until(step: int) -> None:
        left = [step]

        def cut_off(name: str) -> Any:
            def work(self: Migration, objects: Any, *rest: Any) -> None:
                steps[name](self, objects, *rest)
                left[0] -= 1
                if not left[0]:
                    raise InterruptedError

            return work

        for name in steps:
            monkeypatch.setattr(Migration, name, cut_off(name))
        with pytest.raises(InterruptedError):
            migration(cluster, session, wait=False).migrate()
        for name, step_itself in steps.items():
            monkeypatch.setattr(Migration, name, step_itself)

    for step in (1, 2, 3):
        run_until(step)
    assert state(cluster) == (0, 1, 1)
    migration(cluster, session, wait=False).migrate()
    assert state(cluster) == (0, 1, 0)
    migration(cluster, session).roll_back()
    assert state(cluster)[:2] == (1, 0)


def test_a_split_that_is_changed_meanwhile_stays(
    cluster: Any, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    delete = Migration._delete

    def change_first(self: Migration, objects: Any) -> None:
        monkeypatch.setattr(Migration, "_delete", delete)
        cluster.kubectl("-n", NAMESPACE, "annotate", "trafficsplits.split.smi-spec.io", "web", "changed=yes")
        delete(self, objects)

    monkeypatch.setattr(Migration, "_delete", change_first)
    run = migration(cluster, session, wait=False)
    run.migrate()
    assert "smi-migrate-changed" in [each.id for each in run.result.findings]
    assert names(cluster, "trafficsplits.split.smi-spec.io") == ["web"]
    migration(cluster, session, wait=False).migrate()
    assert state(cluster) == (0, 1, 0)


def test_verification(cluster: Any, session: Session) -> None:
    def found() -> set[str]:
        run = migration(cluster, session)
        run.verify()
        return {each.id for each in run.result.findings if each.severity is Severity.ERROR}

    assert found() == {"smi-migrate-left"}
    migration(cluster, session, wait=False).migrate()
    assert found() == {"smi-migrate-not-accepted"}
    accept(cluster)
    assert found() == set()
    cluster.kubectl("-n", NAMESPACE, "delete", "httproutes", "--all")
    assert found() == {"smi-migrate-route-missing"}


def test_a_namespace_with_a_typo_is_told(cluster: Any, session: Session) -> None:
    wishes = Wishes({"kubeconfig": str(cluster.kubeconfig)}, [NAMESPACE, "smi-mgirate"])
    misspelt = Migration(session, wishes)
    misspelt.plan()
    (finding,) = [each for each in misspelt.result.findings if each.id == "smi-migrate-no-namespace"]
    assert (finding.severity, finding.subject) == (Severity.ERROR, "Namespace smi-mgirate")
