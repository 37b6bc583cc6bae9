# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a mesh of Istio holds from the beginning."""

from __future__ import annotations

from ansible_collections.servicemesh.platform.plugins.module_utils.istio.baseline import baseline, injection, telemetry


def test_nothing_is_asked_for() -> None:
    assert baseline("istio-system", "", [], []) == []
    assert injection([], "", []) == []


def test_mutual_tls_and_the_scope_of_sidecars_hold_for_the_whole_mesh() -> None:
    tls, scope = baseline("mesh-root", "STRICT", ["./*", "mesh-root/*"], [])
    assert (tls["kind"], tls["metadata"]) == ("PeerAuthentication", {"name": "default", "namespace": "mesh-root"})
    assert tls["spec"] == {"mtls": {"mode": "STRICT"}}
    assert scope["spec"] == {"egress": [{"hosts": ["./*", "mesh-root/*"]}]}


def test_what_is_denied_by_default() -> None:
    (policy,) = baseline("istio-system", "", [], ["shop"])
    assert (policy["kind"], policy["metadata"]["namespace"], policy["spec"]) == ("AuthorizationPolicy", "shop", {})


def test_namespaces_ask_for_sidecars_by_tag_or_revision_or_the_default() -> None:
    def labels(revision: str, tags: list[str]) -> object:
        (fragment,) = injection(["shop"], revision, tags)
        assert fragment["metadata"]["name"] == "shop"
        return fragment["metadata"]["labels"]

    assert labels("", []) == {"istio-injection": "enabled"}
    assert labels("1-31", []) == {"istio.io/rev": "1-31"}
    assert labels("1-31", ["stable", "prod"]) == {"istio.io/rev": "stable"}


def test_how_many_traces_are_sent_and_to_whom() -> None:
    found = telemetry("istio-system", "mesh-tracing", 0.5)
    assert (found["kind"], found["metadata"]["namespace"]) == ("Telemetry", "istio-system")
    assert found["spec"] == {"tracing": [{"providers": [{"name": "mesh-tracing"}], "randomSamplingPercentage": 0.5}]}
