# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Talking to one API server: pooled connections, credentials, retries, errors. Knows HTTP, not objects."""

from __future__ import annotations

import json
import re
import ssl
import threading
import time
from datetime import datetime, timezone
from typing import Any, Dict, Iterator, List, Mapping, Optional, Union
from urllib.parse import urlencode

from ansible_collections.servicemesh.platform.plugins.module_utils.kube import libraries, tls
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.connection import (
    Connection,
    resolve_connection,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import (
    ApiError,
    AuthenticationFailed,
    CertificateRejected,
    ConnectionFailed,
    InvalidArgument,
    UnsupportedVersion,
    WrongCluster,
    api_error,
)

try:
    import urllib3
    from urllib3.exceptions import HTTPError
except ImportError:  # libraries.require() tells what to install
    urllib3 = None  # type: ignore[assignment]
    HTTPError = OSError  # type: ignore[assignment, misc]

MINIMUM_VERSION = (1, 30)
"""ValidatingAdmissionPolicy is generally available from here on."""

CONNECT_TIMEOUT = 10.0
"""Seconds for a connection to stand."""
READ_TIMEOUT = 65.0
"""Seconds between two bytes of an answer: a little more than the API server gives a request (60 s)."""
PATIENCE = 30.0
"""Seconds for which a request is repeated that the server turns away for now or whose connection broke."""
PAGE = 500
"""Objects per page of a list."""

METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
"""Accept header of a list that shall bring metadata only: no Secret data, little memory."""

_REPEATABLE_STATUS = (429, 503)
_WATCH_LATER = (410, 429)
"""The version to watch from is too old, or the server is busy: a new list mends both."""
_WARNING = re.compile(r'299 \S+ "((?:[^"\\]|\\.)*)"')

Query = Mapping[str, Union[str, int]]


class Session:
    """Requests to one API server. Safe to use from ``concurrency`` threads at once."""

    def __init__(self, connection: Connection, concurrency: int = 8) -> None:
        libraries.require("urllib3")
        self.connection = connection
        self.concurrency = concurrency
        self.warnings: List[str] = []
        """What the server warned of (deprecated APIs and such), each once."""
        self._reached = False
        self._lock = threading.Lock()
        self._pool = _pool(connection, concurrency)

    def request(
        self,
        method: str,
        path: str,
        query: Optional[Query] = None,
        body: Any = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Dict[str, Any]:
        """Send a request and decode the JSON of the answer.

        Only requests that may be repeated without harm are allowed: GET, DELETE and apply patches. One that
        meets a broken connection, 429 or 503 is repeated for PATIENCE seconds, but the very first one of a
        session meets a connection error at once. Raises ApiError, ConnectionFailed, CertificateRejected,
        AuthenticationFailed, or InvalidArgument for what cannot be sent.
        """
        data = None if body is None else _encode(body)
        headers = {"Accept": accept, "Content-Type": content_type}
        response = self._patiently(method, self._url(path, query), data, headers)
        return self._decode(response)

    def get_json(self, path: str, query: Optional[Query] = None) -> Any:
        """What a GET of the path returns. Raises as ``request`` does."""
        return self.request("GET", path, query)

    def get_or_none(self, path: str) -> Any:
        """As ``get_json``, with None for what does not exist."""
        try:
            return self.get_json(path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def list_objects(self, path: str, label_selector: str = "", accept: str = "application/json") -> Iterator[Any]:
        """All objects of a collection, page by page. They come without their apiVersion and kind."""
        query: Dict[str, Union[str, int]] = {"limit": PAGE}
        if label_selector:
            query["labelSelector"] = label_selector
        while True:
            page = self.request("GET", path, query, accept=accept)
            yield from page.get("items") or ()  # null when there are none
            token = page["metadata"].get("continue")
            if not token:
                return
            query["continue"] = token

    def list_metadata(self, path: str, label_selector: str = "") -> Iterator[Any]:
        """The metadata (as PartialObjectMetadata) of all objects of a collection, page by page."""
        return self.list_objects(path, label_selector, METADATA_ONLY)

    def watch(self, path: str, query: Query, seconds: int) -> Iterator[Any]:
        """The events of a watch for at most so many seconds. A watch that breaks off, or for now is refused, just ends.

        Raises ApiError when it is refused for good (who may not watch), else as ``request``.
        """
        url = self._url(path, {**query, "watch": "true", "timeoutSeconds": seconds})
        try:
            response = self._send("GET", url, None, {"Accept": "application/json"}, stream=True)
        except ConnectionFailed:
            return
        try:
            if response.status in _WATCH_LATER or response.status >= 500:
                return
            if response.status >= 400:
                raise self._error(response)
            for line in _lines(response):
                yield json.loads(line)
        except (HTTPError, OSError, json.JSONDecodeError):
            return
        finally:
            response.close()

    def close(self) -> None:
        """Close all connections."""
        self._pool.clear()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _url(self, path: str, query: Optional[Query]) -> str:
        suffix = "?" + urlencode(query) if query else ""
        return f"{self.connection.host}{path}{suffix}"

    def _patiently(self, method: str, url: str, data: Optional[bytes], headers: Mapping[str, str]) -> Any:
        deadline = time.monotonic() + PATIENCE
        pause = 0.1
        while True:
            wait = pause
            try:
                response = self._send(method, url, data, headers)
                if response.status not in _REPEATABLE_STATUS:
                    return response
                wait = _retry_after(response)
                if time.monotonic() + wait > deadline:
                    return response
            except ConnectionFailed:
                if not self._reached or time.monotonic() + wait > deadline:
                    raise
            time.sleep(wait)
            pause = min(pause * 2, 2.0)

    def _send(
        self, method: str, url: str, data: Optional[bytes], headers: Mapping[str, str], stream: bool = False
    ) -> Any:
        try:
            response = self._pool.request(
                method,
                url,
                body=data,
                headers=self._headers(headers),
                timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT, read=READ_TIMEOUT),
                retries=False,
                redirect=False,
                preload_content=not stream,
            )
        except (HTTPError, OSError) as error:
            raise self._connection_error(error) from error
        except ValueError:
            # Neither its message nor the value may be told: it is a token most of the time.
            raise InvalidArgument(
                f"The credentials (or the user to impersonate) of {self.connection.origin} hold characters that "
                "cannot be sent, such as a line break in a token."
            ) from None
        self._reached = True
        self._note_warnings(response)
        return response

    def _headers(self, own: Mapping[str, str]) -> Any:
        connection = self.connection
        headers = urllib3.HTTPHeaderDict(own)
        headers["User-Agent"] = "servicemesh.platform"
        authorization = connection.authorization()
        if authorization:
            headers["Authorization"] = authorization
        if connection.impersonate_user:
            headers["Impersonate-User"] = connection.impersonate_user
        for group in connection.impersonate_groups:
            headers.add("Impersonate-Group", group)
        return headers

    def _decode(self, response: Any) -> Dict[str, Any]:
        if response.status >= 400:
            raise self._error(response)
        try:
            body = json.loads(response.data)
        except ValueError as error:
            raise self.not_kubernetes() from error
        if not isinstance(body, dict):
            raise self.not_kubernetes()
        return body

    def not_kubernetes(self) -> ConnectionFailed:
        """The error for an answer that no API server gives."""
        where = f"{self.connection.host} ({self.connection.origin})"
        return ConnectionFailed(f"{where} does not answer like a Kubernetes API server. Is the address right?")

    def _error(self, response: Any) -> Exception:
        if response.status == 401:
            return AuthenticationFailed(self._unauthorized())
        text = response.data.decode(errors="replace")
        try:
            return api_error(response.status, json.loads(text))
        except ValueError:
            return ApiError(response.status, text)

    def _unauthorized(self) -> str:
        connection = self.connection
        start = f"{connection.host} does not accept the credentials of {connection.origin}"
        expiry = tls.expiry_of(connection.client_cert)
        if expiry and expiry < datetime.now(timezone.utc):
            return f"{start}: the client certificate expired on {expiry:%Y-%m-%d %H:%M} UTC. Issue a new one."
        if connection.client_cert:
            return f"{start}: the client certificate is not from a CA that this cluster trusts."
        if connection.authorization():
            return f"{start}: the token or password is expired, revoked, or for another cluster."
        return f"{start}: there are none. Give api_key, client_cert and client_key, or a kubeconfig with a user."

    def _connection_error(self, error: Exception) -> Exception:
        connection = self.connection
        cause = _ssl_error(error)
        if cause:
            return CertificateRejected(tls.explain(cause, connection))
        where = f"{connection.host} ({connection.origin})"
        if connection.proxy:
            where += f" through the proxy {connection.proxy}"
        return ConnectionFailed(
            f"The API server {where} cannot be reached: {_reason(error)}. "
            "Is the address right, does the server run, does a firewall stand between?"
        )

    def _note_warnings(self, response: Any) -> None:
        for header in response.headers.getlist("Warning"):
            for text in _WARNING.findall(header):
                message = text.replace('\\"', '"').replace("\\\\", "\\")
                with self._lock:
                    if message not in self.warnings:
                        self.warnings.append(message)


def open_session(params: Mapping[str, Any], concurrency: int = 8) -> Session:
    """A session with the cluster that the connection options name.

    When ``cluster_uid`` is set, nothing is sent before the cluster has shown that it is the right one.
    Raises the errors of ``connection.resolve_connection`` and of ``Session.request``, WrongCluster, and
    UnsupportedVersion when the cluster is older than MINIMUM_VERSION.
    """
    session = Session(resolve_connection(params), concurrency)
    expected = session.connection.cluster_uid
    if expected:
        found = cluster_uid(session)
        if found != expected:
            raise WrongCluster(
                f"{session.connection.host} ({session.connection.origin}) is not the expected cluster: its "
                f"kube-system namespace has the UID {found}, expected was {expected}. Nothing was sent. If the "
                "cluster was made anew on purpose, forget the old UID."
            )
    check_version(session)
    return session


def cluster_uid(session: Session) -> str:
    """What tells a cluster from all others: the UID of its kube-system namespace."""
    namespace = session.get_json("/api/v1/namespaces/kube-system")
    if namespace.get("kind") != "Namespace":
        raise session.not_kubernetes()
    return str(namespace["metadata"]["uid"])


def check_version(session: Session) -> None:
    """Raise UnsupportedVersion when the cluster is older than MINIMUM_VERSION."""
    version = session.get_json("/version")
    if not {"major", "minor", "gitVersion"} <= set(version):
        raise session.not_kubernetes()
    found = tuple(int(re.sub(r"\D.*", "", str(version[part])) or 0) for part in ("major", "minor"))
    if found < MINIMUM_VERSION:
        wanted = ".".join(map(str, MINIMUM_VERSION))
        raise UnsupportedVersion(
            f"{session.connection.host} runs Kubernetes {version['gitVersion']}; at least {wanted} is needed. "
            "Upgrade the cluster first."
        )


def _encode(body: Any) -> bytes:
    try:
        return json.dumps(body, allow_nan=False, separators=(",", ":")).encode()
    except ValueError as error:
        raise InvalidArgument("holds a number that JSON does not have (infinite or none); quote it") from error


def _pool(connection: Connection, concurrency: int) -> Any:
    arguments: Dict[str, Any] = {"num_pools": 1, "maxsize": concurrency}
    if connection.host.startswith("https"):
        arguments["ssl_context"] = tls.create_context(connection)
        if not connection.verify:
            arguments["cert_reqs"] = ssl.CERT_NONE
            arguments["assert_hostname"] = False
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        if connection.server_name:
            arguments["server_hostname"] = connection.server_name
    if not connection.proxy or _bypasses_proxy(connection):
        return urllib3.PoolManager(**arguments)
    return urllib3.ProxyManager(connection.proxy, proxy_headers=dict(connection.proxy_headers), **arguments)


def _bypasses_proxy(connection: Connection) -> bool:
    from kubernetes.client.rest import should_bypass_proxies

    return bool(should_bypass_proxies(connection.host, connection.no_proxy))


def _lines(response: Any) -> Iterator[bytes]:
    """The lines of a streamed answer as they come."""
    rest = b""
    for chunk in response.stream(amt=None, decode_content=True):
        *complete, rest = (rest + chunk).split(b"\n")
        yield from complete


def _retry_after(response: Any) -> float:
    """Seconds that the server asks us to wait; a second when it does not say."""
    try:
        return max(float(response.headers.get("Retry-After", "1")), 0.1)
    except ValueError:
        return 1.0


def _ssl_error(error: Optional[BaseException]) -> Optional[ssl.SSLError]:
    """The TLS failure under the wrappings of urllib3, if it is one."""
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return error
        inner = error.args[0] if error.args and isinstance(error.args[0], BaseException) else None
        error = inner or error.__cause__ or error.__context__
    return None


def _reason(error: Exception) -> str:
    """The operating system's word for it, if there is one below the wrappings of urllib3."""
    current: Optional[BaseException] = error
    while current is not None:
        if isinstance(current, OSError) and current.strerror:
            return current.strerror.lower()
        current = current.__cause__ or current.__context__
    return str(error).rpartition(": ")[2].rstrip(".") or type(error).__name__
