# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients that come to the metrics API directly, past the API server: with a certificate, a token, or nothing."""

from __future__ import annotations

import datetime
import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Issuer:
    """Who signs the certificates of clients."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def read(cls, certificate: Path, key: Path) -> Issuer:
        """The authority of a cluster."""
        loaded = serialization.load_pem_private_key(key.read_bytes(), None)
        assert isinstance(loaded, ec.EllipticCurvePrivateKey)
        return cls(x509.load_pem_x509_certificate(certificate.read_bytes()), loaded)

    @classmethod
    def new(cls, name: str) -> Issuer:
        """One that nobody trusts yet."""
        key = ec.generate_private_key(ec.SECP256R1())
        own = _builder(name, _named(name), key.public_key())
        own = own.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        return cls(own.sign(key, hashes.SHA256()), key)

    @property
    def pem(self) -> str:
        """The certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def client(self, folder: Path, name: str) -> Path:
        """A file with a certificate for this common name, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = _builder(name, self.certificate.subject, key.public_key())
        made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file = folder / f"{name}-{made.sign(self.key, hashes.SHA256()).serial_number}.pem"
        file.touch(0o600)
        file.write_bytes(made.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM) + private)
        return file


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(name: str, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder().subject_name(_named(name)).issuer_name(issuer).public_key(key)
    return builder.serial_number(x509.random_serial_number()).not_valid_before(now - DAY).not_valid_after(now + DAY)


class Direct:
    """One kept connection to the metrics API."""

    def __init__(self, port: int, authority: str, certificate: Path | None = None) -> None:
        context = ssl.create_default_context(cadata=authority)
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if certificate:
            context.load_cert_chain(certificate)
        self._connection = http.client.HTTPSConnection("localhost", port, timeout=20, context=context)

    def get(self, path: str, headers: Mapping[str, str] | None = None, method: str = "GET") -> tuple[int, Any]:
        """The status and the JSON of the answer."""
        self._connection.request(method, path, headers=dict(headers or {}))
        answer = self._connection.getresponse()
        return answer.status, json.loads(answer.read())

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
