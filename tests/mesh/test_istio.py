# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Istio from its charts on real nodes: sidecars, mutual TLS, and SMI splits on live traffic."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.tests.integration.smi_controller.objects import split
from ansible_collections.servicemesh.platform.tests.mesh.conftest import OUTSIDE, SHOP
from ansible_collections.servicemesh.platform.tests.support.nodes import Environment, eventually
from ansible_collections.servicemesh.platform.tests.support.playbooks import Playbooks

URL = f"http://backend.{SHOP}/hostname"
SIGNIFICANCE = 0.0001
"""How seldom a right split may be called wrong."""


def shares(mesh: Environment, times: int) -> Counter[str]:
    """How many of so many requests each backend answers; what is no answer goes by its status and text."""
    found: Counter[str] = Counter()
    for answer, often in mesh.count(SHOP, "asker", URL, times).items():
        backend = re.search(r'"hostname": "(backend(?:-v\d)?)-[0-9a-f]+-\w+"', answer)
        found[backend[1] if answer.startswith("200 ") and backend else answer] += often
    return found


def p_value(hits: int, times: int, share: float) -> float:
    """Of the exact binomial test, on two sides: how likely is what is no more likely than this."""

    def likelihood(count: int) -> float:
        return math.comb(times, count) * share**count * (1 - share) ** (times - count)

    limit = likelihood(hits) * (1 + 1e-9)
    return sum(each for each in map(likelihood, range(times + 1)) if each <= limit)


def carried_out(mesh: Environment, v1: int, v2: int, patience: int = 30) -> None:
    """Split so, wait until the first answers show it, and hold 500 requests against it."""
    mesh.cluster.apply(split("backend", SHOP, v1=v1, v2=v2))
    expected = {name for name, weight in (("backend-v1", v1), ("backend-v2", v2)) if weight}
    eventually(patience, lambda: set(shares(mesh, 30)) == expected, f"the proxies know of {v1} to {v2}")
    found = shares(mesh, 500)
    assert set(found) == expected
    assert p_value(found["backend-v1"], 500, v1 / (v1 + v2)) > SIGNIFICANCE, found


def test_istiod_runs_in_every_zone_and_its_pods_have_sidecars(playbooks: Playbooks, mesh: Environment) -> None:
    nodes = {pod["spec"]["nodeName"] for pod in mesh.get("-n", "istio-system", "pods", "-l", "app=istiod")["items"]}
    assert len(nodes) == 3
    for pod in mesh.get("-n", SHOP, "pods")["items"]:
        assert "sidecar.istio.io/status" in pod["metadata"]["annotations"], pod["metadata"]["name"]


def test_a_second_run_changes_nothing(playbooks: Playbooks, mesh: Environment) -> None:
    assert playbooks.run("site").recap["demo"]["changed"] == 0


@pytest.mark.parametrize(("v1", "v2"), [(80, 20), (50, 50), (0, 100)])
def test_the_split_of_the_article_is_what_the_proxies_do(mesh: Environment, v1: int, v2: int) -> None:
    carried_out(mesh, v1, v2)


def test_a_split_without_backends_left_gives_the_root_service_back(mesh: Environment) -> None:
    mesh.cluster.apply(split("backend", SHOP, v1=1, v2=1))
    mesh.cluster.kubectl("-n", SHOP, "delete", "trafficsplit", "backend")
    eventually(30, lambda: set(shares(mesh, 30)) == {"backend"}, "the Service answers itself")


def test_plain_text_is_refused(mesh: Environment) -> None:
    answers = mesh.count(OUTSIDE, "asker", f"http://backend-v1.{SHOP}/hostname", 5)
    assert all(answer.startswith("0 ") for answer in answers), answers
    assert shares(mesh, 5).total() == 5


def test_where_nothing_is_allowed_nobody_gets_in(playbooks: Playbooks, mesh: Environment) -> None:
    run = playbooks.run("site", site_components="mesh", mesh_deny_namespaces=[SHOP])
    assert run.code == 0, run.output
    eventually(30, lambda: set(shares(mesh, 5)) == {"403 RBAC: access denied"}, "the policy is there")
    assert playbooks.run("site", site_components="mesh").code == 0
    eventually(30, lambda: set(shares(mesh, 5)) == {"backend"}, "the policy is gone")


def test_a_change_arrives_though_an_istiod_dies(mesh: Environment) -> None:
    name = mesh.get("-n", "istio-system", "pods", "-l", "app=istiod")["items"][0]["metadata"]["name"]
    mesh.cluster.kubectl("-n", "istio-system", "delete", "pod", name, "--grace-period=0", "--force", "--wait=false")
    # Whose istiod it was may hear nothing of its end, for the address is gone: the connection ends by its keepalive.
    carried_out(mesh, 30, 70, patience=90)


def test_what_somebody_has_removed_is_found_and_comes_back(playbooks: Playbooks, mesh: Environment) -> None:
    mesh.cluster.kubectl("-n", "istio-system", "delete", "peerauthentication", "default")
    verified = playbooks.run("verify", site_components="mesh")
    assert "PeerAuthentication" in verified.text
    assert playbooks.run("site", site_components="mesh").recap["demo"]["changed"] == 1


def test_the_mesh_stays_while_there_are_sidecars(playbooks: Playbooks, mesh: Environment) -> None:
    refused = playbooks.absent("mesh")
    assert refused.code != 0
    assert "pods have a sidecar of this mesh" in refused.text
    assert f"{SHOP}/backend-v1-" in refused.text
    assert mesh.get("-n", "istio-system", "deployment", "istiod")["status"]["readyReplicas"] == 3


def test_the_key_of_the_authority_is_shown_to_nobody(playbooks: Playbooks, mesh: Environment) -> None:
    secret: Any = mesh.get("-n", "istio-system", "secret", "cacerts")
    assert sorted(secret["data"]) == ["ca-cert.pem", "ca-key.pem", "cert-chain.pem", "root-cert.pem"]
    run = playbooks.run("site", "-vvv", "--diff", site_components="mesh")
    assert "PRIVATE KEY" not in run.output
    assert secret["data"]["ca-key.pem"][:60] not in run.output
    assert json.dumps(secret["data"]) == json.dumps(mesh.get("-n", "istio-system", "secret", "cacerts")["data"])
