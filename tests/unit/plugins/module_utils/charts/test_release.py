# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Helm renders, arranged: namespaces, hooks and their turns, what is kept."""

from __future__ import annotations

from typing import Any

from ansible_collections.servicemesh.platform.plugins.module_utils.charts.release import Release, arranged, unsteady

Object = dict[str, Any]


def thing(kind: str, name: str, api_version: str = "v1", namespace: str = "", **annotations: str) -> Object:
    """An object; annotations of Helm have '_' for '-'."""
    metadata: Object = {"name": name, **({"namespace": namespace} if namespace else {})}
    if annotations:
        metadata["annotations"] = {f"helm.sh/{key.replace('_', '-')}": value for key, value in annotations.items()}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


def job(name: str, hook: str, image: str = "one", **annotations: str) -> Object:
    body = thing("Job", name, "batch/v1", hook=hook, **annotations)
    return {**body, "spec": {"ttlSecondsAfterFinished": 10, "template": {"spec": {"containers": [{"image": image}]}}}}


def names(objects: list[Object]) -> list[str]:
    return [each["metadata"]["name"] for each in objects]


def release(*objects: Object, create_namespace: bool = True) -> Release:
    return arranged(objects, "mesh", create_namespace)


def test_objects_get_the_namespace_of_the_release_when_they_live_in_one() -> None:
    definition = thing("CustomResourceDefinition", "wide", "apiextensions.k8s.io/v1")
    definition["spec"] = {"group": "example.com", "scope": "Cluster", "names": {"kind": "Wide"}}
    (stage,) = release(
        definition,
        thing("Wide", "a", "example.com/v1"),
        thing("Narrow", "b", "example.com/v1"),
        thing("ConfigMap", "c"),
        thing("ConfigMap", "d", namespace="other"),
        thing("ClusterRole", "e", "rbac.authorization.k8s.io/v1"),
        thing("IngressClass", "f", "networking.k8s.io/v1"),
        thing("Role", "g", "rbac.authorization.k8s.io/v1"),
    ).stages
    found = {each["metadata"]["name"]: each["metadata"].get("namespace") for each in stage}
    assert found == {
        "mesh": None,
        "wide": None,
        "a": None,
        "b": "mesh",
        "c": "mesh",
        "d": "other",
        "e": None,
        "f": None,
        "g": "mesh",
    }


def test_the_namespace_is_made_once_or_not_at_all() -> None:
    own = thing("Namespace", "mesh")
    assert names(release(own, thing("ConfigMap", "a")).stages[0]) == ["mesh", "a"]
    assert names(release(thing("ConfigMap", "a"), create_namespace=False).stages[0]) == ["a"]
    assert release(create_namespace=False).foundation == []


def test_without_anything_that_runs_there_is_one_stage() -> None:
    found = release(thing("ConfigMap", "a"), thing("Secret", "b", hook="pre-install"), thing("Pod", "c"))
    (stage,) = found.stages
    assert sorted(names(stage)) == ["a", "b", "c", "mesh"]


def test_hooks_that_run_have_their_turn() -> None:
    definition = thing("CustomResourceDefinition", "crd", "apiextensions.k8s.io/v1")
    stages = release(
        thing("ConfigMap", "main"),
        job("late", "post-install,post-upgrade"),
        job("second", "pre-install", hook_weight="5"),
        thing("ServiceAccount", "account", hook="pre-install", hook_weight="-5"),
        job("first", "pre-upgrade,pre-install", hook_weight="-1"),
        definition,
    ).stages
    turns = [sorted(name.rsplit("-", 1)[0] for name in names(stage)) for stage in stages]
    assert turns == [
        ["account", "crd", "first", "mesh"],
        ["account", "crd", "first", "mesh", "second"],
        ["account", "crd", "first", "main", "mesh", "second"],
        ["account", "crd", "first", "late", "main", "mesh", "second"],
    ]


def test_a_job_runs_again_only_when_it_has_changed() -> None:
    def name(image: str) -> str:
        (only,) = [each for each in release(job("setup", "pre-install", image)).stages[-1] if each["kind"] == "Job"]
        assert "ttlSecondsAfterFinished" not in only["spec"]
        return str(only["metadata"]["name"])

    assert name("one") == name("one")
    assert name("one") != name("two")
    assert name("one").startswith("setup-")
    assert len(names(release(job("long" * 20, "pre-install")).stages[-1])[-1]) <= 63


def test_a_job_that_is_no_hook_stays_as_it_is() -> None:
    plain = {**thing("Job", "plain", "batch/v1"), "spec": {"ttlSecondsAfterFinished": 10}}
    (stage,) = release(plain).stages
    assert stage[-1]["metadata"]["name"] == "plain"
    assert stage[-1]["spec"] == {"ttlSecondsAfterFinished": 10}


def test_hooks_for_other_occasions_are_left_out_and_named() -> None:
    found = release(
        thing("Pod", "a", hook="test"), job("b", "pre-delete"), thing("ConfigMap", "c", hook="pre-rollback")
    )
    assert names(found.stages[-1]) == ["mesh"]
    assert found.skipped == ["Pod mesh/a (test)", "Job mesh/b (pre-delete)", "ConfigMap mesh/c (pre-rollback)"]


def test_what_outlives_the_release_is_set_apart() -> None:
    found = release(thing("Secret", "a", resource_policy="keep"), thing("Secret", "b"))
    assert names(found.kept) == ["a"]
    assert names(found.stages[-1]) == ["mesh", "b"]
    assert names(found.foundation) == ["mesh"]


def test_what_is_made_up_anew_is_found() -> None:
    one, other = ({**thing("Secret", "a"), "data": {"key": key}} for key in ("eA==", "eQ=="))
    same = thing("ConfigMap", "b")
    assert unsteady([one, same], [other, same]) == ["Secret a"]
    assert unsteady([one, same], [same, one]) == []
