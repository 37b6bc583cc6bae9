# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking Prometheus (https://prometheus.io/docs/prometheus/latest/querying/api/), within a time that is bounded."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Tuple
from urllib.parse import unquote, urlsplit

try:
    import aiohttp
except ImportError:  # the program checks for it: see ``serving.arguments.require_packages``
    aiohttp = None  # type: ignore[assignment]

TIMEOUT = 10.0
"""Seconds for the answer to one query."""
LARGEST_ANSWER = 64 * 1024**2
"""Bytes."""
_SHOWN = 300
"""Characters of an error of Prometheus that are shown."""

Vector = List[Tuple[Dict[str, str], float]]


class NotAnswered(Exception):
    """Prometheus gave no answer that can be used. ``str()`` of it is meant for a person, without any credentials."""


@dataclass(frozen=True)
class Address:
    """Where Prometheus is, and how to get in. Files of secrets are read for each query, so these may change."""

    url: str
    """Without credentials."""
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    password_file: Optional[Path] = None
    token_file: Optional[Path] = None
    ca_file: Optional[Path] = None


def parse(
    url: str,
    password_file: Optional[Path] = None,
    token_file: Optional[Path] = None,
    ca_file: Optional[Path] = None,
) -> Address:
    """The address in a URL, which may hold a user and a password. Raises ValueError, which does not show them."""
    try:
        parts = urlsplit(url)
        number = parts.port
    except ValueError:
        parts, number = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("the URL of Prometheus must be like http://prometheus.monitoring.svc:9090")
    if parts.query or parts.fragment:
        raise ValueError("the URL of Prometheus ends with its path; leave out what begins with ? or #")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    place = f"{host}:{number}" if number else host
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if user and token_file:
        raise ValueError("Prometheus takes a user in its URL or a token, not both; leave out one of them")
    if password_file and (password or not user):
        raise ValueError("a file with the password goes with a URL that has a user and no password: http://user@host")
    address = f"{parts.scheme}://{place}{parts.path.rstrip('/')}"
    return Address(address, user, password, password_file, token_file, ca_file)


class Prometheus:
    """One Prometheus. Use it in a running loop, and close it there.

    Raises OSError or ssl.SSLError when the file of authorities cannot be used.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._tls: Any = True if address.ca_file is None else ssl.create_default_context(cafile=address.ca_file)
        self._session: Optional[aiohttp.ClientSession] = None

    async def query(self, promql: str, moment: float) -> Vector:
        """The instant vector at a moment (seconds since 1970). Raises NotAnswered."""
        form = {"query": promql, "time": f"{moment:.3f}", "timeout": f"{TIMEOUT:.0f}s"}
        try:
            return await asyncio.wait_for(self._ask(form), TIMEOUT)
        except asyncio.TimeoutError:
            raise self._not_answered(f"no answer within {TIMEOUT:.0f} seconds") from None
        except aiohttp.ClientConnectorCertificateError as error:
            raise self._not_answered(f"its certificate is not trusted: {error.certificate_error}") from error
        except aiohttp.ClientConnectorError as error:
            raise self._not_answered(_reason(error.os_error)) from error
        except (aiohttp.ClientError, OSError) as error:
            raise self._not_answered(f"the connection failed ({type(error).__name__})") from error

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def _ask(self, form: Mapping[str, str]) -> Vector:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        async with self._session.post(
            f"{self._address.url}/api/v1/query",
            data=form,
            headers=self._authorization(),
            ssl=self._tls,
            allow_redirects=False,
        ) as response:
            content = await _read(response)
            if content is None:
                raise self._not_answered(f"its answer is longer than {LARGEST_ANSWER // 1024**2} MiB")
            return self._decode(response.status, content)

    def _authorization(self) -> Dict[str, str]:
        address = self._address
        if address.token_file is not None:
            return {"Authorization": f"Bearer {self._secret(address.token_file)}"}
        if address.user:
            password = self._secret(address.password_file) if address.password_file else address.password
            pair = f"{address.user}:{password}".encode()
            return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
        return {}

    def _secret(self, file: Path) -> str:
        try:
            return file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", "not text")
            raise self._not_answered(f"{file} cannot be read: {reason}") from None

    def _decode(self, status: int, content: bytes) -> Vector:
        try:
            answer = json.loads(content)
            if answer["status"] == "error":
                raise self._not_answered(f"{answer.get('errorType')}: {str(answer.get('error'))[:_SHOWN]}")
            return [(sample["metric"], float(sample["value"][1])) for sample in answer["data"]["result"]]
        except (ValueError, KeyError, TypeError, IndexError):
            raise self._not_answered(f"status {status} and nothing that Prometheus would say") from None

    def _not_answered(self, reason: str) -> NotAnswered:
        return NotAnswered(f"Prometheus at {self._address.url} gives no metrics: {reason}")


def _reason(error: OSError) -> str:
    """The operating system's word for it. Failures of looking up a name have numbers of their own, below 0."""
    known = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
    return (known or "no connection").lower()


async def _read(response: aiohttp.ClientResponse) -> Optional[bytes]:
    """The whole answer; None when it is too long."""
    parts: List[bytes] = []
    left = LARGEST_ANSWER
    async for part in response.content.iter_chunked(65536):
        left -= len(part)
        if left < 0:
            return None
        parts.append(part)
    return b"".join(parts)
