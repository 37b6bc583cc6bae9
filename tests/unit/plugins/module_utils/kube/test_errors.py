# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server says, and what we make of it. The answers are those of Kubernetes 1.36."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import (
    ApiError,
    NamespaceTerminating,
    TooLarge,
    WebhookFailed,
    api_error,
)


def test_a_webhook_is_named() -> None:
    said = (
        'Internal error occurred: failed calling webhook "sidecar.istio.io": failed to call webhook: Post '
        '"https://istiod.istio-system.svc:443/inject?timeout=10s": context deadline exceeded'
    )
    error = api_error(500, {"message": said, "reason": "InternalError"})
    assert isinstance(error, WebhookFailed)
    assert error.webhook == "sidecar.istio.io"
    assert 'the admission webhook "sidecar.istio.io" failed: failed to call webhook: Post "https://istiod' in str(error)
    assert "validatingwebhookconfigurations,mutatingwebhookconfigurations" in str(error)


def test_a_conversion_webhook_is_told_by_its_kind() -> None:
    said = 'conversion webhook for split.smi-spec.io/v1alpha2, Kind=TrafficSplit failed: Post "https://x": refused'
    error = api_error(500, {"message": said})
    assert isinstance(error, WebhookFailed)
    assert error.webhook == "split.smi-spec.io/v1alpha2, Kind=TrafficSplit"
    assert str(error).startswith(
        "the conversion webhook for split.smi-spec.io/v1alpha2, Kind=TrafficSplit failed: Post"
    )


def test_what_a_webhook_denies_is_told_as_it_is() -> None:
    said = 'admission webhook "w" denied the request: failed calling webhook "x": y'
    assert api_error(403, {"message": said}).__class__ is ApiError


def test_a_namespace_on_its_way_out_is_named() -> None:
    said = 'configmaps "new" is forbidden: unable to create new content in namespace a-b because it is being terminated'
    cause = {"reason": "NamespaceTerminating", "message": "namespace a-b is being terminated"}
    error = api_error(403, {"message": said, "reason": "Forbidden", "details": {"causes": [cause]}})
    assert isinstance(error, NamespaceTerminating)
    assert error.namespace == "a-b"
    assert "kubectl get namespace a-b -o yaml" in str(error)


def too_long(field: str, limit: int) -> dict[str, Any]:
    cause = {"reason": "FieldValueTooLong", "message": "Too long", "field": field}
    said = f'ConfigMap "a" is invalid: {field}: Too long: may not be more than {limit} bytes'
    return {"message": said, "reason": "Invalid", "details": {"causes": [cause]}}


@pytest.mark.parametrize(
    ("status", "body", "limit"),
    [
        (413, {"message": "Request entity too large: limit is 3145728"}, "it may be at most 3,145,728"),
        (413, "<html>Payload Too Large</html>", "it may be less"),
        (500, {"message": "etcdserver: request is too large"}, "etcd takes (as a rule) at most 1,572,864"),
        (
            500,
            {"message": "rpc error: trying to send message larger than max (9 vs. 2097152)"},
            "it may be at most 2,097,152",
        ),
        (422, too_long("[]", 1048576), "it may be at most 1,048,576"),
        (422, too_long("data", 1048576), "it may be at most 1,048,576"),
    ],
)
def test_size_and_limit_are_told(status: int, body: Any, limit: str) -> None:
    error = api_error(status, body, 4_000_000)
    assert isinstance(error, TooLarge)
    assert f"is too large: 4,000,000 bytes were sent, and {limit} (" in str(error)


def test_a_field_that_is_too_long_is_not_the_whole_object() -> None:
    assert api_error(422, too_long("metadata.annotations", 262144), 300_000).__class__ is ApiError


@pytest.mark.parametrize(
    "body",
    [None, [], "text", {"details": []}, {"details": {"causes": "x"}}, {"details": {"causes": ["x"]}}, {"metadata": 1}],
)
def test_the_error_of_something_else_is_told_too(body: Any) -> None:
    error = api_error(500, body)
    assert error.status == 500
    assert error.causes == []
    assert str(error)
