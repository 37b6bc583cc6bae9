# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a release of Istio goes together with a cluster."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.checks.istio_release import istio_release
from ansible_collections.servicemesh.platform.plugins.module_utils.checks.model import CRD, NODE
from ansible_collections.servicemesh.platform.plugins.module_utils.istio.releases import RELEASES, release_of


def node(version: str) -> dict[str, Any]:
    return {"metadata": {"name": version}, "status": {"nodeInfo": {"kubeletVersion": version}}}


def crd(plural: str, version: str) -> dict[str, Any]:
    return {
        "metadata": {"name": plural, "annotations": {"gateway.networking.k8s.io/bundle-version": version}},
        "spec": {"group": "gateway.networking.k8s.io", "names": {"plural": plural}},
    }


def found(image: str, kubernetes: tuple[str, ...] = ("v1.34.1",), api: tuple[Any, ...] = ()) -> dict[str, str]:
    objects = {NODE: [node(each) for each in kubernetes], CRD: list(api)}
    told = istio_release(objects, {"image": image, "today": "2026-11-26"})
    return {each.id: each.severity.value for each in told}


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("registry.embedded/pilot:1.31-eed52ebb66ad@sha256:00", (1, 31)),
        ("registry.example.com:5000/istio/pilot:1.30.2-distroless", (1, 30)),
        ("pilot:v1.29", (1, 29)),
        ("registry.example.com:1.29/pilot", None),
        ("pilot@sha256:1111", None),
        ("pilot:latest", None),
    ],
)
def test_the_release_is_read_from_the_tag(image: str, version: Any) -> None:
    assert release_of(image) == version


def test_what_goes_together() -> None:
    assert found("pilot:1.31.0", api=(crd("httproutes", "v1.6.0"), crd("tcproutes", "v1.6.0"))) == {
        "istio-release": "ok"
    }


@pytest.mark.parametrize("image", ["pilot:latest", "pilot:1.7.0"])
def test_of_an_unknown_release_nothing_is_claimed(image: str) -> None:
    assert found(image) == {"istio-release": "info"}


@pytest.mark.parametrize(
    ("kubernetes", "severity"),
    [
        (("v1.32.0", "v1.36.3"), None),
        (("v1.37.0",), "warning"),
        (("v1.31.0", "v1.32.0"), "error"),
        (("unknown",), None),
    ],
)
def test_kubernetes(kubernetes: tuple[str, ...], severity: str | None) -> None:
    assert found("pilot:1.31", kubernetes).get("istio-kubernetes") == severity


@pytest.mark.parametrize(
    ("image", "api", "severity"),
    [
        ("pilot:1.31", crd("tlsroutes", "v1.4.1"), "error"),
        ("pilot:1.31", crd("httproutes", "v1.4.1"), None),
        ("pilot:1.31", crd("httproutes", "v1.7.0"), "warning"),
        ("pilot:1.31", crd("httproutes", "nonsense"), None),
        ("pilot:1.30", crd("tlsroutes", "v1.4.1"), None),
        ("pilot:1.29", crd("tlsroutes", "v1.5.1"), "warning"),
    ],
)
def test_the_gateway_api(image: str, api: dict[str, Any], severity: str | None) -> None:
    assert found(image, api=(api,)).get("istio-gateway-api") == severity


def test_a_release_that_is_supported_no_more() -> None:
    assert found("pilot:1.28.0", ("v1.33.0",)) == {"istio-support": "warning"}


def test_the_matrix_is_in_order() -> None:
    for release in RELEASES.values():
        first, last = release.tested
        assert release.works_from <= first < last
