# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong around the controller: it converges all the same."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import ssl
import threading
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.cluster import (
    ensure_started,
    ensure_stopped,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.settings import Settings
from ansible_collections.servicemesh.platform.tests.integration.smi_controller.objects import services, split, weights
from ansible_collections.servicemesh.platform.tests.support.smi_controller import (
    NAMESPACE,
    Controller,
    Stage,
    eventually,
    free_port,
)

pytestmark = pytest.mark.slow


@pytest.fixture
def controller(stage: Stage) -> Iterator[Controller]:
    """A controller of this test alone."""
    started = stage.controller().start()
    eventually(started.leads, "it has the Lease", 30)
    yield started
    started.end()


def shares(stage: Stage, namespace: str, name: str) -> list[tuple[str, int]]:
    """The backends of a route; nothing when there is none."""
    found = stage.items("httproutes", "-n", namespace, f"--field-selector=metadata.name={name}")
    return weights(found[0]) if found else []


def test_who_leads_is_killed_and_another_takes_over(stage: Stage, controller: Controller, namespace: str) -> None:
    second = stage.controller(port=free_port()).start()
    try:
        assert not second.leads()
        # In the version that is stored: with the only webhook dead, the others cannot be had.
        stage.cluster.apply(*services("cart", namespace, "a", "b"), split("cart", namespace, "v1alpha4", a=1, b=1))
        eventually(lambda: shares(stage, namespace, "cart-8080"), "the first one writes")
        controller.end(signal.SIGKILL)
        stage.cluster.apply(split("cart", namespace, "v1alpha4", a=1, b=3))
        took = eventually(
            lambda: shares(stage, namespace, "cart-8080") == [("cart-a", 1), ("cart-b", 3)],
            "the second one writes",
            40,
        )
        assert second.leads()
        assert took < 30
    finally:
        second.end()


def test_who_stops_lets_go_of_the_lease(stage: Stage, controller: Controller, namespace: str) -> None:
    second = stage.controller(port=free_port()).start()
    try:
        assert controller.end() == 0
        assert eventually(second.leads, "the second one has the Lease") < 6
    finally:
        assert second.end() == 0


def test_a_lease_with_a_clock_that_is_wrong_is_taken_in_time(stage: Stage, namespace: str) -> None:
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "smi-controller", "namespace": NAMESPACE},
        "spec": {
            "holderIdentity": "somebody-from-the-future",
            "leaseDurationSeconds": 3,
            "renewTime": "2099-01-01T00:00:00.000000Z",
            "acquireTime": "2099-01-01T00:00:00.000000Z",
        },
    }
    stage.cluster.kubectl("delete", "lease", "smi-controller", "-n", NAMESPACE, "--ignore-not-found")
    stage.cluster.kubectl("create", "-f", "-", stdin=json.dumps(lease))
    started = stage.controller().start()
    try:
        assert not started.leads()
        assert eventually(started.leads, "a Lease that nobody renews is taken") > 1
    finally:
        started.end()


def test_a_dead_leader_from_the_past_is_not_taken_for_dead_at_once(stage: Stage, namespace: str) -> None:
    """Its clock may be behind: what counts is that it has not renewed since it was first seen."""
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "smi-controller", "namespace": NAMESPACE},
        "spec": {
            "holderIdentity": "somebody-from-the-past",
            "leaseDurationSeconds": 6,
            "renewTime": "2001-01-01T00:00:00.000000Z",
        },
    }
    stage.cluster.kubectl("delete", "lease", "smi-controller", "-n", NAMESPACE, "--ignore-not-found")
    stage.cluster.kubectl("create", "-f", "-", stdin=json.dumps(lease))
    begin = time.monotonic()
    started = stage.controller().start()
    try:
        eventually(started.leads, "the Lease is taken in the end", 20)
        assert time.monotonic() - begin > 5
    finally:
        started.end()


def test_the_api_server_is_restarted(stage: Stage, controller: Controller, namespace: str) -> None:
    stage.cluster.apply(*services("cart", namespace, "a", "b"), split("cart", namespace, a=1, b=1))
    eventually(lambda: shares(stage, namespace, "cart-8080"), "the route is there")
    settings = Settings("integration", stage.cluster.binary, "10.96.0.0/16", "10.244.0.0/16", durable=False)
    ensure_stopped("integration", stage.cluster.state_dir, 120)
    ensure_started(settings, stage.cluster.state_dir, 120)
    stage.cluster.apply(split("cart", namespace, "v1alpha3", a=5, b=1))
    eventually(
        lambda: shares(stage, namespace, "cart-8080") == [("cart-a", 5), ("cart-b", 1)], "the change arrives", 60
    )
    assert controller.process is not None
    assert controller.process.poll() is None


def test_a_crd_is_replaced_under_it(stage: Stage, controller: Controller, namespace: str) -> None:
    name = "trafficsplits.split.smi-spec.io"
    stage.cluster.apply(*services("cart", namespace, "a"), split("cart", namespace, a=1))
    eventually(lambda: shares(stage, namespace, "cart-8080"), "the route is there")
    stage.cluster.kubectl("delete", "crd", name, "--wait")
    eventually(lambda: not shares(stage, namespace, "cart-8080"), "without its split the route is gone", 30)
    stage.cluster.apply(*(each for each in stage.definitions() if each["metadata"]["name"] == name))
    stage.cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", f"crd/{name}")
    eventually(lambda: _applied(stage, split("cart", namespace, a=2)), "the kind is served again", 30)
    eventually(lambda: shares(stage, namespace, "cart-8080") == [("cart-a", 2)], "the new one is carried out", 30)


def _applied(stage: Stage, obj: dict[str, Any]) -> bool:
    told = stage.cluster.kubectl("apply", "--server-side", "-f", "-", check=False, stdin=json.dumps(obj))
    return "serverside-applied" in told


def test_a_watch_that_has_expired_begins_anew(stage: Stage, controller: Controller, namespace: str) -> None:
    """The process stands still while etcd forgets what it had seen."""
    stage.cluster.apply(*services("cart", namespace, "a", "b"), split("cart", namespace, "v1alpha4", a=1, b=1))
    eventually(lambda: shares(stage, namespace, "cart-8080"), "the route is there")
    before = controller.metric("smi_controller_lists")
    assert controller.process is not None
    controller.process.send_signal(signal.SIGSTOP)
    settings = Settings("integration", stage.cluster.binary, "10.96.0.0/16", "10.244.0.0/16", durable=False)
    ensure_stopped("integration", stage.cluster.state_dir, 120)  # its watch cache begins later than the watches
    ensure_started(settings, stage.cluster.state_dir, 120)
    stage.cluster.apply(split("cart", namespace, "v1alpha4", a=9, b=1))
    controller.process.send_signal(signal.SIGCONT)
    eventually(
        lambda: shares(stage, namespace, "cart-8080") == [("cart-a", 9), ("cart-b", 1)], "the change arrives", 60
    )
    assert controller.metric("smi_controller_lists") > before


def test_the_certificate_is_changed_under_load_without_a_failed_call(
    stage: Stage, controller: Controller, namespace: str
) -> None:
    stage.cluster.apply(*services("cart", namespace, "a"), split("cart", namespace, a=1))
    failures: list[str] = []
    calls = [0]
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            told = stage.cluster.kubectl(
                "get", "trafficsplits.v1alpha1.split.smi-spec.io", "-n", namespace, "-o", "name", check=False
            )
            calls[0] += 1
            if "trafficsplit" not in told:
                failures.append(told)

    readers = [threading.Thread(target=read) for _reader in range(2)]
    for each in readers:
        each.start()
    serials = {_serial(stage)}
    for _turn in range(3):
        stage.authority.write(stage.folder / "certificates")
        eventually(lambda: _serial(stage) not in serials, "new connections get the new certificate")
        serials.add(_serial(stage))
    over.set()
    for each in readers:
        each.join()
    assert failures == []
    assert calls[0] > 20
    assert len(serials) == 4


def _serial(stage: Stage) -> bytes:
    context = ssl.create_default_context(cadata=stage.authority.pem)
    with socket.create_connection(("127.0.0.1", stage.port)) as plain, context.wrap_socket(
        plain, server_hostname="localhost"
    ) as secured:
        found = secured.getpeercert(binary_form=True)
    assert found
    return found


def test_a_certificate_that_cannot_be_used_leaves_the_old_one(stage: Stage, controller: Controller) -> None:
    before = _serial(stage)
    good = (stage.folder / "certificates" / "tls.crt").read_bytes()
    (stage.folder / "certificates" / "tls.crt").write_bytes(b"no certificate")
    eventually(lambda: "cannot be used" in controller.log(), "the bad file is told of")
    assert _serial(stage) == before
    (stage.folder / "certificates" / "tls.crt").write_bytes(good)


def test_the_controller_is_dead(stage: Stage, controller: Controller, namespace: str) -> None:
    """What docs/controller.md says of it: the stored version can be read and written, the others cannot."""
    stage.cluster.apply(*services("cart", namespace, "a"), split("cart", namespace, "v1alpha4", a=1))
    controller.end(signal.SIGKILL)
    assert stage.get("trafficsplits.v1alpha4.split.smi-spec.io", "cart", "-n", namespace)
    told = stage.cluster.kubectl(
        "get", "trafficsplits.v1alpha2.split.smi-spec.io", "cart", "-n", namespace, check=False
    )
    assert "conversion webhook" in told
    stage.cluster.apply(split("cart", namespace, "v1alpha4", a=4))
    controller.start()
    assert stage.get("trafficsplits.v1alpha2.split.smi-spec.io", "cart", "-n", namespace)
    eventually(lambda: shares(stage, namespace, "cart-8080") == [("cart-a", 4)], "it goes on where it ended", 30)


def test_a_webhook_request_that_is_none_is_refused(stage: Stage, controller: Controller) -> None:
    context = ssl.create_default_context(cadata=stage.authority.pem)
    for body, reason in ((b"{", "no JSON"), (b"[]", "no object"), (b'{"kind": "Pod"}', "no ConversionReview")):
        request = urllib.request.Request(f"https://127.0.0.1:{stage.port}/convert", body, method="POST")
        with pytest.raises(urllib.error.HTTPError) as caught, contextlib.suppress(ConnectionError):
            urllib.request.urlopen(request, context=context, timeout=5)
        assert caught.value.code == 400
        assert reason in caught.value.read().decode()
