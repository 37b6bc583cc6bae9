# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which cluster the options lead to, and what is told when they lead nowhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.connection import resolve_connection
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import (
    AuthenticationFailed,
    InvalidArgument,
    KubeconfigInvalid,
)


def kubeconfig(server: str = "https://192.0.2.1:6443", **user: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "blue",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": user or {"token": "from-kubeconfig"}}],
        "contexts": [{"name": name, "context": {"cluster": "c", "user": "u"}} for name in ("blue", "green")],
    }


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(kubeconfig()))
    return str(path)


def test_reads_a_file_or_a_mapping(file: str) -> None:
    for given in (file, kubeconfig()):
        connection = resolve_connection({"kubeconfig": given}, {})
        assert connection.host == "https://192.0.2.1:6443"
        assert connection.authorization == "Bearer from-kubeconfig"
        assert connection.origin.endswith("context blue")


def test_the_environment_cannot_redirect_who_says_where_to_go(file: str) -> None:
    environ = {
        "K8S_AUTH_HOST": "https://198.51.100.9:6443",
        "K8S_AUTH_KUBECONFIG": "/elsewhere",
        "K8S_AUTH_API_KEY": "other",
        "K8S_AUTH_CONTEXT": "other",
        "K8S_AUTH_VERIFY_SSL": "no",
    }
    connection = resolve_connection({"kubeconfig": file}, environ)
    assert connection.host == "https://192.0.2.1:6443"
    assert connection.authorization == "Bearer from-kubeconfig"
    assert connection.verify
    connection = resolve_connection({"host": "https://192.0.2.2", "api_key": "mine"}, environ)
    assert (connection.host, connection.authorization, connection.verify) == (
        "https://192.0.2.2",
        "Bearer mine",
        True,
    )


def test_the_environment_counts_for_who_does_not(file: str) -> None:
    environ = {"K8S_AUTH_KUBECONFIG": file, "K8S_AUTH_VERIFY_SSL": "no", "K8S_AUTH_IMPERSONATE_GROUPS": "a,b"}
    connection = resolve_connection({"context": "green"}, environ)
    assert connection.host == "https://192.0.2.1:6443"
    assert connection.origin.endswith("context green")
    assert not connection.verify
    assert connection.impersonate_groups == ("a", "b")


def test_the_default_kubeconfig_is_the_last_but_one_resort(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", file)
    assert resolve_connection({}, {}).host == "https://192.0.2.1:6443"
    monkeypatch.setenv("KUBECONFIG", "/does/not/exist")
    with pytest.raises(KubeconfigInvalid, match="kubeconfig /does/not/exist does not exist"):
        resolve_connection({}, {})


def test_explicit_options_win_over_the_kubeconfig(file: str) -> None:
    options = {
        "kubeconfig": file,
        "host": "https://192.0.2.7:1/",
        "username": "u",
        "password": "p",
        "proxy": "http://p",
    }
    connection = resolve_connection(options, {})
    assert connection.host == "https://192.0.2.7:1"
    assert connection.authorization == "Basic dTpw"
    assert connection.proxy == "http://p"


def test_lists_the_contexts_there_are(file: str) -> None:
    with pytest.raises(KubeconfigInvalid, match=r"has no context red\. It has blue, green\."):
        resolve_connection({"kubeconfig": file, "context": "red"}, {})


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("a: b: c", "line 1: not YAML"),
        ("[]", "holds no mapping"),
        ("", "holds no mapping"),
        ("contexts: []", "sets no current-context. It has none"),
        (json.dumps({**kubeconfig(), "clusters": []}), "Expected object with name c"),
    ],
)
def test_tells_what_is_wrong_with_a_kubeconfig(content: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(content)
    with pytest.raises(KubeconfigInvalid) as caught:
        resolve_connection({"kubeconfig": str(path)}, {})
    assert str(path) in str(caught.value)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"contexts": 5}, "contexts must be a list of mappings"),
        ({"users": "abc"}, "users must be a list of mappings"),
        ({"clusters": ["c"]}, "clusters must be a list of mappings"),
        ({"users": [{"name": "u", "user": "abc"}]}, "user of u must be a mapping"),
        ({"clusters": [{"name": "c", "cluster": {"server": 5}}]}, "context blue: "),
    ],
)
def test_tells_what_is_odd_in_a_file_or_a_mapping(change: dict[str, Any], reason: str, tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps({**kubeconfig(), **change}))
    for given in (str(path), {**kubeconfig(), **change}):
        with pytest.raises(KubeconfigInvalid, match=reason):
            resolve_connection({"kubeconfig": given}, {})


def test_a_message_about_a_kubeconfig_shows_nothing_of_its_secrets(tmp_path: Path) -> None:
    secret = {"auth-provider": {"name": "oidc", "config": {"client-secret": "hunter2", "refresh-token": "hunter3"}}}
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(kubeconfig(**secret)))
    with pytest.raises(KubeconfigInvalid, match="Expected key id-token in ") as caught:
        resolve_connection({"kubeconfig": str(path)}, {})
    assert "hunter" not in str(caught.value)
    for text in (json.dumps(kubeconfig(token="hunter2")), "users:\n- {name: u, user: {token: hunter2}}\n"):
        with pytest.raises(InvalidArgument, match="is the text of a kubeconfig") as refused:
            resolve_connection({"kubeconfig": text}, {})
        assert "hunter" not in str(refused.value)


@pytest.mark.parametrize(
    "host", ["192.0.2.1:6443", "nonsense", "ftp://192.0.2.1", "https://[::1", "https://a:b", "https://"]
)
def test_an_address_that_is_none_is_told(host: str, file: str) -> None:
    for options in ({"host": host}, {"kubeconfig": file, "host": host}):
        with pytest.raises(InvalidArgument, match="no address of an API server; write it as https://"):
            resolve_connection(options, {})


def test_a_kubeconfig_without_an_address_is_told() -> None:
    content = {**kubeconfig(), "clusters": [{"name": "c", "cluster": {}}]}
    with pytest.raises(InvalidArgument, match=r"kubeconfig \(given as a mapping\), context blue gives no address"):
        resolve_connection({"kubeconfig": content}, {})


def test_passwords_in_addresses_are_not_told(file: str) -> None:
    with pytest.raises(InvalidArgument, match=r"\(192.0.2.1\) holds credentials") as caught:
        resolve_connection({"host": "https://jane:hunter2@192.0.2.1"}, {})
    assert "hunter2" not in str(caught.value)
    connection = resolve_connection({"kubeconfig": file, "proxy": "http://jane:hunter%32@192.0.2.9:3128"}, {})
    assert connection.proxy == "http://192.0.2.9:3128"
    assert connection.proxy_headers == {"proxy-authorization": "Basic amFuZTpodW50ZXIy"}
    with pytest.raises(InvalidArgument, match="proxy must be a URL with the scheme http or https"):
        resolve_connection({"kubeconfig": file, "proxy": "192.0.2.9:3128"}, {})


def test_an_explicit_token_takes_the_place_of_the_certificate(tmp_path: Path) -> None:
    """The server would look at the certificate only, and act as another user than was asked for."""
    for name in ("cert", "key"):
        (tmp_path / name).write_text("x")
    content = kubeconfig(**{"client-certificate": str(tmp_path / "cert"), "client-key": str(tmp_path / "key")})
    assert resolve_connection({"kubeconfig": content}, {}).client_cert == str(tmp_path / "cert")
    connection = resolve_connection({"kubeconfig": content, "api_key": "mine\n"}, {})
    assert (connection.client_cert, connection.client_key) == (None, None)
    assert connection.authorization == "Bearer mine"
    both = resolve_connection({"kubeconfig": content, "api_key": "mine", "client_cert": "/c", "client_key": "/k"}, {})
    assert (both.client_cert, both.client_key) == ("/c", "/k")


def test_the_environment_has_every_option_and_is_checked(file: str) -> None:
    environ = {"K8S_AUTH_KUBECONFIG": file, "K8S_AUTH_CLUSTER_UID": "1234"}
    assert resolve_connection({}, environ).cluster_uid == "1234"
    assert resolve_connection({"cluster_uid": "5678"}, environ).cluster_uid == "5678"
    assert resolve_connection({"kubeconfig": file}, environ).cluster_uid == ""
    with pytest.raises(InvalidArgument, match="K8S_AUTH_VERIFY_SSL is 'maybe'; write true or false"):
        resolve_connection({}, {**environ, "K8S_AUTH_VERIFY_SSL": "maybe"})


def test_tells_when_a_kubeconfig_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(KubeconfigInvalid, match="cannot be read: Is a directory"):
        resolve_connection({"kubeconfig": str(tmp_path)}, {})


def plugin(tmp_path: Path, script: str) -> dict[str, Any]:
    path = tmp_path / "plugin"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return kubeconfig(exec={"apiVersion": "client.authentication.k8s.io/v1", "command": str(path), "args": []})


def test_runs_an_exec_plugin(tmp_path: Path) -> None:
    answer = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "fresh"}}
    connection = resolve_connection({"kubeconfig": plugin(tmp_path, f"echo '{json.dumps(answer)}'")}, {})
    assert connection.authorization == "Bearer fresh"


def test_tells_why_an_exec_plugin_gave_no_credentials(tmp_path: Path) -> None:
    with pytest.raises(AuthenticationFailed, match=r"no credentials could be had: exec: process returned 3\. no login"):
        resolve_connection({"kubeconfig": plugin(tmp_path, "echo no login >&2; exit 3")}, {})
