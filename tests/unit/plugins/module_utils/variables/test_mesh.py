# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules for the mesh, and what follows from its variables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.servicemesh.platform.plugins.module_utils.variables import mesh
from ansible_collections.servicemesh.platform.plugins.module_utils.variables.model import Inventory

ROLE = Path(__file__).parents[5] / "roles" / "mesh"
OPTIONS = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
INVENTORY = Inventory("demo", {}, {})
DIGEST = "@sha256:" + "a" * 64
IMAGES = {"pilot": f"registry.example.com/pilot{DIGEST}", "proxyv2": f"registry.example.com/proxyv2{DIGEST}"}


def typed(**variables: Any) -> dict[str, Any]:
    """The variables of a mesh of Istio as the role gets them."""
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
    given = {**defaults, "mesh_provider": "istio", **{f"mesh_{name}": value for name, value in variables.items()}}
    validated = ArgumentSpecValidator(OPTIONS).validate(given)
    assert not validated.error_messages
    found: dict[str, Any] = validated.validated_parameters
    return found


def told(**variables: Any) -> list[str]:
    return [str(problem) for problem in mesh.problems(typed(**variables), INVENTORY)]


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"images": IMAGES},
        {"revision": "1-31", "revision_tags": ["stable"]},
        {"values": {"meshConfig": {"enableTracing": True}}, "proxy_resources": {"limits": {"cpu": "500m"}}},
        {"inject_namespaces": ["shop"], "deny_namespaces": ["shop"]},
    ],
)
def test_good_ones(variables: dict[str, Any]) -> None:
    assert told(**variables) == []


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({"provider": "manifests"}, "mesh_manifests is []: name the files"),
        ({"revision": "1.31"}, "mesh_revision is '1.31': write a DNS label"),
        ({"revision": "a", "revision_tags": ["a"]}, "mesh_revision_tags is 'a': it is the revision itself"),
        ({"images": {"pilot": IMAGES["pilot"]}}, "mesh_images.proxyv2 is None: name both images"),
        ({"images": {**IMAGES, "pilot": "registry.example.com/pilot:1"}}, "write it with its digest"),
        ({"inject_namespaces": ["istio-system"]}, "istiod gets no sidecar"),
        ({"inject_namespaces": ["shop", "shop"]}, "mesh_inject_namespaces is 'shop': listed more than once"),
        ({"deny_namespaces": ["Shop"]}, "mesh_deny_namespaces is 'Shop': write a DNS label"),
        ({"resources": {"requests": {"cpu": "much"}}}, "mesh_resources.requests.cpu is 'much'"),
        ({"values": {"pdb": {"minAvailable": 1}}}, "mesh_values.pdb is 'set': leave it out: the role autoscaling"),
        ({"root_days": "700"}, "mesh_root_days is 700: write more days than mesh_intermediate_days"),
        ({"intermediate_days": 0}, "mesh_intermediate_days is 0: write 1 or more"),
        ({"trust_domain": "Shop!"}, "mesh_trust_domain is 'Shop!'"),
    ],
)
def test_bad_ones(variables: dict[str, Any], problem: str) -> None:
    (only,) = told(**variables)
    assert problem in only


def test_what_does_not_matter_without_istio_is_not_looked_at() -> None:
    assert told(provider="none", revision="1.31") == []


def test_what_follows() -> None:
    found = mesh.derived(typed(revision="1-31", mtls="UNSET", inject_namespaces=["shop"]), INVENTORY)
    assert (found["istiod"], found["has_images"], found["baseline"]) == ("istiod-1-31", False, [])
    assert found["injection"][0]["metadata"]["labels"] == {"istio.io/rev": "1-31"}
    assert found["base_values"]["defaultRevision"] == "1-31"
    assert mesh.derived(typed(images=IMAGES), INVENTORY)["has_images"]
