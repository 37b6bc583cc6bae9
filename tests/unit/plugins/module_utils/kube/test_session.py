# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A session against real sockets: retries, TLS, proxies, and what it says when there is no answer."""

from __future__ import annotations

import datetime
import http.server
import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.kube import patience
from ansible_collections.servicemesh.platform.plugins.module_utils.kube import session as session_module
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.connection import Connection
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import (
    ApiError,
    AuthenticationFailed,
    CertificateRejected,
    Conflict,
    ConnectionFailed,
    InvalidArgument,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session, open_session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Answer = tuple[int, dict[str, str], Any]


class Server(http.server.ThreadingHTTPServer):
    """Gives the answers in turn, the last one for ever, and remembers what it was asked."""

    def __init__(self, answers: list[Answer]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = answers
        self.asked: list[tuple[str, dict[str, str]]] = []


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.asked.append((self.path, dict(self.headers.items())))
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, headers, body = self.server.answers[0]
        if len(self.server.answers) > 1:
            self.server.answers.pop(0)
        if status == 0:
            self.close_connection = True
            return
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    do_PATCH = do_DELETE = do_GET  # noqa: N815 - the names that the base class looks for

    def log_message(self, *args: object) -> None:
        """Tests are quiet."""


Serve = Callable[..., Server]


@pytest.fixture
def serve() -> Iterator[Serve]:
    running: list[Server] = []

    def start(*answers: Answer, context: ssl.SSLContext | None = None) -> Server:
        server = Server(list(answers) or [(200, {}, {"ok": True})])
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        running.append(server)
        return server

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


def session_with(server: Server, scheme: str = "http", **settings: Any) -> Session:
    return Session(Connection(f"{scheme}://127.0.0.1:{server.server_port}", "the test", **settings))


def test_waits_as_long_as_the_server_asks(serve: Serve) -> None:
    server = serve((429, {"Retry-After": "0.2"}, {}), (503, {"Retry-After": "0.2"}, {}), (200, {}, {"a": 1}))
    assert session_with(server).get_json("/x") == {"a": 1}
    assert len(server.asked) == 3


def test_gives_up_when_the_server_asks_for_too_long(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PATIENCE", 0.5)
    server = serve((429, {"Retry-After": "60"}, {"message": "too many requests"}))
    with pytest.raises(ApiError, match="too many requests") as caught:
        session_with(server).get_json("/x")
    assert caught.value.status == 429
    assert len(server.asked) == 1


def test_repeats_a_request_whose_connection_broke(serve: Serve) -> None:
    server = serve((200, {}, {}), (0, {}, {}), (200, {}, {"a": 1}))
    session = session_with(server)
    session.get_json("/first")
    assert session.get_json("/second") == {"a": 1}
    assert [path for path, _headers in server.asked] == ["/first", "/second", "/second"]


def test_a_first_connection_that_breaks_is_not_the_end(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """But one that always breaks is told sooner than later, for it is probably not an API server."""
    assert session_with(serve((0, {}, {}), (200, {}, {"a": 1}))).get_json("/x") == {"a": 1}
    monkeypatch.setattr(patience, "DOUBT", 0.3)
    with pytest.raises(ConnectionFailed, match="cannot be reached: the connection was cut off"):
        session_with(serve((0, {}, {}))).get_json("/x")


def test_an_answer_that_does_not_come_is_told(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "READ_TIMEOUT", 0.2)
    silent = socket.create_server(("127.0.0.1", 0))
    with silent, pytest.raises(ConnectionFailed, match="cannot be reached: no answer within 0 seconds"):
        Session(Connection(f"http://127.0.0.1:{silent.getsockname()[1]}", "the test")).get_json("/x")


def test_a_deletion_that_was_done_before_its_connection_broke_has_succeeded(serve: Serve) -> None:
    gone = {"message": "not found", "reason": "NotFound"}
    session = session_with(serve((200, {}, {}), (0, {}, {}), (404, {}, gone)))
    session.get_json("/first")
    assert session.request("DELETE", "/x")["status"] == "Success"
    with pytest.raises(ApiError, match="not found"):
        session.request("DELETE", "/x")
    with pytest.raises(ApiError, match="not found"):
        session_with(serve((0, {}, {}), (404, {}, gone))).request("GET", "/x")


@pytest.mark.parametrize(
    ("status", "message", "method"),
    [
        (500, "Internal error occurred: something", "PATCH"),
        (502, "", "PATCH"),
        (504, "Timeout", "GET"),
        (409, "Operation cannot be fulfilled on x: the object has been modified; please apply your changes", "PATCH"),
        (403, 'pods "p" is forbidden: error looking up service account a/b: serviceaccount "b" not found', "PATCH"),
        (403, 'pods "p" is forbidden: status unknown for quota: q, resources: pods', "PATCH"),
    ],
)
def test_what_passes_is_waited_for(serve: Serve, status: int, message: str, method: str) -> None:
    server = serve((status, {}, {"message": message}), (status, {}, {"message": message}), (200, {}, {"a": 1}))
    assert session_with(server).request(method, "/x", body={"metadata": {}}) == {"a": 1}
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("status", "message", "body"),
    [
        (500, 'Internal error occurred: failed calling webhook "w": failed to call webhook: Post "x": refused', {}),
        (500, "etcdserver: request is too large", {}),
        (500, "etcdserver: mvcc: database space exceeded", {}),
        (413, "Request entity too large: limit is 3145728", {}),
        (403, "configmaps is forbidden: User cannot patch", {}),
        (409, "the object has been modified", {"metadata": {"resourceVersion": "7"}}),
        (422, "is invalid", {}),
        (404, "not found", {}),
    ],
)
def test_what_lasts_is_told_at_once(
    serve: Serve, status: int, message: str, body: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "DOUBT", 0.0)
    server = serve((status, {}, {"message": message}))
    with pytest.raises(ApiError):
        session_with(server).request("PATCH", "/x", body=body)
    assert len(server.asked) == 1


def test_a_server_that_has_just_come_back_may_forbid_for_a_moment(serve: Serve) -> None:
    """It has not read yet who may do what."""
    forbidden = (403, {}, {"message": 'User "u" cannot get resource "x"', "reason": "Forbidden"})
    session = session_with(serve((200, {}, {}), (0, {}, {}), forbidden, forbidden, (200, {}, {"a": 1})))
    session.get_json("/first")
    assert session.get_json("/x") == {"a": 1}


def test_a_list_that_expired_goes_on_where_it_was(serve: Serve) -> None:
    first = {"metadata": {"continue": "old"}, "items": [1, 2]}
    expired = {"message": "too old", "reason": "Expired", "metadata": {"continue": "from here"}}
    server = serve((200, {}, first), (410, {}, expired), (200, {}, {"metadata": {}, "items": [3]}))
    assert list(session_with(server).list_objects("/x")) == [1, 2, 3]
    assert [path.rpartition("continue=")[2] for path, _headers in server.asked[1:]] == ["old", "from+here"]
    server = serve((200, {}, first), (410, {}, {"message": "too old"}))
    with pytest.raises(ApiError, match="too old"):
        list(session_with(server).list_objects("/x"))


def renewing(server: Server, *tokens: str) -> Session:
    """A session whose credentials are these, one after the other; the last ones are all there is."""
    left = list(tokens)

    def connect() -> Connection:
        token = left.pop(0) if len(left) > 1 else left[0]
        return Connection(f"http://127.0.0.1:{server.server_port}", "the test", authorization=f"Bearer {token}")

    def reopen() -> Session:
        fresh = Session(connect())
        fresh.get_json("/version")
        return fresh

    return Session(connect(), reopen=reopen)


def test_credentials_that_expire_are_read_anew(serve: Serve) -> None:
    server = serve((200, {}, {}), (401, {}, {}), (200, {}, {}), (200, {}, {"a": 1}))
    session = renewing(server, "first", "second", "third")
    session.get_json("/x")
    assert session.get_json("/y") == {"a": 1}
    assert [(path, headers["Authorization"]) for path, headers in server.asked] == [
        ("/x", "Bearer first"),
        ("/y", "Bearer first"),
        ("/version", "Bearer second"),
        ("/y", "Bearer second"),
    ]


def test_credentials_that_were_never_accepted_are_not_read_anew(serve: Serve) -> None:
    server = serve((401, {}, {}))
    with pytest.raises(AuthenticationFailed, match=r"expired, revoked, or for another cluster\.$"):
        renewing(server, "first", "second").get_json("/x")
    assert len(server.asked) == 1


def test_credentials_that_stay_refused_are_read_anew_once(serve: Serve) -> None:
    server = serve((200, {}, {}), (401, {}, {}))
    session = renewing(server, "first", "second", "third")
    session.get_json("/x")
    for _time in range(2):
        with pytest.raises(AuthenticationFailed, match=r"Until now they were accepted .* read anew: the same again\."):
            session.get_json("/y")
    assert [path for path, _headers in server.asked] == ["/x", "/y", "/version", "/y"]


def test_a_watch_reads_credentials_anew_and_ends(serve: Serve) -> None:
    server = serve((200, {}, {}), (401, {}, {}), (200, {}, {}), (200, {}, '{"type": "ADDED"}\n'))
    session = renewing(server, "first", "second")
    session.get_json("/x")
    assert list(session.watch("/w", {}, 1)) == []
    assert list(session.watch("/w", {}, 1)) == [{"type": "ADDED"}]


def test_a_server_that_goes_away_while_credentials_are_read_anew_is_waited_for(serve: Serve) -> None:
    server = serve((200, {}, {}), (401, {}, {}), (0, {}, {}), (200, {}, {}), (200, {}, {"a": 1}))
    session = renewing(server, "first", "second")
    session.get_json("/x")
    assert session.get_json("/y") == {"a": 1}


def test_tells_at_once_when_nobody_listens(serve: Serve) -> None:
    server = serve()
    server.shutdown()
    server.server_close()
    with pytest.raises(ConnectionFailed, match=r"\(the test\) cannot be reached: connection refused"):
        session_with(server).get_json("/x")


@pytest.mark.parametrize("body", ["<html>", "[]", '"ok"', "null", "{}"])
def test_tells_when_something_else_answers(serve: Serve, body: str) -> None:
    options = {"host": f"http://127.0.0.1:{serve((200, {}, body)).server_port}"}
    for uid in ("", "1234"):
        with pytest.raises(ConnectionFailed, match="does not answer like a Kubernetes API server"):
            open_session({**options, "cluster_uid": uid})


def test_the_error_of_something_between_us_is_told_too(serve: Serve) -> None:
    server = serve((403, {}, {"message": "blocked by the gateway", "details": ["text"]}))
    with pytest.raises(ApiError, match="blocked by the gateway"):
        session_with(server).get_json("/x")


@pytest.mark.parametrize("token", ["hunter2\nx", "hunter2\u20ac"])
def test_a_token_that_cannot_be_sent_is_not_shown(serve: Serve, token: str) -> None:
    with pytest.raises(InvalidArgument, match="such as a line break in a token") as caught:
        session_with(serve(), authorization=f"Bearer {token}").get_json("/x")
    assert "hunter2" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("status", [410, 429, 500, 503])
def test_a_watch_that_is_refused_for_now_just_ends(serve: Serve, status: int) -> None:
    assert list(session_with(serve((status, {}, {"message": "no"}))).watch("/x", {}, 1)) == []


def test_a_watch_that_is_refused_for_good_is_told(serve: Serve) -> None:
    with pytest.raises(ApiError, match="cannot watch"):
        list(session_with(serve((403, {}, {"message": "cannot watch"}))).watch("/x", {}, 1))


def test_a_watch_that_brings_something_else_ends(serve: Serve) -> None:
    assert list(session_with(serve((200, {}, '{"type": "ADDED"}\n<html>\n'))).watch("/x", {}, 1)) == [{"type": "ADDED"}]


def test_tells_reason_and_causes_of_a_refusal(serve: Serve) -> None:
    cause = {"reason": "FieldManagerConflict", "message": 'conflict with "kubectl" using v1', "field": ".data.a"}
    body = {"message": "Apply failed", "reason": "Conflict", "details": {"causes": [cause]}}
    with pytest.raises(Conflict) as caught:
        session_with(serve((409, {}, body))).get_json("/x")
    assert caught.value.fields == [("data.a", "kubectl")]
    assert 'data.a belongs to field manager "kubectl"' in str(caught.value)
    assert "force_conflicts" in str(caught.value)


def test_collects_each_warning_once(serve: Serve) -> None:
    server = serve((200, {"Warning": '299 - "use \\"v2\\""'}, {}))
    session = session_with(server)
    session.get_json("/x")
    session.get_json("/x")
    assert session.warnings == ['use "v2"']


def test_sends_credentials_and_impersonation(serve: Serve) -> None:
    server = serve()
    session_with(server, authorization="Bearer t", impersonate_user="jane", impersonate_groups=("a",)).get_json(
        "/x", {"limit": 1}
    )
    path, headers = server.asked[0]
    assert path == "/x?limit=1"
    assert (headers["Authorization"], headers["Impersonate-User"], headers["Impersonate-Group"]) == (
        "Bearer t",
        "jane",
        "a",
    )


def test_an_address_may_have_a_path(serve: Serve) -> None:
    server = serve()
    Session(Connection(f"http://127.0.0.1:{server.server_port}/k8s/clusters/c-1", "the test")).get_json(
        "/x", {"a": "b"}
    )
    assert [path for path, _headers in server.asked] == ["/k8s/clusters/c-1/x?a=b"]


def test_goes_through_a_proxy_but_not_for_excepted_hosts(serve: Serve) -> None:
    proxy = serve()
    proxy_url = f"http://127.0.0.1:{proxy.server_port}"
    Session(Connection("http://cluster.test", "the test", proxy=proxy_url)).get_json("/x")
    assert [path for path, _headers in proxy.asked] == ["http://cluster.test/x"]
    server = serve()
    session_with(server, proxy=proxy_url, no_proxy="127.0.0.0/8").get_json("/y")
    assert len(proxy.asked) == 1


def test_asks_for_every_page_of_a_list(serve: Serve) -> None:
    first = {"metadata": {"continue": "more"}, "items": [1, 2]}
    server = serve((200, {}, first), (200, {}, {"metadata": {}, "items": None}))
    assert list(session_with(server).list_metadata("/x", "a=b")) == [1, 2]
    assert server.asked[1][0] == "/x?limit=500&labelSelector=a%3Db&continue=more"


class Authority:
    """A CA that issues certificates into a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test CA")])
        self.path = self._write("ca.crt", self._build(self.name, self.key.public_key(), 1, is_ca=True))

    def issue(self, days: int, address: str = "127.0.0.1", starts: int = -10) -> tuple[str, str]:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
        certificate = self._build(name, key.public_key(), days, address=address, starts=starts)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (self.folder / "leaf.key").write_bytes(private)
        return self._write("leaf.crt", certificate), str(self.folder / "leaf.key")

    def _build(
        self, name: x509.Name, key: Any, days: int, is_ca: bool = False, address: str = "", starts: int = -10
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self.name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + datetime.timedelta(days=starts))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.BasicConstraints(is_ca, None), True)
        )
        if address:
            names = [x509.IPAddress(ipaddress.ip_address(address))]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
        return builder.sign(self.key, hashes.SHA256())

    def _write(self, name: str, certificate: x509.Certificate) -> str:
        path = self.folder / name
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return str(path)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def tls(certificate: tuple[str, str]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


def test_accepts_a_valid_certificate(serve: Serve, authority: Authority) -> None:
    server = serve(context=tls(authority.issue(days=1)))
    assert session_with(server, "https", ca_cert=authority.path).get_json("/x") == {"ok": True}


@pytest.mark.parametrize(
    ("certificate", "message"),
    [
        ({"days": -1}, "has expired"),
        ({"days": 2, "starts": 1}, "is not valid yet"),
        ({"days": 1, "address": "192.0.2.1"}, "is for another name"),
    ],
)
def test_tells_what_is_wrong_with_the_servers_certificate(
    serve: Serve, authority: Authority, certificate: dict[str, Any], message: str
) -> None:
    server = serve(context=tls(authority.issue(**certificate)))
    with pytest.raises(CertificateRejected, match=f"The certificate of https://127.0.0.1:.* {message}"):
        session_with(server, "https", ca_cert=authority.path).get_json("/x")
    assert session_with(server, "https", verify=False).get_json("/x") == {"ok": True}


def test_tells_when_the_ca_is_not_trusted(serve: Serve, authority: Authority, tmp_path: Path) -> None:
    server = serve(context=tls(authority.issue(days=1)))
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other")
    with pytest.raises(CertificateRejected, match="is not signed by a CA in"):
        session_with(server, "https", ca_cert=other.path).get_json("/x")


def test_tells_when_our_own_certificate_has_expired(serve: Serve, authority: Authority) -> None:
    certificate, key = authority.issue(days=-1)
    server = serve((401, {}, {"message": "Unauthorized"}))
    with pytest.raises(AuthenticationFailed, match="the client certificate expired on"):
        session_with(server, client_cert=certificate, client_key=key).get_json("/x")


def test_a_handshake_that_is_cut_off_is_no_matter_of_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "DOUBT", 0.3)
    listener = socket.create_server(("127.0.0.1", 0))

    def hang_up() -> None:
        while True:
            try:
                client, _address = listener.accept()
            except OSError:
                return
            client.recv(4096)
            client.close()

    threading.Thread(target=hang_up, daemon=True).start()
    with pytest.raises(ConnectionFailed, match="cannot be reached: the connection was cut off"):
        Session(Connection(f"https://127.0.0.1:{listener.getsockname()[1]}", "the test")).get_json("/x")
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def test_tells_when_a_certificate_file_cannot_be_used(tmp_path: Path) -> None:
    for setting in ("ca_cert", "client_cert"):
        with pytest.raises(CertificateRejected, match=r"/missing.* cannot be used: "):
            Session(Connection("https://127.0.0.1:1", "the test", **{setting: f"{tmp_path}/missing"}))
