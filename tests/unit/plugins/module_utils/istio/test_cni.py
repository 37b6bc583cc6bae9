# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who needs the CNI plugin of Istio."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.istio.cni import users


def pod(name: str, *init_containers: str, phase: str = "Running") -> dict[str, Any]:
    spec = {"initContainers": [{"name": each} for each in init_containers]}
    return {"metadata": {"namespace": "shop", "name": name}, "spec": spec, "status": {"phase": phase}}


def config(name: str, values: str, **labels: str) -> dict[str, Any]:
    return {"metadata": {"namespace": "istio-system", "name": name, "labels": labels}, "data": {"values": values}}


def test_pods_whose_rules_are_its_own() -> None:
    pods = [
        pod("b", "istio-validation"),
        pod("a", "first", "istio-validation", "istio-proxy"),
        pod("own-rules", "istio-init"),
        pod("bare"),
        pod("done", "istio-validation", phase="Succeeded"),
    ]
    assert users(pods, []) == ["Pod shop/a", "Pod shop/b"]


def test_istiods_that_make_such_pods() -> None:
    on, off = (json.dumps({"pilot": {"cni": {"enabled": enabled}}}) for enabled in (True, False))
    configs = [
        config("istio-sidecar-injector-green", on, **{"istio.io/rev": "green"}),
        config("istio-sidecar-injector", on),
        config("istio-sidecar-injector-blue", off, **{"istio.io/rev": "blue"}),
        config("istio", on, **{"istio.io/rev": "other"}),
    ]
    assert users([], configs) == ["istiod of the revision default", "istiod of the revision green"]


@pytest.mark.parametrize("values", ["", "{}", "{", json.dumps({"pilot": None})])
def test_a_config_that_says_nothing(values: str) -> None:
    assert users([], [config("istio-sidecar-injector", values)]) == []
