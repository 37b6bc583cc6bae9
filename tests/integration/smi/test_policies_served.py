# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our admission policies beside our CRDs, while the webhook that converts is down, and with objects of before."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.crds import crds
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.policies import policies
from kubernetes import client

METADATA = {"name": "example", "namespace": "default"}
NOWHERE = {"url": "https://127.0.0.1:1/convert"}
WHERE = ("split.smi-spec.io", "v1alpha4", "default", "trafficsplits")


@contextmanager
def applied(cluster: Any, made: Sequence[dict[str, Any]]) -> Iterator[None]:
    manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(made)})
    cluster.kubectl("apply", "--server-side", "-f", "-", stdin=manifest)
    try:
        yield
    finally:
        cluster.kubectl("delete", "-f", "-", stdin=manifest)


def split(version: str = "v1alpha4", *backends: Any, **spec: Any) -> dict[str, Any]:
    listed = list(backends) or [{"service": "web-v1", "weight": 1}]
    fields = {"service": "web", "backends": listed, **spec}
    return {
        "apiVersion": f"split.smi-spec.io/{version}",
        "kind": "TrafficSplit",
        "metadata": dict(METADATA),
        "spec": fields,
    }


def target(version: str, namespace: str) -> dict[str, Any]:
    """A target that CRDs take in any namespace, since they do not see their own."""
    account = {"kind": "ServiceAccount", "name": "web", "namespace": namespace}
    fields = {"destination": account, "sources": [{**account, "name": "client"}]}
    fields["specs" if version == "v1alpha1" else "rules"] = [{"kind": "TCPRoute", "name": "all"}]
    body = fields if version == "v1alpha1" else {"spec": fields}
    return {"apiVersion": f"access.smi-spec.io/{version}", "kind": "TrafficTarget", "metadata": dict(METADATA), **body}


def refused(server: Any, body: dict[str, Any]) -> str:
    """Why the policies refuse an object, once they are active."""
    deadline = time.monotonic() + 30
    while True:
        try:
            server.create(body)
        except client.ApiException as error:
            message: str = json.loads(error.body)["message"]
            if "ValidatingAdmissionPolicy" in message:
                return message
        assert time.monotonic() < deadline, f"taken: {body}"
        time.sleep(0.1)


@pytest.mark.parametrize("version", ["v1alpha1", "v1alpha2", "v1alpha3"])
def test_policies_see_the_namespace_which_our_crds_do_not(cluster: Any, serving: Any, version: str) -> None:
    with serving(crds({"access": [version]})) as server, applied(cluster, policies({"access": [version]})):
        assert "destination.namespace: shop is not the namespace" in refused(server, target(version, "shop"))
        server.create(target(version, "default"))


@pytest.mark.parametrize("version", ["v1alpha1", "v1alpha2", "v1alpha3", "v1alpha4"])
def test_policies_beside_our_crds_are_without_complaints_of_their_types(
    cluster: Any, serving: Any, version: str
) -> None:
    versions = {"split": [version], "specs": [version], "access": [min(version, "v1alpha3")]}
    made = policies(versions)
    with serving(crds(versions)), applied(cluster, made):
        names = [each["metadata"]["name"] for each in made if each["kind"] == "ValidatingAdmissionPolicy"]
        for name in names:
            seen = checked(cluster, name)
            assert seen["typeChecking"] == {}, seen


def checked(cluster: Any, name: str) -> dict[str, Any]:
    """The status of a policy once the API server has looked at its types."""
    deadline = time.monotonic() + 30
    while True:
        found = json.loads(cluster.kubectl("get", "validatingadmissionpolicy", name, "-o", "json"))
        status: dict[str, Any] = found.get("status", {})
        if status.get("observedGeneration") == found["metadata"]["generation"]:
            return status
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


def test_policies_judge_the_stored_version_while_the_webhook_that_converts_is_down(cluster: Any, serving: Any) -> None:
    versions = {"split": ["v1alpha1", "v1alpha4"]}
    with serving(crds({"split": ["v1alpha4"]})) as server, applied(cluster, policies(versions)):
        server.replace_crd(*crds(versions, conversion=NOWHERE))
        foreign = split("v1alpha4", service="web.shop")
        assert "spec.service: web.shop is not in the namespace" in refused(server, foreign)
        assert server.create(split("v1alpha4"))["spec"] == split("v1alpha4")["spec"]
        # Of another version nothing comes as far as the policies: the API server cannot store it.
        with pytest.raises(client.ApiException, match="conversion webhook"):
            server.create(split("v1alpha1", service="web"))


def test_what_is_older_than_the_policies_can_be_labelled_mended_and_deleted(cluster: Any, serving: Any) -> None:
    with serving(crds({"split": ["v1alpha4"]})) as server:
        old = split("v1alpha4", service="web.shop")
        old["metadata"]["finalizers"] = ["example.com/wait"]
        server.objects.create_namespaced_custom_object(*WHERE, old)
        patch = server.objects.patch_namespaced_custom_object
        try:
            with applied(cluster, policies({"split": ["v1alpha4"]})):
                refused(server, {**split("v1alpha4", service="web.shop"), "metadata": {"name": "other"}})
                labelled = patch(*WHERE, "example", {"metadata": {"labels": {"new": "yes"}}})
                assert labelled["metadata"]["labels"] == {"new": "yes"}
                with pytest.raises(client.ApiException, match=r"other\.shop is not in the namespace of the split"):
                    patch(*WHERE, "example", {"spec": {"service": "other.shop"}})
                server.objects.delete_namespaced_custom_object(*WHERE, "example")
                patch(*WHERE, "example", {"metadata": {"finalizers": []}})
                with pytest.raises(client.ApiException, match="not found"):
                    server.objects.get_namespaced_custom_object(*WHERE, "example")
        finally:
            cluster.kubectl("delete", "trafficsplits.split.smi-spec.io", "--all", "-n", "default", "--wait=false")


def test_a_provider_decides_how_bad_some_breaches_are(cluster: Any, serving: Any) -> None:
    versions = {"split": ["v1alpha4"], "access": ["v1alpha3"]}
    own = split("v1alpha4", {"service": "web", "weight": 1})
    with serving(crds(versions)) as server, applied(cluster, policies(versions, provider="linkerd")):
        refused(server, split("v1alpha4", service="web.shop"))
        server.create(own)
        assert warnings(server, own) == []
        zero = split("v1alpha4", {"service": "web", "weight": 0})
        deadline = time.monotonic() + 30
        while not warnings(server, zero):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert len(warnings(server, zero)) == 1
    everything = target("v1alpha3", "default")
    everything["spec"]["rules"] = [{"kind": "HTTPRouteGroup", "name": "routes"}]
    with serving(crds(versions)) as server, applied(cluster, policies(versions, provider="smi-adapter-istio")):
        assert "spec.rules[0].matches: null names no match" in refused(server, everything)
        server.create(target("v1alpha3", "default"))


def warnings(server: Any, body: dict[str, Any]) -> list[str]:
    _body, _status, headers = server.objects.create_namespaced_custom_object_with_http_info(*WHERE, body, dry_run="All")
    return [text for key, text in headers.items() if key.lower() == "warning"]


def test_headers_have_the_shape_that_is_asked_for(cluster: Any, serving: Any) -> None:
    def group(headers: Any) -> dict[str, Any]:
        spec = {"matches": [{"name": "get", "headers": headers}]}
        kind = {"apiVersion": "specs.smi-spec.io/v1alpha4", "kind": "HTTPRouteGroup"}
        return {**kind, "metadata": dict(METADATA), "spec": spec}

    versions = {"specs": ["v1alpha4"]}
    one, several = {"host": "a"}, [{"host": "a"}]
    for shape, taken, other in (("list", several, one), ("map", one, several)):
        with serving(crds(versions, "any")) as server, applied(cluster, policies(versions, headers=shape)):
            assert "spec.matches[0].headers: " in refused(server, group(other))
            server.create(group(taken))
