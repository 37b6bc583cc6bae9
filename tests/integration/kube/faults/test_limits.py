# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects that are as large as can be, and such as are larger."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import ApplyFailed

MIB = 1024 * 1024


def failure(run: Any, *definitions: Any) -> str:
    with pytest.raises(ApplyFailed) as caught:
        run(*definitions)
    (only,) = caught.value.failures
    return str(only)


def test_a_megabyte_is_applied_and_proved(run: Any, make: Any, live: Any, applyset: Any) -> None:
    large = [make.config_map("large", a="x" * 1_000_000), make.secret("secret", a="\u00e4" * 250_000)]
    assert run(*large, applyset=applyset).changed
    assert len(live.get("configmap", "large", "-n", make.namespace)["data"]["a"]) == 1_000_000
    secret = live.get("secret", "secret", "-n", make.namespace)["data"]["a"]
    assert base64.b64decode(secret).decode() == "\u00e4" * 250_000
    assert not run(*large, applyset=applyset).changed


@pytest.mark.parametrize(
    ("size", "limit"),
    [(1_500_000, "it may be at most 1,048,576"), (3_500_000, "it may be at most 3,145,728")],
)
def test_a_config_map_that_is_too_large(run: Any, make: Any, live: Any, size: int, limit: str) -> None:
    told = failure(run, make.config_map("large", a="x" * size), make.config_map("small", a="x"))
    assert told.startswith(f"ConfigMap {make.namespace}/large (definitions[0]): is too large: {size:,}"[:-3])
    assert f"bytes were sent, and {limit}" in told
    assert "Split it, or keep the bulk of it outside of the cluster's objects." in told
    assert len(told) < 500
    assert live.names("configmap", make.namespace) == ["small"]


def test_a_secret_that_is_too_large(run: Any, make: Any, live: Any) -> None:
    told = failure(run, make.secret("large", a="x" * 1_200_000))
    assert "bytes were sent, and it may be at most 1,048,576" in told
    assert "xxxx" not in told


@pytest.mark.parametrize(
    ("size", "limit"),
    [(1_600_000, "etcd takes (as a rule) at most 1,572,864"), (2_200_000, "it may be at most 2,097,152")],
)
def test_a_custom_resource_that_etcd_does_not_take(
    run: Any, make: Any, make_crd: Any, cluster: Any, size: int, limit: str
) -> None:
    name = "bulks"
    run(make_crd(name, "Bulk"))
    large = {"apiVersion": "example.com/v1", "kind": "Bulk", "metadata": {"name": "b", "namespace": make.namespace}}
    try:
        assert run({**large, "a": "x" * 1_000_000}).changed
        assert f"bytes were sent, and {limit}" in failure(run, {**large, "a": "x" * size})
    finally:
        cluster.kubectl("delete", "crd", f"{name}.example.com")
