# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A webhook that denies or does not answer costs the objects that it is about, and no others."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.kube import apply
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import ApplyFailed, WebhookFailed

from .webhook import HANG, Webhook

CONCURRENCY = 8
OBJECTS = 20
BAD = "c07"


def objects(make: Any) -> list[Any]:
    return [make.config_map(f"c{index:02}", a="1") for index in range(OBJECTS)]


@pytest.mark.parametrize("dry_run", [False, True])
def test_one_that_is_denied_is_told_and_the_others_are_applied(
    run: Any, make: Any, live: Any, webhook: Webhook, dry_run: bool
) -> None:
    webhook.decide = lambda name: "no sevens here" if name == BAD else ""
    with pytest.raises(ApplyFailed) as caught:
        run(*objects(make), dry_run=dry_run)
    (failure,) = caught.value.failures
    place = f"ConfigMap {make.namespace}/{BAD} (definitions[7])"
    assert failure == f'{place}: admission webhook "{make.namespace}.example.com" denied the request: no sevens here'
    assert len(caught.value.done) == OBJECTS - 1
    assert len(live.names("configmap", make.namespace)) == (0 if dry_run else OBJECTS - 1)
    webhook.decide = lambda _name: ""
    assert sum(change.action == "created" for change in run(*objects(make)).changes) == (OBJECTS if dry_run else 1)


def test_one_that_hangs_is_told_and_asked_only_once(run: Any, make: Any, live: Any, webhook: Webhook) -> None:
    webhook.decide = lambda name: HANG if name == BAD else ""
    with pytest.raises(ApplyFailed) as caught:
        run(*objects(make))
    (failure,) = caught.value.failures
    assert failure.startswith(
        f"ConfigMap {make.namespace}/{BAD} (definitions[7]): "
        f'the admission webhook "{make.namespace}.example.com" failed: failed to call webhook: Post "https://127.0.0.1:'
    )
    assert (
        "context deadline exceeded. Until it answers, nothing that it has to be asked about can be written" in failure
    )
    assert webhook.asked.count(BAD) == 1
    assert len(live.names("configmap", make.namespace)) == OBJECTS - 1


def test_one_that_is_gone_is_told_by_name(run: Any, session: Any, make: Any, webhook: Webhook) -> None:
    run(*objects(make)[:1])
    webhook.shutdown()
    webhook.socket.close()
    with pytest.raises(ApplyFailed, match=f'"{make.namespace}.example.com" failed: .*connection refused'):
        run(*objects(make))
    with pytest.raises(WebhookFailed) as caught:
        session.request("DELETE", f"/api/v1/namespaces/{make.namespace}/configmaps/c00")
    assert caught.value.webhook == f"{make.namespace}.example.com"


def test_one_that_fails_again_and_again_is_not_asked_for_all(
    run: Any, make: Any, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apply, "WEBHOOK_FAILURES", 2)
    webhook.shutdown()
    webhook.socket.close()
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "other", "namespace": make.namespace}}
    with pytest.raises(ApplyFailed) as caught:
        run(*objects(make), secret)
    not_tried = [failure for failure in caught.value.failures if "not tried, for a webhook failed for 2" in failure]
    assert OBJECTS > len(not_tried) >= OBJECTS - 2 - CONCURRENCY
    assert len(caught.value.failures) == OBJECTS
    assert [change.key.name for change in caught.value.done] == ["other"]
