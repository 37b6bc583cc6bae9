# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role controllers makes of its variables: the objects, and nothing that is not asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.servicemesh.platform.plugins.module_utils.variables import controllers
from ansible_collections.servicemesh.platform.plugins.module_utils.variables.model import Inventory

ROLE = Path(__file__).parents[3] / "roles" / "controllers"
OPTIONS = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
BARE = {"name": "web", "namespace": "shop", "module": "example.com/web", "version": "v1.2.3+build"}
REFERENCE = "registry.embedded/web@sha256:" + "a" * 64

Object = dict[str, Any]


def objects(state: str = "pushed", only_known: bool = False, **changes: Any) -> dict[str, Object]:
    """The objects of one controller by kind."""
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
    given = {**defaults, "controllers_workloads": [{**BARE, **changes}]}
    typed = ArgumentSpecValidator(OPTIONS).validate(given).validated_parameters
    variables = {
        "__controllers": controllers.derived(typed, Inventory("demo", {}, {})),
        "__controllers_images": {"images": {"web": {"reference": REFERENCE, "state": state}}},
        "__controllers_known": ["web"] if state != "to come" else [],
        "__controllers_only_known": only_known,
    }
    text = trust_as_template((ROLE / "templates" / "controllers.yaml.j2").read_text())
    rendered = Templar(DataLoader(), variables=variables).template(text)
    found = list(yaml.safe_load_all(rendered))
    assert len({each["kind"] for each in found}) == len(found)
    return {each["kind"]: each for each in found}


def pod(**changes: Any) -> Object:
    spec: Object = objects(**changes)["Deployment"]["spec"]["template"]["spec"]
    return spec


def container(**changes: Any) -> Object:
    (only,) = pod(**changes)["containers"]
    found: Object = only
    return found


def test_a_bare_one_has_no_rights_and_no_service() -> None:
    assert set(objects()) == {"Namespace", "ServiceAccount", "PodDisruptionBudget", "Deployment"}
    assert pod()["automountServiceAccountToken"] is False
    assert objects()["Namespace"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_image_is_named_by_digest_and_the_version_by_a_label() -> None:
    assert container()["image"] == REFERENCE
    deployment = objects()["Deployment"]
    assert deployment["metadata"]["labels"]["app.kubernetes.io/version"] == "v1.2.3_build"
    assert deployment["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/version"] == "v1.2.3_build"
    assert deployment["spec"]["selector"] == {"matchLabels": {"app": "web"}}


def test_it_keeps_to_the_restricted_level() -> None:
    security = container()["securityContext"]
    assert security == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    whole = pod(user=1000)["securityContext"]
    assert (whole["runAsNonRoot"], whole["runAsUser"], whole["fsGroup"]) == (True, 1000, 1000)
    assert whole["seccompProfile"] == {"type": "RuntimeDefault"}


def test_spread_and_budget() -> None:
    (spread,) = pod()["topologySpreadConstraints"]
    assert (spread["maxSkew"], spread["topologyKey"]) == (1, "topology.kubernetes.io/zone")
    assert spread["matchLabelKeys"] == ["pod-template-hash"]
    assert objects()["PodDisruptionBudget"]["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_what_is_autoscaled_is_left_to_the_autoscaling() -> None:
    found = objects(autoscaled=True)
    assert set(found) == {"Namespace", "ServiceAccount", "Deployment"}
    assert "replicas" not in found["Deployment"]["spec"]
    assert "topologySpreadConstraints" not in found["Deployment"]["spec"]["template"]["spec"]


@pytest.mark.parametrize(
    ("option", "kinds"),
    [("rules", {"Role", "RoleBinding"}), ("cluster_rules", {"ClusterRole", "ClusterRoleBinding"})],
)
def test_rights_are_those_that_are_asked_for(option: str, kinds: set[str]) -> None:
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
    found = objects(**{option: rules})
    assert kinds <= set(found)
    role, binding = sorted(kinds)
    assert found[role]["rules"] == rules
    assert found[binding]["roleRef"]["name"] == found[role]["metadata"]["name"]
    assert found[binding]["subjects"] == [{"kind": "ServiceAccount", "name": "web", "namespace": "shop"}]
    assert found["Deployment"]["spec"]["template"]["spec"]["automountServiceAccountToken"] is True


def test_mounts() -> None:
    mounts = {"certificates": [{"secret": "web-tls", "path": "/etc/tls"}], "writable": ["/tmp", "/var/cache"]}
    by_path = {mount["mountPath"]: mount for mount in container(**mounts)["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod(**mounts)["volumes"]}
    assert set(by_path) == {"/etc/tls", "/tmp", "/var/cache"}
    assert by_path["/etc/tls"]["readOnly"] is True
    secret = volumes[by_path["/etc/tls"]["name"]]["secret"]
    assert secret == {"secretName": "web-tls", "defaultMode": 0o440}
    assert "emptyDir" in volumes[by_path["/var/cache"]["name"]]


def test_ports_and_service() -> None:
    ports = [{"name": "http", "port": 8080}, {"name": "dns", "port": 5353, "protocol": "UDP"}]
    found = objects(ports=ports, service=[{"port": 53, "target": "dns"}])
    assert found["Service"]["spec"]["ports"] == [{"name": "dns", "port": 53, "targetPort": "dns", "protocol": "UDP"}]
    assert found["Service"]["spec"]["selector"] == {"app": "web"}


def test_what_is_asked_through_a_service_stays_until_nobody_asks_it_any_more() -> None:
    ports = {"ports": [{"name": "http", "port": 8080}], "service": [{"port": 80, "target": "http"}]}
    assert container(**ports)["lifecycle"] == {"preStop": {"sleep": {"seconds": 5}}}
    assert "lifecycle" not in container()


def test_a_namespace_of_others_is_left_to_them() -> None:
    assert "Namespace" not in objects(create_namespace=False)


def test_an_image_that_is_to_come_is_not_compared() -> None:
    assert "Deployment" in objects(state="to come")
    assert "Deployment" not in objects(state="to come", only_known=True)
    assert "Deployment" in objects(only_known=True)


def test_every_object_names_its_unit() -> None:
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
    ports = {"ports": [{"name": "http", "port": 1}], "service": [{"port": 1, "target": "http"}]}
    for kind, each in objects(rules=rules, cluster_rules=rules, **ports).items():
        if kind != "Namespace":
            assert each["metadata"]["labels"]["app.kubernetes.io/name"] == "web", kind
