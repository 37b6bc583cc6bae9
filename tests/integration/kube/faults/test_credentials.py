# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials that end in mid-run: read anew once, by one for all, and told when that does not help."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.connection import resolve_connection
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.converge import Request, converge_in
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import AuthenticationFailed, KubeError
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session, open_session

from .identity import (
    credential,
    exec_plugin,
    kubeconfig,
    make_worker,
    token,
    write_client_certificate,
)

THREADS = 8


def ask_at_once(session: Session, path: str) -> list[Any]:
    """What so many threads get that ask at the same moment."""
    barrier = threading.Barrier(THREADS)

    def ask(_number: int) -> Any:
        barrier.wait()
        try:
            return session.get_json(path)["kind"]
        except KubeError as error:
            return error

    with ThreadPoolExecutor(THREADS) as executor:
        return list(executor.map(ask, range(THREADS)))


def await_refused(connection: dict[str, Any], path: str, seconds: float) -> None:
    """Until the server refuses these credentials; it remembers for 10 seconds that it took a token."""
    deadline = time.monotonic() + seconds
    with Session(resolve_connection(connection)) as old:
        while True:
            assert time.monotonic() < deadline
            try:
                old.get_json(path)
            except AuthenticationFailed:
                return
            time.sleep(0.3)


def test_tokens_that_are_revoked(cluster: Any, make: Any, live: Any, tmp_path: Path) -> None:
    """From a kubeconfig, from a file that it names, from a command, and one of which there is no other."""
    namespace = make.namespace
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    make_worker(cluster, namespace)

    def write(value: str) -> None:
        (tmp_path / "kubeconfig").write_text(json.dumps(kubeconfig(cluster, token=value)))
        (tmp_path / "token").write_text(value + "\n")
        (tmp_path / "credential").write_text(credential(value))

    first = token(cluster, namespace, "first")
    write(first)
    users = {
        "file": {"kubeconfig": str(tmp_path / "kubeconfig")},
        "token-file": {"kubeconfig": kubeconfig(cluster, tokenFile=str(tmp_path / "token"))},
        "command": {"kubeconfig": kubeconfig(cluster, exec=exec_plugin(tmp_path))},
        "fixed": {"kubeconfig": kubeconfig(cluster, token=first)},
    }
    with ExitStack() as stack:
        sessions = {name: stack.enter_context(open_session(each)) for name, each in users.items()}
        for name, session in sessions.items():
            request = Request(users[name], [make.config_map(f"{name}-1", a="1")])
            assert converge_in(session, request).changed
        write(token(cluster, namespace, "second"))
        cluster.kubectl("delete", "secret", "first", "-n", namespace)
        await_refused(users["fixed"], path, 20)

        answers = ask_at_once(sessions["command"], path)
        assert answers == ["ConfigMapList"] * THREADS
        assert (tmp_path / "runs").read_text() == "run\n" * 2
        for name in ("file", "token-file"):
            request = Request(users[name], [make.config_map(f"{name}-{number}", a="1") for number in range(2, 22)])
            changes = converge_in(sessions[name], request).changes
            assert [change.action for change in changes] == ["created"] * 20
        for answer in ask_at_once(sessions["fixed"], path):
            assert isinstance(answer, AuthenticationFailed)
            assert "the token or password is expired, revoked, or for another cluster" in str(answer)
            assert "Until now they were accepted in this run. They were read anew: the same again." in str(answer)
            assert first not in str(answer)
    assert len(live.names("configmap", namespace)) == 4 + 40


def test_a_client_certificate_that_expires(cluster: Any, make: Any, live: Any, tmp_path: Path) -> None:
    options = {"client_cert": str(tmp_path / "client.crt"), "client_key": str(tmp_path / "client.key")}
    connection = {"kubeconfig": str(cluster.kubeconfig), **options}
    write_client_certificate(cluster, tmp_path, seconds=4)
    with open_session(connection) as renewed, open_session(connection) as lost:
        converge_in(renewed, Request(connection, [make.config_map("c-1")]))
        ask_at_once(lost, "/api/v1/namespaces")
        await_refused(connection, "/api/v1/namespaces", 20)
        for answer in ask_at_once(lost, "/api/v1/namespaces"):
            assert isinstance(answer, AuthenticationFailed)
            assert "the client certificate expired on" in str(answer)
            assert "the same again" in str(answer)

        write_client_certificate(cluster, tmp_path, seconds=600)
        request = Request(connection, [make.config_map(f"c-{number}") for number in range(2, 22)])
        assert [change.action for change in converge_in(renewed, request).changes] == ["created"] * 20
    assert len(live.names("configmap", make.namespace)) == 21


def test_new_credentials_must_lead_to_the_same_place(cluster: Any, namespace: str, tmp_path: Path) -> None:
    """Who switches the context of a kubeconfig in mid-run does not switch the run."""
    content = kubeconfig(cluster)
    pair = {"client-certificate": str(tmp_path / "client.crt"), "client-key": str(tmp_path / "client.key")}
    content["users"][0]["user"] = pair
    other = {"name": "other", "context": content["contexts"][0]["context"]}
    content["contexts"].append(other)
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(content))
    write_client_certificate(cluster, tmp_path, seconds=3)
    with open_session({"kubeconfig": str(path)}) as session:
        session.get_json("/api/v1/namespaces")
        await_refused({"kubeconfig": str(path)}, "/api/v1/namespaces", 20)
        write_client_certificate(cluster, tmp_path, seconds=600)
        path.write_text(json.dumps({**content, "current-context": "other"}))
        with pytest.raises(
            AuthenticationFailed, match=r"They were read anew: they lead elsewhere now, to .*context other"
        ):
            session.get_json("/api/v1/namespaces")


def test_a_command_that_fails_in_mid_run_is_told(cluster: Any, make: Any, tmp_path: Path) -> None:
    """The certificate comes from a command here, whose second run fails."""
    write_client_certificate(cluster, tmp_path, seconds=3)
    pair = {
        "clientCertificateData": (tmp_path / "client.crt").read_text(),
        "clientKeyData": (tmp_path / "client.key").read_text(),
    }
    content = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": pair}
    (tmp_path / "credential").write_text(json.dumps(content))
    connection = {"kubeconfig": kubeconfig(cluster, exec=exec_plugin(tmp_path))}
    with open_session(connection) as session:
        session.get_json("/api/v1/namespaces")
        await_refused(connection, "/api/v1/namespaces", 20)
        (tmp_path / "credential").unlink()
        answers = ask_at_once(session, "/api/v1/namespaces")
    assert (tmp_path / "runs").read_text().count("run") == 3  # the session, who looked for the end, the session again
    for answer in answers:
        assert isinstance(answer, AuthenticationFailed)
        assert "no credentials could be had: exec: process returned 1" in str(answer)
