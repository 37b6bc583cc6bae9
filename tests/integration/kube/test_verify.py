# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands against what is asked for, as findings."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding, Severity
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.converge import Request
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.drift import drift

MANAGER = "servicemesh.platform/test"
HOME = "kube-test-verify"


@pytest.fixture
def applyset(namespace: str, run: Any) -> Any:
    wanted = {"name": namespace, "namespace": HOME, "kind": "ConfigMap"}
    yield wanted
    run(applyset=wanted, absent=True)


@pytest.fixture
def look(connection: Any, session: Any) -> Any:
    def call(*definitions: Any, **options: Any) -> list[Finding]:
        request = Request(connection, list(definitions), field_manager=MANAGER, **options)
        return drift(request, session)

    return call


def short(findings: list[Finding]) -> list[tuple[str, Severity, str]]:
    return [(finding.id, finding.severity, finding.subject) for finding in findings]


def test_all_as_asked(run: Any, look: Any, make: Any, applyset: Any) -> None:
    objects = [make.config_map("a", key="1"), make.deployment("web", 2), make.secret("s", password="hunter2")]
    run(*objects, applyset=applyset, field_manager=MANAGER)
    (finding,) = look(*objects, applyset=applyset)
    assert (finding.id, finding.severity, finding.message) == (
        "as-asked",
        Severity.OK,
        "as they are asked for: 1 ConfigMap, 1 Deployment, 1 Secret",
    )
    assert finding.mend == ""


def test_missing_different_and_left_over(run: Any, look: Any, make: Any, cluster: Any, applyset: Any) -> None:
    namespace = make.namespace
    objects = [make.config_map("same"), make.config_map("edited", key="1", other="x"), make.config_map("gone")]
    run(*objects, make.config_map("old"), applyset=applyset, field_manager=MANAGER)
    cluster.kubectl("delete", "configmap", "gone", "-n", namespace)
    # An edit that leaves the ownership where it is, as a change of the definition does.
    objects[1]["data"] = {"key": "2", "other": "x"}
    findings = look(*objects, applyset=applyset)
    assert short(findings) == [
        ("differs", Severity.ERROR, f"ConfigMap {namespace}/edited"),
        ("missing", Severity.ERROR, f"ConfigMap {namespace}/gone"),
        ("left-over", Severity.WARNING, f"ConfigMap {namespace}/old"),
        ("as-asked", Severity.OK, "objects"),
    ]
    assert findings[0].message == "it differs from what is asked for: - key: '1'; + key: '2'"
    assert all(finding.why and finding.mend for finding in findings[:-1])
    assert findings[-1].message == "as they are asked for: 1 ConfigMap"
    assert "gone" not in cluster.kubectl("get", "configmap", "-n", namespace, "-o", "name")
    assert "old" in cluster.kubectl("get", "configmap", "-n", namespace, "-o", "name")


def test_without_prune_nothing_is_left_over(run: Any, look: Any, make: Any, applyset: Any) -> None:
    run(make.config_map("a"), make.config_map("old"), applyset=applyset, field_manager=MANAGER)
    assert [each.id for each in look(make.config_map("a"), applyset=applyset, prune=False)] == ["as-asked"]


def test_many_changed_lines_are_counted(run: Any, look: Any, make: Any) -> None:
    run(make.config_map("a", **{f"k{number}": "1" for number in range(20)}), field_manager=MANAGER)
    (finding,) = look(make.config_map("a", **{f"k{number}": "2" for number in range(20)}))
    assert finding.message.endswith("; and 34 more lines")


def test_the_values_of_secrets_stay_secret(run: Any, look: Any, make: Any) -> None:
    run(make.secret("s", password="hunter2", user="jane"), field_manager=MANAGER)
    (finding,) = look(make.secret("s", password="correct-horse", user="jane"))
    assert finding.message == "it differs from what is asked for: - password: '*** (before)'; + password: '*** (after)'"


def test_what_belongs_to_others_now_is_refused(run: Any, look: Any, make: Any, cluster: Any) -> None:
    run(make.config_map("a", key="1"), field_manager=MANAGER)
    theirs = json.dumps(make.config_map("a", key="2"))
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=theirs)
    (finding,) = look(make.config_map("a", key="1"))
    assert (finding.id, finding.severity) == ("refused", Severity.ERROR)
    assert finding.subject == f"ConfigMap {make.namespace}/a (definitions[0])"
    assert 'data.key belongs to field manager "kubectl"' in finding.message


def test_a_fragment_of_nothing_is_missing(look: Any, make: Any) -> None:
    (finding,) = look(fragments=[make.config_map("theirs", ours="1")])
    assert (finding.id, finding.subject) == ("missing", f"ConfigMap {make.namespace}/theirs")


def test_a_set_that_was_tampered_with_is_a_finding(run: Any, look: Any, make: Any, cluster: Any, applyset: Any) -> None:
    run(make.config_map("a"), applyset=applyset, field_manager=MANAGER)
    label = "applyset.kubernetes.io/id"
    right = json.loads(cluster.kubectl("get", "configmap", applyset["name"], "-n", HOME, "-o", "json"))
    cluster.kubectl("label", "--overwrite", "configmap", applyset["name"], "-n", HOME, f"{label}=applyset-x-v1")
    (finding,) = look(make.config_map("a"), applyset=applyset)
    assert (finding.id, finding.subject) == ("refused", f"ApplySet {applyset['name']}")
    assert "was tampered with" in finding.message
    restored = f"{label}={right['metadata']['labels'][label]}"
    cluster.kubectl("label", "--overwrite", "configmap", applyset["name"], "-n", HOME, restored)


def test_the_module_runs_drift_and_checks_on_live_objects(ansible: Any, run: Any, make: Any) -> None:
    run(make.config_map("a"), field_manager="servicemesh.platform/shop")
    zones = {"check": "zones", "nodes": [], "region": "region-1", "zones": ["zone-a", "zone-x"]}
    scaling = {"namespace": make.namespace, "name": "web", "min_replicas": 3, "max_skew": 1}
    done = ansible(
        "--diff",
        module="k8s_verify",
        component="shop",
        definitions=[make.config_map("a"), make.config_map("b")],
        checks=[zones, {"check": "scaling", "workloads": [scaling]}],
    )
    assert done["rc"] == 0
    assert not done["changed"]
    assert done["severity"] == "error"
    assert {each["component"] for each in done["findings"]} == {"shop"}
    assert [(each["id"], each["severity"], each["subject"]) for each in done["findings"]] == [
        ("missing", "error", f"ConfigMap {make.namespace}/b"),
        ("as-asked", "ok", "objects"),
        ("zone-ready", "ok", "Zone zone-a"),
        ("zone-ready", "error", "Zone zone-x"),
        ("workload-missing", "error", f"Deployment {make.namespace}/web"),
    ]


@pytest.mark.parametrize(
    ("check", "message"),
    [
        (
            {"check": "nodes"},
            "check: 'nodes' is not known; known are beside, gateway_api, gateway_api_install, istio, istio_access, "
            "istio_cni, istio_release, istio_share, scaling, serving, smi, smi_conversion, smi_targets, zones",
        ),
        (
            {"check": "zones", "zone": "a"},
            "check zones: parameter nodes is missing; check zones: parameter region is missing; "
            "check zones: parameter zones is missing; check zones: parameter zone is not known",
        ),
        (
            {"check": "zones", "nodes": [{"name": "x"}], "region": "", "zones": []},
            "check zones cannot be run with these parameters (KeyError('zone'))",
        ),
    ],
)
def test_a_check_that_cannot_be_run_is_told(ansible: Any, check: dict[str, Any], message: str) -> None:
    failed = ansible(module="k8s_verify", component="shop", checks=[check])
    assert failed["rc"] != 0
    assert failed["msg"] == message
    assert "Traceback" not in failed["output"]


def test_offline_there_is_nothing_to_look_at(ansible: Any, make: Any) -> None:
    arguments = {"module": "k8s_verify", "component": "shop", "offline": True, "kubeconfig": "/nowhere"}
    done = ansible("--check", definitions=[make.config_map("a")], **arguments)
    assert [(each["id"], each["severity"]) for each in done["findings"]] == [("not-verified", "info")]
    assert "offline: true is for check mode only" in ansible(**arguments)["msg"]
