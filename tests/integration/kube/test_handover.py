# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets that go from kubectl to this collection and back: the real kubectl and the engine run them afterwards."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Callable

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.kube import lease
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.applyset import FIELD_MANAGER, set_id
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import (
    ApiError,
    ApplySetRefused,
    InvalidArgument,
    Locked,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.handover import Handover, Outcome, hand_over
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.handover_parent import Parent
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import open_session

OURS = "servicemesh.platform"
WEB = "servicemesh.platform/web"
PARENT = "set"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
PART_OF = "applyset.kubernetes.io/part-of"
TOOLING = "applyset.kubernetes.io/tooling"
KINDS = "applyset.kubernetes.io/contains-group-kinds"
RESOURCES = "applyset.kubernetes.io/contains-group-resources"
NAMESPACES = "applyset.kubernetes.io/additional-namespaces"

SIDES = pytest.mark.parametrize("client_side", [False, True], ids=["server-side", "client-side"])

Hand = Callable[..., Outcome]


@dataclass(frozen=True)
class Kubectl:
    """kubectl with one ApplySet."""

    cluster: Any
    namespace: str

    def apply(self, *objects: Any, client_side: bool = False, flags: tuple[str, ...] = ()) -> str:
        """What it says; raises CalledProcessError when it refuses."""
        side = () if client_side else ("--server-side",)
        items = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
        arguments = ("apply", *side, "--prune", f"--applyset=configmap/{PARENT}", "-n", self.namespace, *flags)
        said: str = self.cluster.kubectl(*arguments, "-f", "-", stdin=items)
        return said


@pytest.fixture
def kubectl(cluster: Any, namespace: str, monkeypatch: pytest.MonkeyPatch) -> Kubectl:
    monkeypatch.setenv("KUBECTL_APPLYSET", "true")
    return Kubectl(cluster, namespace)


@pytest.fixture
def applyset(namespace: str) -> dict[str, str]:
    return {"name": PARENT, "namespace": namespace, "kind": "ConfigMap"}


@pytest.fixture
def to_us(connection: dict[str, Any], applyset: dict[str, str]) -> Hand:
    """Hands the set over to this collection, under the field manager of a component."""

    def call(**options: Any) -> Outcome:
        given = {"former": "kubectl", "to": OURS, "field_manager": WEB, **options}
        return hand_over(Handover(connection=connection, applyset=applyset, **given))

    return call


@pytest.fixture
def to_kubectl(connection: dict[str, Any], applyset: dict[str, str]) -> Hand:
    def call(**options: Any) -> Outcome:
        given = {"former": OURS, "to": "kubectl", "managers": [WEB], **options}
        return hand_over(Handover(connection=connection, applyset=applyset, **given))

    return call


@pytest.fixture
def ours(run: Any, applyset: dict[str, str]) -> Any:
    """The engine with the set and the field manager of a component."""

    def call(*objects: Any, **options: Any) -> Any:
        return run(*objects, **{"applyset": applyset, "field_manager": WEB, **options})

    return call


def managers(live: Any, kind: str, name: str, namespace: str) -> list[str]:
    entries = live.get(kind, name, "-n", namespace, "--show-managed-fields")["metadata"]["managedFields"]
    return sorted(f"{each['manager']} {each['operation']}" for each in entries if not each.get("subresource"))


def fields_of(live: Any, kind: str, name: str, namespace: str, manager: str) -> Any:
    entries = live.get(kind, name, "-n", namespace, "--show-managed-fields")["metadata"]["managedFields"]
    return next(each["fieldsV1"] for each in entries if each["manager"] == manager)


def deleted(outcome: Any) -> list[str]:
    return [str(change.key) for change in outcome.changes if change.action == "deleted"]


def snapshot(live: Any, namespace: str) -> Any:
    """Everything of a namespace's ConfigMaps, as it is to the last bit."""
    items = live.get("configmap", "-n", namespace, "--show-managed-fields")["items"]
    return {item["metadata"]["name"]: item for item in items}


@pytest.fixture
def deny(cluster: Any, namespace: str) -> Iterator[Callable[..., None]]:
    """Makes admission refuse some updates of a ConfigMap (by an expression of CEL), until called without one."""
    name = f"deny-{namespace}"

    def call(config_map: str, expression: str = "", probe: str = "probe=1") -> None:
        command = ("annotate", "configmap", config_map, "-n", namespace, "--overwrite", "--dry-run=server", probe)
        if not expression:
            cluster.kubectl("delete", "validatingadmissionpolicybinding,validatingadmissionpolicy", name)
            _until(lambda: "denied" not in cluster.kubectl(*command, check=False))
            return
        rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["configmaps"]}
        scope = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
        policy = {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [rule], "namespaceSelector": scope},
            "validations": [{"expression": f"!({expression})", "message": "denied for the test"}],
        }
        api_version = "admissionregistration.k8s.io/v1"
        metadata = {"name": name}
        cluster.apply(
            {"apiVersion": api_version, "kind": "ValidatingAdmissionPolicy", "metadata": metadata, "spec": policy},
            {
                "apiVersion": api_version,
                "kind": "ValidatingAdmissionPolicyBinding",
                "metadata": metadata,
                "spec": {"policyName": name, "validationActions": ["Deny"]},
            },
        )
        _until(lambda: "denied" in cluster.kubectl(*command, check=False))

    yield call
    cluster.kubectl("delete", "validatingadmissionpolicybinding,validatingadmissionpolicy", name, "--ignore-not-found")


def _until(condition: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _attempt in range(100):
        if condition():
            return
        pause.wait(0.1)
    pytest.fail("it did not come")


# --- from kubectl to us


@SIDES
def test_a_set_of_kubectl_goes_on_with_us(
    kubectl: Kubectl, make: Any, to_us: Hand, ours: Any, live: Any, client_side: bool
) -> None:
    a, b = make.config_map("a", kept="1", changed="1", dropped="1"), make.config_map("b", key="1")
    kubectl.apply(a, b, make.service_account("s"), client_side=client_side)
    outcome = to_us()
    assert (outcome.changed, outcome.moved, outcome.unchanged, outcome.left_alone) == (True, 3, 0, 0)
    assert outcome.tooling_before.startswith("kubectl/v1.")
    assert outcome.tooling == "servicemesh.platform/v1"
    assert outcome.warnings == []
    assert managers(live, "configmap", "a", make.namespace) == [f"{WEB} Apply"]
    assert not ours(a, b, make.service_account("s")).changed
    done = ours(make.config_map("a", kept="1", changed="2"), make.config_map("c"))
    assert live.get("configmap", "a", "-n", make.namespace)["data"] == {"kept": "1", "changed": "2"}
    assert sorted(deleted(done)) == [f"ConfigMap {make.namespace}/b", f"ServiceAccount {make.namespace}/s"]
    assert live.names("configmap", make.namespace) == ["a", "c", PARENT]
    with pytest.raises(subprocess.CalledProcessError) as refused:
        kubectl.apply(a, client_side=client_side)
    assert 'is managed by tooling "servicemesh.platform" instead of "kubectl"' in refused.value.stderr


@SIDES
def test_the_parent_is_as_if_it_had_always_been_ours(
    kubectl: Kubectl, make: Any, to_us: Hand, ours: Any, live: Any, client_side: bool
) -> None:
    kubectl.apply(make.config_map("a"), client_side=client_side)
    to_us()
    metadata = live.get("configmap", PARENT, "-n", make.namespace)["metadata"]
    assert metadata["annotations"] == {TOOLING: "servicemesh.platform/v1", KINDS: "ConfigMap", NAMESPACES: ""}
    assert metadata["labels"]["app.kubernetes.io/managed-by"] == OURS
    assert managers(live, "configmap", PARENT, make.namespace) == [f"{FIELD_MANAGER} Apply"]


def test_nothing_of_client_side_apply_is_left(kubectl: Kubectl, make: Any, to_us: Hand, live: Any) -> None:
    kubectl.apply(make.config_map("a", key="1"), client_side=True)
    assert LAST_APPLIED in live.get("configmap", "a", "-n", make.namespace)["metadata"]["annotations"]
    to_us()
    assert "annotations" not in live.get("configmap", "a", "-n", make.namespace)["metadata"]


def test_from_client_side_to_server_side_to_us(kubectl: Kubectl, make: Any, to_us: Hand, ours: Any, live: Any) -> None:
    kubectl.apply(make.config_map("a", key="1", old="1"), client_side=True)
    kubectl.apply(make.config_map("a", key="1"))
    assert "kubectl-last-applied Apply" in managers(live, "configmap", "a", make.namespace)
    to_us()
    assert managers(live, "configmap", "a", make.namespace) == [f"{WEB} Apply"]
    assert "annotations" not in live.get("configmap", "a", "-n", make.namespace)["metadata"]
    assert not ours(make.config_map("a", key="1")).changed
    assert ours(make.config_map("a")).changed
    assert "data" not in live.get("configmap", "a", "-n", make.namespace)


def workloads(make: Any) -> list[dict[str, Any]]:
    """Objects whose fields the server and its admission fill up, some of them for good."""
    metadata = {"namespace": make.namespace}
    ports = [{"name": "udp", "port": 53, "protocol": "UDP"}, {"name": "tcp", "port": 53}]
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {**metadata, "name": "web"}}
    service["spec"] = {"selector": {"app": "web"}, "ports": ports}
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {**metadata, "name": "claim"}}
    claim["spec"] = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {**metadata, "name": "pod"}}
    pod["spec"] = {"containers": [{"name": "c", "image": "i"}]}
    return [service, claim, pod, make.deployment("web", volumes=[{"name": "v", "emptyDir": {}}]), make.job("job")]


@pytest.fixture
def storage_class(cluster: Any) -> Iterator[None]:
    metadata = {"name": "usual", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}
    kind = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "provisioner": "example.com/none"}
    cluster.apply({**kind, "metadata": metadata})
    yield
    cluster.kubectl("delete", "storageclass", "usual")


@SIDES
def test_what_the_server_filled_in_stays_the_servers(
    kubectl: Kubectl, make: Any, to_us: Hand, ours: Any, live: Any, storage_class: None, client_side: bool
) -> None:
    kubectl.apply(*workloads(make), client_side=client_side)
    claim = live.get("pvc", "claim", "-n", make.namespace)["spec"]
    assert claim["storageClassName"] == "usual"
    assert to_us().moved == 5
    assert not ours(*workloads(make)).changed
    assert live.get("pvc", "claim", "-n", make.namespace)["spec"] == claim
    web = make.deployment("web", volumes=[{"name": "v", "configMap": {"name": "c"}}])
    ours(*workloads(make)[:3], web, make.job("job"))
    volumes = live.get("deployment", "web", "-n", make.namespace)["spec"]["template"]["spec"]["volumes"]
    assert volumes == [{"name": "v", "configMap": {"name": "c", "defaultMode": 420}}]


def test_a_default_that_has_changed_since_is_not_filled_in_again(
    kubectl: Kubectl, make: Any, make_crd: Any, to_us: Hand, ours: Any, live: Any, cluster: Any
) -> None:
    group = f"{make.namespace}.example.com"
    definition = make_crd("lamps", "Lamp", group)
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": {}}}}
    definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = schema
    for default in ("old", "new"):
        properties = {name: {"type": "string"} for name in ("written", "light")}
        schema["properties"]["spec"]["properties"] = {**properties, "light": {"type": "string", "default": default}}
        cluster.apply(definition)
        cluster.kubectl("wait", "--for=condition=Established", f"crd/lamps.{group}")
        if default == "old":
            metadata = {"name": "l", "namespace": make.namespace}
            lamp = {"apiVersion": f"{group}/v1", "kind": "Lamp", "metadata": metadata, "spec": {"written": "1"}}
            kubectl.apply(lamp, client_side=True)
    to_us()
    ours({**lamp, "spec": {"written": "2"}})
    assert live.get(f"lamps.{group}", "l", "-n", make.namespace)["spec"] == {"written": "2", "light": "old"}
    cluster.kubectl("delete", "crd", f"lamps.{group}")


def test_what_was_written_client_side_becomes_what_an_apply_owns(
    kubectl: Kubectl, make: Any, to_us: Hand, ours: Any, live: Any, storage_class: None
) -> None:
    kubectl.apply(*workloads(make), client_side=True)
    to_us()
    kinds = [("service", "web"), ("pvc", "claim"), ("pod", "pod"), ("deployment", "web"), ("job", "job")]
    moved = [fields_of(live, kind, name, make.namespace, WEB) for kind, name in kinds]
    ours(*workloads(make), field_manager="other", force_conflicts=True, applyset=None)
    for fields in moved:
        assert fields["f:metadata"]["f:labels"].pop(f"f:{PART_OF}") == {}
        if not fields["f:metadata"]["f:labels"]:
            del fields["f:metadata"]
    assert [fields_of(live, kind, name, make.namespace, "other") for kind, name in kinds] == moved


def test_a_secret_that_was_written_as_text(kubectl: Kubectl, make: Any, to_us: Hand, ours: Any, live: Any) -> None:
    kubectl.apply(make.secret("s", one="1", two="2"), client_side=True)
    to_us()
    assert not ours(make.secret("s", one="1", two="2")).changed
    ours(make.secret("s", one="1"))
    assert live.get("secret", "s", "-n", make.namespace)["data"] == {"one": "MQ=="}


def test_an_object_that_changed_its_version(kubectl: Kubectl, make: Any, to_us: Hand, ours: Any, live: Any) -> None:
    """It was applied on the client's side in two versions, so that some fields are owned in the old one only."""
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    metadata = {"name": "web", "namespace": make.namespace}
    old = {"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": metadata}
    old["spec"] = {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 5, "targetCPUUtilizationPercentage": 50}
    metrics = [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization"}}}]
    metrics[0]["resource"]["target"]["averageUtilization"] = 60
    new = {**old, "apiVersion": "autoscaling/v2"}
    new["spec"] = {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 6, "metrics": metrics}
    kubectl.apply(old, client_side=True)
    kubectl.apply(new, client_side=True)
    to_us()
    assert not ours(new).changed
    assert ours({**new, "spec": {"scaleTargetRef": target, "maxReplicas": 6, "metrics": metrics}}).changed
    assert live.get("hpa", "web", "-n", make.namespace)["spec"]["minReplicas"] == 1


@SIDES
def test_kubectl_with_another_field_manager(
    kubectl: Kubectl, make: Any, to_us: Hand, ours: Any, live: Any, client_side: bool
) -> None:
    kubectl.apply(make.config_map("a", key="1", old="1"), client_side=client_side, flags=("--field-manager=ci",))
    before = snapshot(live, make.namespace)
    with pytest.raises(ApplySetRefused) as refused:
        to_us()
    assert f"field manager ci: ConfigMap {make.namespace}/a\nName all field managers of kubectl in managers." in str(
        refused.value
    )
    assert snapshot(live, make.namespace) == before
    assert to_us(managers=["ci"]).moved == 1
    ours(make.config_map("a", key="2"))
    assert live.get("configmap", "a", "-n", make.namespace)["data"] == {"key": "2"}


def test_members_without_a_namespace(kubectl: Kubectl, make: Any, to_us: Hand, ours: Any, cluster: Any) -> None:
    name = f"{make.namespace}-more"
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name}}
    kubectl.apply(make.config_map("a"), space, role)
    assert to_us().moved == 3
    assert not ours(make.config_map("a"), space, role).changed
    done = ours(make.config_map("a"), wait=True)
    assert sorted(deleted(done)) == [f"ClusterRole {name}", f"Namespace {name}"]


def test_a_parent_of_an_older_kubectl(
    kubectl: Kubectl, make: Any, to_us: Hand, ours: Any, cluster: Any, live: Any
) -> None:
    """Before 1.29 the scope was written as resources instead of kinds."""
    kubectl.apply(make.config_map("a"), make.deployment("web"))
    place = ("configmap", PARENT, "-n", make.namespace)
    cluster.kubectl("annotate", *place, f"{KINDS}-", f"{RESOURCES}=configmaps,deployments.apps")
    assert to_us().moved == 2
    annotations = live.get(*place)["metadata"]["annotations"]
    assert annotations[KINDS] == "ConfigMap,Deployment.apps"
    assert deleted(ours(make.config_map("a"))) == [f"Deployment {make.namespace}/web"]


def test_a_set_of_another_tool(make: Any, to_us: Hand, ours: Any, cluster: Any, applyset: dict[str, str]) -> None:
    """Any tool that keeps to KEP-3659 will do, when its field manager is named."""
    parent = make.config_map(PARENT)
    parent["metadata"]["labels"] = {"applyset.kubernetes.io/id": set_id(**applyset)}
    parent["metadata"]["annotations"] = {TOOLING: "example/tool/v2", KINDS: "ConfigMap"}
    members = [make.config_map("a", key="1"), make.config_map("b")]
    for member in members:
        member["metadata"]["labels"] = {PART_OF: set_id(**applyset)}
    items = json.dumps({"apiVersion": "v1", "kind": "List", "items": [parent, *members]})
    cluster.kubectl("apply", "--server-side", "--field-manager=tool", "-f", "-", stdin=items)
    with pytest.raises(ApplySetRefused, match="say from: example/tool"):
        to_us()
    assert to_us(former="example/tool", managers=["tool"]).moved == 2
    done = ours(make.config_map("a", key="2"))
    assert deleted(done) == [f"ConfigMap {make.namespace}/b"]


# --- from us to kubectl


@SIDES
def test_a_set_of_ours_goes_on_with_kubectl(
    kubectl: Kubectl, make: Any, to_kubectl: Hand, ours: Any, live: Any, client_side: bool
) -> None:
    a, b = make.config_map("a", kept="1", changed="1", dropped="1"), make.config_map("b", key="1")
    web = make.deployment("web", terminationGracePeriodSeconds=5)
    ours(a, b, web, make.service_account("s"))
    outcome = to_kubectl(client_side=client_side)
    assert (outcome.moved, outcome.unchanged, outcome.warnings) == (4, 0, [])
    assert outcome.tooling.startswith("kubectl/v1.")
    name = "kubectl-client-side-apply Update" if client_side else "kubectl Apply"
    assert managers(live, "configmap", "a", make.namespace) == [name]
    again = kubectl.apply(a, b, web, make.service_account("s"), client_side=client_side)
    assert "pruned" not in again
    a = make.config_map("a", kept="1", changed="2")
    said = kubectl.apply(a, make.deployment("web"), client_side=client_side)
    assert live.get("configmap", "a", "-n", make.namespace)["data"] == {"kept": "1", "changed": "2"}
    pod = live.get("deployment", "web", "-n", make.namespace)["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] == 30
    assert sorted(line for line in said.splitlines() if "pruned" in line) == [
        "configmap/b pruned",
        "serviceaccount/s pruned",
    ]
    with pytest.raises(ApplySetRefused, match="is run by other tooling: kubectl/v1"):
        ours(a)


def test_client_side_apply_finds_nothing_to_do_afterwards(
    kubectl: Kubectl, make: Any, to_kubectl: Hand, ours: Any, live: Any
) -> None:
    objects = [make.config_map("a", key='1 < 2 & ä \n"\u2028'), make.deployment("web"), make.service_account("s")]
    ours(*objects)
    to_kubectl(client_side=True)
    said = kubectl.apply(*objects, client_side=True)
    assert [line.split()[-1] for line in said.splitlines()] == ["unchanged", "unchanged", "unchanged"]


def test_the_parent_is_as_if_it_had_always_been_kubectls(
    kubectl: Kubectl, make: Any, to_kubectl: Hand, ours: Any, live: Any
) -> None:
    """Nothing is left of what we keep in it for ourselves."""
    web = make.deployment("web")
    web["spec"]["template"]["spec"]["containers"][0]["resources"] = {"limits": {"cpu": "1000m"}}
    for _run in range(2):
        ours(web)
    parent = live.get("configmap", PARENT, "-n", make.namespace)
    assert "settled" in parent["binaryData"]
    assert "servicemesh.platform/circumstances" in parent["metadata"]["annotations"]
    to_kubectl()
    assert managers(live, "configmap", PARENT, make.namespace) == ["kubectl-applyset Apply"]
    handed = live.get("configmap", PARENT, "-n", make.namespace)
    kubectl.apply(web)
    assert live.get("configmap", PARENT, "-n", make.namespace) == handed
    assert sorted(handed) == ["apiVersion", "kind", "metadata"]
    assert sorted(handed["metadata"]["annotations"]) == [NAMESPACES, KINDS, TOOLING]
    assert list(handed["metadata"]["labels"]) == ["applyset.kubernetes.io/id"]


def test_kubectl_does_not_stumble_over_a_kind_that_is_gone(
    kubectl: Kubectl, make: Any, make_crd: Any, to_kubectl: Hand, ours: Any, live: Any, cluster: Any
) -> None:
    ours(make.config_map("a"))
    place = ("configmap", PARENT, "-n", make.namespace)
    cluster.kubectl("annotate", "--overwrite", *place, f"{KINDS}=ConfigMap,Gone.example.com")
    to_kubectl()
    assert live.get(*place)["metadata"]["annotations"][KINDS] == "ConfigMap"
    kubectl.apply(make.config_map("a"))


def test_members_in_other_namespaces_are_beyond_kubectl(
    kubectl: Kubectl, make: Any, to_kubectl: Hand, ours: Any, cluster: Any, live: Any
) -> None:
    """It is told the namespace of the parent, and then takes no objects of others, but would prune them."""
    name = f"{make.namespace}-more"
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    within = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": name}}
    ours(make.config_map("a"), space, within)
    before = snapshot(live, make.namespace)
    with pytest.raises(ApplySetRefused, match=f"would delete the members in other namespaces:\nConfigMap {name}/x\n"):
        to_kubectl()
    assert snapshot(live, make.namespace) == before
    ours(make.config_map("a"), space)
    cluster.kubectl("annotate", "--overwrite", "configmap", PARENT, "-n", make.namespace, f"{NAMESPACES}={name}")
    to_kubectl()
    assert live.get("configmap", PARENT, "-n", make.namespace)["metadata"]["annotations"][NAMESPACES] == ""
    kubectl.apply(make.config_map("a"))
    cluster.kubectl("wait", "--for=delete", f"namespace/{name}")


def test_fields_of_other_components_stay_theirs(
    kubectl: Kubectl, make: Any, to_kubectl: Hand, ours: Any, run: Any, live: Any
) -> None:
    ours(make.config_map("a", own="1"))
    run(fragments=[make.config_map("a", part="1")], field_manager="servicemesh.platform/part")
    to_kubectl()
    assert managers(live, "configmap", "a", make.namespace) == ["kubectl Apply", "servicemesh.platform/part Apply"]
    kubectl.apply(make.config_map("a"))
    assert live.get("configmap", "a", "-n", make.namespace)["data"] == {"part": "1"}


def test_the_wrong_field_manager_of_ours_is_told(make: Any, to_kubectl: Hand, ours: Any, live: Any) -> None:
    ours(make.config_map("a"))
    with pytest.raises(ApplySetRefused, match=f"field manager {WEB}: ConfigMap {make.namespace}/a"):
        to_kubectl(managers=[])
    with pytest.raises(InvalidArgument, match="is one of this collection: name that in managers"):
        to_kubectl(managers=[], field_manager=WEB)
    assert live.get("configmap", PARENT, "-n", make.namespace)["metadata"]["annotations"][TOOLING].startswith(OURS)


def test_an_object_too_large_for_client_side_apply(make: Any, to_kubectl: Hand, ours: Any, kubectl: Kubectl) -> None:
    large = make.config_map("a", key="x" * 262144)
    ours(large)
    for dry_run in (True, False):
        with pytest.raises(ApplySetRefused, match="is too large for client-side apply"):
            to_kubectl(client_side=True, dry_run=dry_run)
    assert to_kubectl().moved == 1
    kubectl.apply(large)


# --- there and back


@SIDES
def test_there_and_back_is_as_before(
    kubectl: Kubectl, make: Any, to_us: Hand, to_kubectl: Hand, ours: Any, live: Any, client_side: bool
) -> None:
    objects = [make.config_map("a", key="1"), *workloads(make)]
    ours(*objects)
    kinds = [("configmap", "a"), ("service", "web"), ("deployment", "web"), ("job", "job")]
    before = [fields_of(live, kind, name, make.namespace, WEB) for kind, name in kinds]
    to_kubectl(client_side=client_side)
    to_us()
    assert [fields_of(live, kind, name, make.namespace, WEB) for kind, name in kinds] == before
    assert not ours(*objects).changed
    assert "annotations" not in live.get("configmap", "a", "-n", make.namespace)["metadata"]


@SIDES
def test_a_second_hand_over_changes_nothing(
    kubectl: Kubectl, make: Any, to_us: Hand, to_kubectl: Hand, live: Any, client_side: bool
) -> None:
    kubectl.apply(make.config_map("a"), client_side=client_side)
    for call, options in ((to_us, {}), (to_kubectl, {"client_side": client_side})):
        assert call(**options).changed
        before = snapshot(live, make.namespace)
        again = call(**options, diff=True)
        assert (again.changed, again.moved, again.unchanged, again.diffs) == (False, 0, 1, [])
        assert snapshot(live, make.namespace) == before


def test_a_hand_over_that_is_done_takes_no_more(
    kubectl: Kubectl, make: Any, to_us: Hand, ours: Any, live: Any, cluster: Any
) -> None:
    """What somebody applies to a member with kubectl later is not of the set, and is not taken."""
    kubectl.apply(make.config_map("a", own="1"))
    to_us()
    cluster.apply(make.config_map("a", later="1"))
    assert not to_us().changed
    ours(make.config_map("a", own="1"))
    assert live.get("configmap", "a", "-n", make.namespace)["data"] == {"own": "1", "later": "1"}


@SIDES
def test_check_mode_tells_what_the_run_then_does(
    kubectl: Kubectl, make: Any, to_us: Hand, to_kubectl: Hand, live: Any, client_side: bool
) -> None:
    kubectl.apply(make.config_map("a"), make.config_map("b"), client_side=client_side)
    for call, options in ((to_us, {}), (to_kubectl, {"client_side": client_side})):
        before = snapshot(live, make.namespace)
        planned = call(**options, dry_run=True, diff=True)
        assert snapshot(live, make.namespace) == before
        assert planned == call(**options, diff=True)
        assert planned.moved == 2
        assert len(planned.diffs) == 3


def test_the_difference_names_tooling_and_managers(kubectl: Kubectl, make: Any, to_us: Hand) -> None:
    kubectl.apply(make.config_map("a"), client_side=True)
    parent, member = to_us(diff=True).diffs
    assert parent["before_header"] == f"ApplySet {PARENT} (ConfigMap {make.namespace}/{PARENT})"
    assert f"{TOOLING}: kubectl/v1." in parent["before"]
    assert "  - kubectl-applyset (Apply)\n" in parent["before"]
    assert f"{TOOLING}: servicemesh.platform/v1\n" in parent["after"]
    assert f"  - {FIELD_MANAGER} (Apply)\n" in parent["after"]
    assert member == {
        "before_header": f"ConfigMap {make.namespace}/a",
        "after_header": f"ConfigMap {make.namespace}/a",
        "before": f"field managers:\n  - kubectl-client-side-apply (Update)\nannotation: {LAST_APPLIED}\n",
        "after": f"field managers:\n  - {WEB} (Apply)\n",
    }


# --- cut off, and at the same time


@SIDES
def test_a_hand_over_that_a_member_refuses_can_be_run_again(
    kubectl: Kubectl, make: Any, to_us: Hand, ours: Any, live: Any, deny: Any, client_side: bool
) -> None:
    objects = [make.config_map(f"m{number}", key="1") for number in range(10)]
    kubectl.apply(*objects, client_side=client_side)
    deny("m7", "object.metadata.name == 'm7'")
    with pytest.raises(ApplySetRefused, match="1 of 10 members of ApplySet") as planned:
        to_us(dry_run=True)
    with pytest.raises(ApplySetRefused, match="1 of 10 members of ApplySet") as failed:
        to_us()
    assert str(planned.value) == str(failed.value)
    assert f"ConfigMap {make.namespace}/m7: " in str(failed.value)
    assert "denied for the test" in str(failed.value)
    with pytest.raises(ApplySetRefused, match="is run by other tooling: kubectl/v1"):
        ours(*objects)
    deny("m7")
    assert to_us(dry_run=True).moved == 1
    kubectl.apply(*objects, client_side=client_side)  # whose the set still is
    assert to_us().changed
    assert not ours(*objects).changed
    assert deleted(ours(*objects[1:])) == [f"ConfigMap {make.namespace}/m0"]


def test_a_hand_over_that_ends_before_the_parent_can_be_run_again(
    kubectl: Kubectl, make: Any, to_us: Hand, to_kubectl: Hand, ours: Any, deny: Any, live: Any
) -> None:
    """The parent refuses its last write, so that all members have moved and it has not."""
    ours(make.config_map("a", key="1"), make.config_map("b"))
    for call, begin in ((to_kubectl, "kubectl"), (to_us, OURS)):
        is_parent = f"object.metadata.name == '{PARENT}'"
        deny(
            PARENT,
            f"{is_parent} && object.metadata.annotations['{TOOLING}'].startsWith('{begin}')",
            f"{TOOLING}={begin}/v0",
        )
        with pytest.raises(ApiError, match="denied for the test"):
            call()
        deny(PARENT, probe=f"{TOOLING}={begin}/v0")
        again = call()
        assert (again.changed, again.moved, again.unchanged) == (True, 0, 2)
    done = ours(make.config_map("a", key="2"))
    assert deleted(done) == [f"ConfigMap {make.namespace}/b"]
    assert managers(live, "configmap", PARENT, make.namespace) == [f"{FIELD_MANAGER} Apply"]


def test_a_member_that_changes_all_the_time_is_moved(
    kubectl: Kubectl, make: Any, to_us: Hand, ours: Any, live: Any, connection: dict[str, Any]
) -> None:
    objects = [make.config_map(f"m{number}") for number in range(8)]
    kubectl.apply(*objects)
    stop = threading.Event()

    def disturb() -> None:
        path = f"/api/v1/namespaces/{make.namespace}/configmaps"
        with open_session(connection) as session:
            for count in range(10000):
                body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"annotations": {"count": str(count)}}}
                for name in ("m0", "m4", PARENT):
                    body["metadata"]["name"] = name  # type: ignore[index]
                    query = {"fieldManager": "disturber", "force": "true"}
                    session.request("PATCH", f"{path}/{name}", query, body, "application/apply-patch+yaml")
                if stop.wait(0.005):
                    return

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        assert to_us().moved == 8
    finally:
        stop.set()
        thread.join()
    assert not ours(*objects).changed
    assert managers(live, "configmap", "m0", make.namespace) == ["disturber Apply", f"{WEB} Apply"]


@pytest.mark.parametrize("kind", ["configmap", "serviceaccount"])
def test_what_kubectl_does_until_the_parent_is_ours_is_taken_too(
    kubectl: Kubectl, make: Any, to_us: Hand, ours: Any, live: Any, monkeypatch: Any, kind: str
) -> None:
    """kubectl runs when all members have moved, and adds one, which may be of a new kind."""
    give = Parent.give
    new = make.config_map("new", key="1") if kind == "configmap" else make.service_account("new")

    def give_late(parent: Parent, *arguments: Any) -> None:
        if parent.tool == "kubectl" and not live.get(kind, "-n", make.namespace, "-l", "late=yes")["items"]:
            new["metadata"]["labels"] = {"late": "yes"}
            kubectl.apply(make.config_map("a", key="1"), new)
        give(parent, *arguments)

    kubectl.apply(make.config_map("a", key="1"))
    monkeypatch.setattr(Parent, "give", give_late)
    assert to_us().moved == 3
    assert managers(live, "configmap", "a", make.namespace) == [f"{WEB} Apply"]
    assert managers(live, kind, "new", make.namespace) == [f"{WEB} Apply"]
    assert deleted(ours(make.config_map("a", key="2"))) == [f"{new['kind']} {make.namespace}/new"]


def test_a_hand_over_that_is_killed_can_be_run_again(
    kubectl: Kubectl, make: Any, to_us: Hand, ours: Any, live: Any, cluster: Any, session: Any, applyset: Any
) -> None:
    objects = [make.config_map(f"m{number}", key="1", old="1") for number in range(150)]
    kubectl.apply(*objects)
    given = {"connection": {"kubeconfig": str(cluster.kubeconfig)}, "applyset": applyset, "field_manager": WEB}
    code = f"from {Handover.__module__} import *; hand_over(Handover(former='kubectl', to='{OURS}', **{given!r}))"
    run = subprocess.Popen([sys.executable, "-c", code])
    path = f"/api/v1/namespaces/{make.namespace}/configmaps"

    def moved() -> int:
        entries = [item["metadata"]["managedFields"][0] for item in session.list_metadata(path, PART_OF)]
        return sum(entry["manager"] == WEB for entry in entries)

    _until(lambda: moved() > 0)
    run.kill()
    run.wait()
    assert 0 < moved() < 150
    with pytest.raises(ApplySetRefused, match="is run by other tooling: kubectl/v1"):
        ours(*objects)
    cluster.kubectl("delete", "lease", f"applyset-{PARENT}", "-n", make.namespace)  # or wait until it is old
    before = moved()
    outcome = to_us()
    assert (outcome.moved, outcome.unchanged) == (150 - before, before)
    assert not ours(*objects).changed
    ours(*[make.config_map(f"m{number}", key="1") for number in range(149)])
    found = live.get("configmap", "-n", make.namespace, "-l", PART_OF)["items"]
    assert [item["data"] for item in found] == [{"key": "1"}] * 149


def test_one_run_at_a_time(kubectl: Kubectl, make: Any, to_us: Hand, session: Any) -> None:
    kubectl.apply(make.config_map("a"))
    with lease.held(session, make.namespace, f"applyset-{PARENT}", 0):
        with pytest.raises(Locked, match=rf"ApplySet {PARENT} .*: Another run is at work on it"):
            to_us(lock_timeout=0)
        assert to_us(lock_timeout=0, dry_run=True).changed
    assert to_us(lock_timeout=0).changed


# --- refusals


def test_who_runs_the_set_must_be_named_rightly(
    kubectl: Kubectl, make: Any, to_us: Hand, to_kubectl: Hand, ours: Any, live: Any
) -> None:
    kubectl.apply(make.config_map("a"))
    before = snapshot(live, make.namespace)
    with pytest.raises(ApplySetRefused, match=r"is run by kubectl/v1\.\S+, not by helm\. .* say from: kubectl\."):
        to_us(former="helm", managers=["helm"])
    assert snapshot(live, make.namespace) == before


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"former": OURS}, "there is nothing to hand over"),
        ({"client_side": True}, "client_side is for to: kubectl only"),
        ({"former": "helm"}, "name the field managers under which helm applies"),
        ({"managers": ["ci"], "field_manager": "ci"}, "only one of them can use it"),
    ],
)
def test_options_that_contradict_one_another(to_us: Hand, options: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidArgument, match=reason):
        to_us(**options)


def test_a_set_that_does_not_exist_is_refused(to_us: Hand, make: Any) -> None:
    with pytest.raises(ApplySetRefused, match=f"There is no ApplySet {PARENT} .ConfigMap {make.namespace}/{PARENT}."):
        to_us()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (["label", "--overwrite", "applyset.kubernetes.io/id=applyset-other-v1"], "was tampered with: its label"),
        (["label", "applyset.kubernetes.io/id-"], "was tampered with: its label"),
        (["annotate", f"{KINDS}-"], "was tampered with: it has no annotation"),
        (["annotate", f"{KINDS}-", f"{RESOURCES}=configmaps,gone.example.com"], "does not serve gone.example.com"),
        (["annotate", f"{TOOLING}-"], "is not the parent of an ApplySet"),
    ],
)
def test_a_parent_that_was_tampered_with_is_refused(
    kubectl: Kubectl, make: Any, to_us: Hand, cluster: Any, live: Any, change: list[str], reason: str
) -> None:
    kubectl.apply(make.config_map("a"))
    cluster.kubectl(change[0], "configmap", PARENT, "-n", make.namespace, *change[1:])
    before = snapshot(live, make.namespace)
    with pytest.raises(ApplySetRefused, match=reason):
        to_us()
    assert snapshot(live, make.namespace) == before


@SIDES
def test_a_copy_is_left_alone(
    kubectl: Kubectl, make: Any, to_us: Hand, to_kubectl: Hand, ours: Any, cluster: Any, live: Any, client_side: bool
) -> None:
    kubectl.apply(make.config_map("a"), client_side=client_side)
    copy = live.get("configmap", "a", "-n", make.namespace)
    metadata = {key: copy["metadata"].get(key) or {} for key in ("labels", "annotations")}
    copy["metadata"] = {**metadata, "name": "copy", "namespace": make.namespace}
    cluster.kubectl("create", "-f", "-", stdin=json.dumps(copy))
    before = live.get("configmap", "copy", "-n", make.namespace)
    outcome = to_us()
    assert (outcome.moved, outcome.left_alone) == (1, 1)
    assert outcome.warnings[0].startswith(f"ConfigMap {make.namespace}/copy is left alone: its label {PART_OF} says ")
    assert ours(make.config_map("a")).changed is False
    back = to_kubectl(client_side=client_side)
    assert (back.moved, back.left_alone) == (1, 1)
    assert "kubectl goes by the label alone and would delete it in its next run" in back.warnings[0]
    assert live.get("configmap", "copy", "-n", make.namespace) == before


# --- the module


def test_the_module_hands_over_and_tells(kubectl: Kubectl, make: Any, ansible: Any, applyset: dict[str, str]) -> None:
    kubectl.apply(make.config_map("a"))
    arguments = {**applyset, "module": "applyset_handover", "from": "kubectl", "to": OURS, "field_manager": WEB}
    planned = ansible("--check", "--diff", **arguments)
    done = ansible("--diff", **arguments)
    assert {**planned, "output": ""} == {**done, "output": ""}
    assert done["changed"]
    assert done["parent"] == {**applyset, "tooling": "servicemesh.platform/v1"}
    assert done["members"] == {"moved": 1, "unchanged": 0, "left_alone": 0}
    assert [each["after_header"].split()[0] for each in done["diff"]] == ["ApplySet", "ConfigMap"]
    assert not ansible("--diff", **arguments)["changed"]
    wrong = ansible(**{**arguments, "name": "none"})
    assert wrong["failed"]
    assert wrong["msg"].startswith("There is no ApplySet none")
