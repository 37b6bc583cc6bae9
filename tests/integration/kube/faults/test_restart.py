# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A control plane that is killed in the middle of our work, and comes back."""

from __future__ import annotations

import base64
import http.client
import json
import os
import signal
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.cluster import ensure_absent, ensure_started
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.settings import Settings
from ansible_collections.servicemesh.platform.plugins.module_utils.kube import session as session_module
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.converge import Outcome, Request, converge
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session, open_session

NAME = "faults"
TIMEOUT = 90
OBJECTS = 400
NAMESPACE = "killed"
PATH = f"/api/v1/namespaces/{NAMESPACE}/configmaps"


@dataclass(frozen=True)
class Mortal:
    """A control plane whose components can be killed."""

    settings: Settings
    state_dir: Path

    def start(self) -> None:
        ensure_started(self.settings, self.state_dir, TIMEOUT)

    def kill(self, component: str) -> None:
        """End a component as a crash does. It is a child of the tests, so they have to wait for it."""
        pid = json.loads((self.state_dir / "run" / f"{component}.json").read_text())["pid"]
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)

    @property
    def connection(self) -> dict[str, str]:
        return {"kubeconfig": str(self.state_dir / "kubeconfig")}

    def forget_history(self) -> None:
        """Have etcd drop all versions but the newest, as it does every five minutes."""
        pki = self.state_dir / "pki"
        context = ssl.create_default_context(cafile=str(pki / "etcd" / "ca.crt"))
        context.load_cert_chain(pki / "apiserver-etcd-client.crt", pki / "apiserver-etcd-client.key")
        port = json.loads((self.state_dir / "cluster.json").read_text())["ports"]["etcd"]
        etcd = http.client.HTTPSConnection("127.0.0.1", port, context=context)
        etcd.request("POST", "/v3/kv/range", json.dumps({"key": base64.b64encode(b"x").decode()}))
        revision = json.load(etcd.getresponse())["header"]["revision"]
        etcd.request("POST", "/v3/kv/compaction", json.dumps({"revision": revision, "physical": True}))
        assert etcd.getresponse().status == 200
        etcd.close()


@pytest.fixture(scope="module")
def mortal(kube_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mortal]:
    settings = Settings(NAME, kube_binary, "10.96.0.0/16", "10.244.0.0/16", durable=False)
    one = Mortal(settings, tmp_path_factory.mktemp("mortal") / "state")
    try:
        one.start()
        yield one
    finally:
        ensure_absent(NAME, one.state_dir, TIMEOUT)


def objects(value: str) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}]
    for index in range(OBJECTS):
        metadata = {"name": f"c{index:03}", "namespace": NAMESPACE}
        made.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": value}})
    return made


class Work(threading.Thread):
    """A call of the engine beside the test."""

    def __init__(self, request: Request) -> None:
        super().__init__(daemon=True)
        self.request = request
        self.came_of_it: Any = None
        self.start()

    def run(self) -> None:
        try:
            self.came_of_it = converge(self.request)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            self.came_of_it = error

    def outcome(self) -> Outcome:
        self.join(TIMEOUT)
        assert isinstance(self.came_of_it, Outcome), self.came_of_it
        return self.came_of_it


def await_some(connection: dict[str, str], value: str) -> None:
    """Until some, but not all, of the objects have the value."""
    with open_session(connection) as session:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if OBJECTS // 8 < count(session, value) < OBJECTS * 7 // 8:
                return
        raise AssertionError("the work was never seen half done")


def count(session: Session, value: str) -> int:
    return sum((item.get("data") or {}).get("a") == value for item in session.list_objects(PATH))


def test_killed_and_started_again_in_mid_apply(mortal: Mortal, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list that has begun before goes on afterwards, although the server has forgotten what it began with."""
    monkeypatch.setattr(session_module, "PAGE", 50)
    applyset = {"name": "killed", "namespace": "sets", "kind": "ConfigMap"}

    def work(value: str, component: str, meanwhile: Callable[[], None] = lambda: None) -> Counter[str]:
        done = Work(Request(mortal.connection, objects(value), applyset=applyset))
        await_some(mortal.connection, value)
        meanwhile()
        mortal.kill(component)
        assert done.is_alive()
        time.sleep(0.5)
        mortal.start()
        return Counter(change.action for change in done.outcome().changes)

    assert work("1", "etcd") == {"created": OBJECTS + 1}
    with open_session(mortal.connection) as session:
        listing = session.list_objects(PATH)
        names = [next(listing)["metadata"]["name"] for _number in range(60)]
        # The API server is what is killed now, for it would give pages of the old version from its memory.
        assert work("2", "kube-apiserver", mortal.forget_history) == {"configured": OBJECTS, "unchanged": 1}
        answers: list[int] = []
        note_status(session, answers)
        rest = list(listing)
        assert 410 in answers
        names += [item["metadata"]["name"] for item in rest]
        assert names == sorted({f"c{index:03}" for index in range(OBJECTS)} | {"kube-root-ca.crt"})
        assert {item["data"]["a"] for item in rest[40:] if "a" in item["data"]} == {"2"}
        assert count(session, "2") == OBJECTS
    assert not converge(Request(mortal.connection, objects("2"), applyset=applyset)).changed


def note_status(session: Session, answers: list[int]) -> None:
    """Note the status of every answer."""
    send: Callable[..., Any] = session._send

    def noting(*args: Any, **kwargs: Any) -> Any:
        response = send(*args, **kwargs)
        answers.append(response.status)
        return response

    session._send = noting  # type: ignore[method-assign]
