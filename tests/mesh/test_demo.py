# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo as its README shows it, with all components: its namespaces are closed, and its sidecars reach istiod."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from ansible_collections.servicemesh.platform.tests.mesh.conftest import SHOP
from ansible_collections.servicemesh.platform.tests.support.nodes import Environment
from ansible_collections.servicemesh.platform.tests.support.playbooks import DEMO, Playbooks

ALL = ""
SPLIT = DEMO.parent / "manifests" / "article-split"


@pytest.fixture(scope="module")
def demo(playbooks: Playbooks, mesh: Environment) -> Iterator[Environment]:
    """The environment with network policies too, which go in the end, and with the split of the article."""
    run = playbooks.run("site", site_components=ALL)
    assert run.code == 0, run.output
    mesh.cluster.kubectl("apply", "-f", str(SPLIT))
    yield mesh
    mesh.cluster.kubectl("delete", "-f", str(SPLIT))
    run = playbooks.absent("network_policies")
    assert run.code == 0, run.output


def test_a_second_run_changes_nothing_and_finds_all_well(playbooks: Playbooks, demo: Environment) -> None:
    run = playbooks.run("site", site_components=ALL)
    assert run.code == 0, run.output
    assert run.recap["demo"]["changed"] == 0
    report = json.loads((playbooks.folder / "reports" / "demo.json").read_text())
    assert report["counts"]["error"] == report["counts"]["warning"] == 0, report
    told = {finding["message"] for finding in report["findings"] if finding["severity"] == "ok"}
    assert {
        "3 of 3 workloads have a sidecar, and 100 % are asked for",
        "4 of 5 workloads have a sidecar, and 80 % are asked for",
        "1 of 2 workloads have a sidecar, and 50 % are asked for",
    } <= told


def annotations(pod: dict[str, dict[str, dict[str, str]]]) -> dict[str, str]:
    return pod["metadata"].get("annotations", {})


def test_a_share_is_of_real_sidecars(demo: Environment) -> None:
    pods = [pod for name in (SHOP, "risk-engine", "data-analysis") for pod in demo.get("-n", name, "pods")["items"]]
    having = {pod["metadata"]["labels"].get("app") for pod in pods if "sidecar.istio.io/status" in annotations(pod)}
    lacking = {pod["metadata"]["labels"].get("app") for pod in pods} - having
    assert (len(having & {"backend", "backend-v1", "backend-v2"}), len(lacking)) == (3, 2)


def test_requests_are_split_known_by_their_identity_and_kept_out(playbooks: Playbooks, demo: Environment) -> None:
    run = playbooks.run("traffic")
    assert run.code == 0, run.output
    for told in (
        "the answers fit backend-v1 80.0%, backend-v2 20.0%",
        "150 of 150 answers tell by which identity the client was known",
        f"plain-text: Service {SHOP}/backend: 60 of 60 requests: unanswered",
        f"another-team: Service {SHOP}/backend: 60 of 60 requests: unanswered",
    ):
        assert told in run.text
