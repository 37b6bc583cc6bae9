# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate authority for tests, and certificates of it."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


class Authority:
    """Signs certificates of servers for localhost, 127.0.0.1 and further names."""

    def __init__(self, name: str = "tests") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named(name)
        certificate = _builder(self._name, self._name, self._key.public_key())
        certificate = certificate.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        self.certificate = certificate.sign(self._key, hashes.SHA256())

    @property
    def pem(self) -> str:
        """The certificate of the authority."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def write(self, folder: Path, names: Sequence[str] = ()) -> None:
        """Put a new key and its certificate into a folder, as tls.key and tls.crt, each file at once."""
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives = [x509.DNSName(name) for name in ("localhost", *names)]
        addresses = [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        builder = _builder(_named("server"), self._name, key.public_key())
        builder = builder.add_extension(x509.SubjectAlternativeName([*alternatives, *addresses]), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in (("tls.key", private), ("tls.crt", certificate.public_bytes(serialization.Encoding.PEM))):
            new = folder / f".{name}"
            new.touch(0o600)
            new.write_bytes(content)
            os.replace(new, folder / name)


def cacerts(root: Mapping[str, str], seconds: float) -> dict[str, str]:
    """The data of a Secret ``cacerts`` that ends after so many seconds, signed by a root: the data of ``mesh-root``."""
    certificate = x509.load_pem_x509_certificate(base64.b64decode(root["tls.crt"]))
    signing = serialization.load_pem_private_key(base64.b64decode(root["tls.key"]), None)
    assert isinstance(signing, rsa.RSAPrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    usage = {name: name in ("key_cert_sign", "crl_sign") for name in _USAGES}
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    builder = _builder(_named("short"), certificate.subject, key.public_key(), end)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(x509.KeyUsage(**usage), critical=True)
    own = builder.sign(signing, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    made = {
        "ca-cert.pem": own,
        "ca-key.pem": private,
        "cert-chain.pem": own + certificate.public_bytes(serialization.Encoding.PEM),
        "root-cert.pem": base64.b64decode(root["tls.crt"]),
    }
    return {name: base64.b64encode(content).decode() for name, content in made.items()}


_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    end: datetime.datetime | None = None,
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(now - DAY).not_valid_after(end or now + DAY)
