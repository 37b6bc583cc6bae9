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
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Union
from urllib.parse import urlencode, urlsplit

from ansible_collections.servicemesh.platform.plugins.module_utils.kube import libraries, patience, tls
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
    KubeError,
    UnsupportedVersion,
    WrongCluster,
    api_error,
)

try:
    import urllib3
    from urllib3.exceptions import ConnectTimeoutError, HTTPError, ProtocolError, ReadTimeoutError
except ImportError:  # libraries.require() tells what to install
    urllib3 = None  # type: ignore[assignment]
    HTTPError = OSError  # type: ignore[assignment, misc]

MINIMUM_VERSION = (1, 30)
"""ValidatingAdmissionPolicy is generally available from here on."""

CONNECT_TIMEOUT = 10.0
"""Seconds for a connection to stand."""
READ_TIMEOUT = 65.0
"""Seconds between two bytes of an answer: a little more than the API server gives a request (60 s)."""
PAGE = 500
"""Objects per page of a list."""

METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
"""Accept header of a list that shall bring metadata only: no Secret data, little memory."""

_WATCH_LATER = (410, 429)
"""The version to watch from is too old, or the server is busy: a new list mends both."""
_WARNING = re.compile(r'299 \S+ "((?:[^"\\]|\\.)*)"')

Query = Mapping[str, Union[str, int]]


class _Access(NamedTuple):
    """Who we are, and the connections that are open as that.

    ``pool`` is asked for paths below ``base``: that of the server, or all of its address when a proxy has to know it.
    """

    connection: Connection
    pool: Any
    base: str

    def close(self) -> None:
        if isinstance(self.pool, urllib3.PoolManager):
            self.pool.clear()
        else:
            self.pool.close()


class _Failure(NamedTuple):
    """Why an attempt came to nothing, and what may be done about it."""

    error: Exception
    seconds: float = 0.0
    """For how long the request is worth repeating."""
    status: int = 0
    """The HTTP status; 0 when there was no answer."""
    retry_after: float = 0.0
    since: float = 0.0
    """When (of time.monotonic) the waiting begins anew, if it does."""
    credentials: bool = False
    """Whether other credentials may help."""


class Session:
    """Requests to one API server. Safe to use from ``concurrency`` threads at once."""

    def __init__(
        self, connection: Connection, concurrency: int = 8, reopen: Optional[Callable[[], Session]] = None
    ) -> None:
        """``reopen`` gives a session whose credentials are read anew, for when those of this one have expired."""
        libraries.require("urllib3")
        self.concurrency = concurrency
        self.warnings: List[str] = []
        """What the server warned of (deprecated APIs and such), each once."""
        self._lock = threading.Lock()
        self._access = _access(connection, concurrency)
        self._reached = False
        self._accepted = False
        self._served = self._was_away = 0.0
        self._reopen = reopen
        self._reopening = threading.Lock()
        self._not_reopened: Optional[AuthenticationFailed] = None

    @property
    def connection(self) -> Connection:
        return self._access.connection

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

        Only requests that may be repeated without harm are allowed: GET, DELETE and apply patches, and what tells by
        itself that it was done before. What passes by itself (a broken connection, a server that is busy or away; see
        ``patience``) is waited for, but who cannot even connect with the very first request hears of it at once.
        Credentials that were accepted and no longer are get read anew. A DELETE whose connection broke and that then
        finds nothing any more has succeeded.

        Raises ApiError, ConnectionFailed, CertificateRejected, AuthenticationFailed, or InvalidArgument for what cannot
        be sent.
        """
        data = None if body is None else _encode(body)
        headers = {"Accept": accept, "Content-Type": content_type}
        target = _target(path, query)
        backoff = patience.Backoff()
        may_be_done = False
        refused: Optional[_Access] = None
        while True:
            access = self._access
            answer = self._attempt(access, method, target, data, headers, body)
            if isinstance(answer, dict):
                return answer
            if method == "DELETE" and may_be_done and answer.status == 404:
                return {"kind": "Status", "status": "Success"}
            may_be_done = may_be_done or answer.status == 0 or answer.status >= 500
            if answer.credentials and refused in (None, access):
                refused = access
                answer = self._after_refusal(access, answer)
            pause = backoff.pause(answer.seconds, answer.retry_after, answer.since) if answer.seconds else None
            if pause is None:
                raise answer.error
            time.sleep(pause)

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
            try:
                page = self.request("GET", path, query, accept=accept)
            except ApiError as error:
                if error.status != 410 or not error.continuation:
                    raise
                # What the list began with is gone from the server's history. It goes on after the last object that it
                # gave, with what is there now: nothing comes twice, and what is older than the list is not missed.
                query["continue"] = error.continuation
                continue
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
        target = _target(path, {**query, "watch": "true", "timeoutSeconds": seconds})
        access = self._access
        try:
            response = self._send(access, "GET", target, None, {"Accept": "application/json"}, stream=True)
        except ConnectionFailed:
            return
        try:
            if response.status in _WATCH_LATER or response.status >= 500:
                return
            if response.status >= 400:
                error = self._error(access, response, 0)
                if response.status == 401 and self._after_refusal(access, _Failure(error)).seconds:
                    return
                raise error
            for line in _lines(response):
                yield json.loads(line)
        except (HTTPError, OSError, json.JSONDecodeError):
            return
        finally:
            response.close()

    def close(self) -> None:
        """Close all connections."""
        self._access.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _attempt(
        self, access: _Access, method: str, target: str, data: Optional[bytes], headers: Mapping[str, str], body: Any
    ) -> Union[Dict[str, Any], _Failure]:
        try:
            response = self._send(access, method, target, data, headers)
        except ConnectionFailed as error:
            self._was_away = time.monotonic()
            return _Failure(error, self._patience_with(error))
        except CertificateRejected as error:
            return _Failure(error, credentials=True)
        self._reached = True
        status = response.status
        if status != 429:
            self._served = time.monotonic()
        if status < 400:
            self._accepted = True
            return self._decode(response)
        refusal = self._error(access, response, len(data or b""))
        if not isinstance(refusal, ApiError):
            return _Failure(refusal, status=status, credentials=True)
        # Who is turned away for there are too many requests gets a turn as long as the server works on others of ours.
        # Who is forbidden what was allowed before has to wait for a server that was away to know that again.
        since = {429: self._served, 403: self._was_away}.get(status, 0.0)
        seconds = patience.seconds_for(refusal, method, body, self._was_away)
        return _Failure(refusal, seconds, status, _retry_after(response), since)

    def _patience_with(self, error: ConnectionFailed) -> float:
        """Who has never got an answer is probably at the wrong address, and shall hear of it soon."""
        if self._reached:
            return patience.PATIENCE
        return patience.DOUBT if error.was_connected else 0.0

    def _after_refusal(self, access: _Access, answer: _Failure) -> _Failure:
        """What becomes of a request whose credentials were refused."""
        try:
            return answer._replace(seconds=patience.PATIENCE) if self._renew(access, answer.error) else answer
        except ConnectionFailed as error:
            return _Failure(error, patience.PATIENCE)

    def _renew(self, refused: _Access, error: Exception) -> bool:
        """Whether there is other access than the refused one by now: one thread reads the credentials anew for all.

        Raises AuthenticationFailed when new ones cannot be had or are refused as well, ConnectionFailed as ``request``.
        """
        if not self._reopen or not self._accepted:
            return False
        with self._reopening:
            if self._access is refused:
                self._not_reopened = self._not_reopened or self._take_over(self._reopen, error)
            if self._not_reopened:
                raise self._not_reopened
        return True

    def _take_over(self, reopen: Callable[[], Session], refusal: Exception) -> Optional[AuthenticationFailed]:
        """Take the access of a session that is opened anew; what stands against it, if something does."""
        old = self._access
        story = f"{refusal} Until now they were accepted in this run. They were read anew: "
        try:
            new = reopen()._access
        except ConnectionFailed:
            raise
        except KubeError as error:
            same = str(error) == str(refusal)
            return AuthenticationFailed(story + ("the same again." if same else str(error)))
        before, after = old.connection, new.connection
        if (after.host, after.origin) != (before.host, before.origin):
            return AuthenticationFailed(f"{story}they lead elsewhere now, to {after.host} ({after.origin}).")
        self._access = new
        old.close()
        return None

    def _send(
        self,
        access: _Access,
        method: str,
        target: str,
        data: Optional[bytes],
        headers: Mapping[str, str],
        stream: bool = False,
    ) -> Any:
        try:
            response = access.pool.request(
                method,
                access.base + target,
                body=data,
                headers=_headers(access.connection, headers),
                timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT, read=READ_TIMEOUT),
                retries=False,
                redirect=False,
                preload_content=not stream,
            )
        except (HTTPError, OSError) as error:
            raise _connection_error(error, access.connection) from error
        except ValueError:
            # Neither its message nor the value may be told: it is a token most of the time.
            raise InvalidArgument(
                f"The credentials (or the user to impersonate) of {access.connection.origin} hold characters that "
                "cannot be sent, such as a line break in a token."
            ) from None
        self._note_warnings(response)
        return response

    def _decode(self, response: Any) -> Dict[str, Any]:
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

    def _error(self, access: _Access, response: Any, size: int) -> Exception:
        if response.status == 401:
            return AuthenticationFailed(_unauthorized(access.connection))
        text = response.data.decode(errors="replace")
        try:
            return api_error(response.status, json.loads(text), size)
        except ValueError:
            return ApiError(response.status, text)

    def _note_warnings(self, response: Any) -> None:
        for header in response.headers.getlist("Warning"):
            for text in _WARNING.findall(header):
                message = text.replace('\\"', '"').replace("\\\\", "\\")
                with self._lock:
                    if message not in self.warnings:
                        self.warnings.append(message)


def open_session(params: Mapping[str, Any], concurrency: int = 8) -> Session:
    """A session with the cluster that the connection options name.

    When ``cluster_uid`` is set, nothing is sent before the cluster has shown that it is the right one. When the
    credentials expire in mid-run, all this is done once more.
    Raises the errors of ``connection.resolve_connection`` and of ``Session.request``, WrongCluster, and
    UnsupportedVersion when the cluster is older than MINIMUM_VERSION.
    """

    def reopen() -> Session:
        return _checked(Session(resolve_connection(params), concurrency))

    return _checked(Session(resolve_connection(params), concurrency, reopen))


def _checked(session: Session) -> Session:
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


def _access(connection: Connection, concurrency: int) -> _Access:
    arguments: Dict[str, Any] = {"maxsize": concurrency}
    if connection.host.startswith("https"):
        arguments["ssl_context"] = tls.create_context(connection)
        if not connection.verify:
            arguments["cert_reqs"] = ssl.CERT_NONE
            arguments["assert_hostname"] = False
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        if connection.server_name:
            arguments["server_hostname"] = connection.server_name
    if not connection.proxy or _bypasses_proxy(connection):
        pool = urllib3.connection_from_url(connection.host, **arguments)
        return _Access(connection, pool, urlsplit(connection.host).path)
    headers = dict(connection.proxy_headers)
    manager = urllib3.ProxyManager(connection.proxy, proxy_headers=headers, num_pools=1, **arguments)
    return _Access(connection, manager, connection.host)


def _target(path: str, query: Optional[Query]) -> str:
    return f"{path}?{urlencode(query)}" if query else path


def _bypasses_proxy(connection: Connection) -> bool:
    from kubernetes.client.rest import should_bypass_proxies

    return bool(should_bypass_proxies(connection.host, connection.no_proxy))


def _lines(response: Any) -> Iterator[bytes]:
    """The lines of a streamed answer as they come."""
    rest = b""
    for chunk in response.stream(amt=None, decode_content=True):
        *complete, rest = (rest + chunk).split(b"\n")
        yield from complete


def _headers(connection: Connection, own: Mapping[str, str]) -> Any:
    headers = urllib3.HTTPHeaderDict(own)
    headers["User-Agent"] = "servicemesh.platform"
    if connection.authorization:
        headers["Authorization"] = connection.authorization
    if connection.impersonate_user:
        headers["Impersonate-User"] = connection.impersonate_user
    for group in connection.impersonate_groups:
        headers.add("Impersonate-Group", group)
    return headers


def _retry_after(response: Any) -> float:
    """Seconds that the server asks us to wait, at least; 0 when it does not say (or gives a date)."""
    try:
        return max(float(response.headers.get("Retry-After", "0")), 0.0)
    except ValueError:
        return 0.0


def _unauthorized(connection: Connection) -> str:
    start = f"{connection.host} does not accept the credentials of {connection.origin}"
    expiry = tls.expiry_of(connection.client_cert)
    if expiry and expiry < datetime.now(timezone.utc):
        return f"{start}: the client certificate expired on {expiry:%Y-%m-%d %H:%M} UTC. Issue a new one."
    if connection.client_cert:
        return f"{start}: the client certificate is not from a CA that this cluster trusts."
    if connection.authorization:
        return f"{start}: the token or password is expired, revoked, or for another cluster."
    return f"{start}: there are none. Give api_key, client_cert and client_key, or a kubeconfig with a user."


def _connection_error(error: Exception, connection: Connection) -> Exception:
    cause = _ssl_error(error)
    if cause and not tls.is_cut_off(cause):
        return CertificateRejected(tls.explain(cause, connection))
    where = f"{connection.host} ({connection.origin})"
    if connection.proxy:
        where += f" through the proxy {connection.proxy}"
    return ConnectionFailed(
        f"The API server {where} cannot be reached: {_reason(error)}. "
        "Is the address right, does the server run, does a firewall stand between?",
        was_connected=cause is not None or isinstance(error, ProtocolError),
    )


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
        if isinstance(current, OSError) and current.strerror and not isinstance(current, ssl.SSLError):
            return current.strerror.lower()
        current = current.__cause__ or current.__context__
    if isinstance(error, ReadTimeoutError):
        return f"no answer within {READ_TIMEOUT:.0f} seconds"
    if isinstance(error, ConnectTimeoutError):
        return f"no connection within {CONNECT_TIMEOUT:.0f} seconds"
    if isinstance(error, ProtocolError) or _ssl_error(error):
        return "the connection was cut off"
    return str(error).rpartition(": ")[2].rstrip(".") or type(error).__name__
