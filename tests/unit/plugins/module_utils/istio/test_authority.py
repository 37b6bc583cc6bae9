# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.istio.authority import examine
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NOW = datetime(2026, 6, 1, tzinfo=timezone.utc)


@dataclass
class Signer:
    """A certificate, signed by another one or by itself."""

    name: str
    days: int
    parent: Signer | None = None
    ca: bool = True
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def subject(self) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)])

    @property
    def certificate(self) -> str:
        above = self.parent or self
        builder = x509.CertificateBuilder().subject_name(self.subject).issuer_name(above.subject)
        builder = builder.public_key(self.key.public_key()).serial_number(7)
        builder = builder.not_valid_before(NOW - timedelta(days=1)).not_valid_after(NOW + timedelta(days=self.days))
        builder = builder.add_extension(x509.BasicConstraints(ca=self.ca, path_length=None), critical=True)
        return builder.sign(above.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()

    @property
    def private(self) -> str:
        form = serialization.PrivateFormat.PKCS8
        return self.key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


ROOT = Signer("root", 1000)
ROOT_PEM = ROOT.certificate
MESH = Signer("mesh", 300, ROOT)


def encoded(**content: str) -> dict[str, str]:
    return {name: base64.b64encode(text.encode()).decode() for name, text in content.items()}


def own(signer: Signer = MESH, root: str = ROOT_PEM, chain: str = "", key: str = "") -> dict[str, str]:
    content = {"ca-cert.pem": signer.certificate, "ca-key.pem": key or signer.private, "root-cert.pem": root}
    return encoded(**content, **({"cert-chain.pem": chain} if chain else {}))


def test_the_layout_of_istio() -> None:
    found = examine(own(), NOW)
    assert (found.problem, found.days_left, found.root_days_left) == ("", 300.0, 1000.0)


def test_the_layout_of_cert_manager() -> None:
    found = examine(encoded(**{"tls.crt": MESH.certificate, "tls.key": MESH.private, "ca.crt": ROOT_PEM}), NOW)
    assert (found.problem, found.days_left) == ("", 300.0)


def test_what_signs_itself_is_its_own_root() -> None:
    found = examine(own(ROOT), NOW)
    # Signed anew with each look, and with another signature: the same key all the same.
    assert found.root_days_left == 1000.0


def test_a_longer_chain_ends_with_its_shortest_part() -> None:
    middle = Signer("middle", 100, ROOT)
    low = Signer("low", 200, middle)
    assert examine(own(low, chain=middle.certificate), NOW).days_left == 100.0
    both = low.certificate + middle.certificate
    assert examine(encoded(**{"tls.crt": both, "tls.key": low.private, "ca.crt": ROOT_PEM}), NOW).days_left == 100.0
    assert "does not lead to root-cert.pem" in examine(own(low), NOW).problem


def test_what_has_ended_has_less_than_nothing_left() -> None:
    assert examine(own(Signer("old", 0, ROOT)), NOW + timedelta(days=1)).days_left == -1.0


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ({}, "tls.crt is missing"),
        ({**own(), "ca-cert.pem": "%"}, "ca-cert.pem is not base64"),
        ({**own(), "root-cert.pem": "b3du"}, "root-cert.pem is no certificate in PEM"),
        ({**own(), "ca-key.pem": "b3du"}, "ca-key.pem is no private key in PEM without a password"),
        (own(key=ROOT.private), "ca-key.pem is not the key of ca-cert.pem"),
        (own(root=Signer("root", 1000).certificate), "ca-cert.pem does not lead to root-cert.pem"),
        (own(Signer("leaf", 300, ROOT, ca=False)), "CN=leaf, from ca-cert.pem on, may not sign certificates"),
    ],
)
def test_what_cannot_sign_is_told_why(data: dict[str, str], problem: str) -> None:
    assert problem in examine(data, NOW).problem
