# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificate of a server, taken from its files again whenever they change, without a restart.

Connections that stand keep what they were made with. New ones get the certificate of the day: the context that listens
hands each handshake over to the newest one (``ssl.SSLContext.sni_callback``), so nothing is ever half replaced.
"""

from __future__ import annotations

import hashlib
import logging
import ssl
import time
from pathlib import Path
from typing import Any, Optional

LOG = logging.getLogger(__name__)

CERTIFICATE, KEY = "tls.crt", "tls.key"
"""The names that a Secret of the type kubernetes.io/tls gives them."""


class Certificates:
    """The certificate and the key in a folder.

    ``client_ca`` is PEM: clients may then show a certificate, which has to be signed by one of these, and
    ``SSLObject.getpeercert`` tells it. Without it they are not asked for one.
    Raises OSError or ssl.SSLError when the files cannot be used.
    """

    def __init__(self, folder: Path, client_ca: str = "") -> None:
        self._folder = folder
        self._client_ca = client_ca
        self._digest = self._read()
        self._current = self._load()
        self.changed_at = time.time()
        """When (seconds since 1970) the certificate in use was loaded."""
        self.context = self._load()
        # A resumed session would outlive the certificate.
        self.context.options |= ssl.OP_NO_TICKET
        self.context.num_tickets = 0
        self.context.sni_callback = self._hand_over

    def trust(self, client_ca: str) -> None:
        """Take other authorities for the certificates of clients. Raises as the constructor does, and keeps the old."""
        if client_ca != self._client_ca:
            self._client_ca, before = client_ca, self._client_ca
            try:
                self._current = self._load()
            except (OSError, ssl.SSLError):
                self._client_ca = before
                raise
            self.context.verify_mode = self._current.verify_mode  # who listens says whether clients are asked

    def refresh(self) -> bool:
        """Take the files again if they have changed. What cannot be used is logged, and the old one stays."""
        try:
            digest = self._read()
            if digest == self._digest:
                return False
            current = self._load()
            if self._read() != digest:
                return False  # exchanged meanwhile: the next look takes them
        except (OSError, ssl.SSLError) as error:
            LOG.error("the certificate in %s cannot be used, the one before stays: %s", self._folder, error)
            return False
        self._current, self._digest, self.changed_at = current, digest, time.time()
        LOG.info("new connections get the new certificate of %s", self._folder)
        return True

    def _hand_over(self, connection: Any, _name: Optional[str], _context: ssl.SSLContext) -> None:
        connection.context = self._current

    def _read(self) -> bytes:
        parts = [(self._folder / name).read_bytes() for name in (CERTIFICATE, KEY)]
        return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).digest()

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self._folder / CERTIFICATE, self._folder / KEY)
        if self._client_ca:
            context.verify_mode = ssl.CERT_OPTIONAL
            context.load_verify_locations(cadata=self._client_ca)
        return context
