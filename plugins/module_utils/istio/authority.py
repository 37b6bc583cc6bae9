# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the Secret ``cacerts`` can be the authority of a mesh, and for how long (pure).

istiod takes two layouts (istio.io, "Plug in CA Certificates", and its bootstrap/istio_ca.go): its own, and that of a
Secret of the type kubernetes.io/tls as cert-manager writes it.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, NamedTuple, Optional, Sequence

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

try:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import serialization

    HAS_CRYPTOGRAPHY = True
except ImportError:  # whoever asks has to tell
    HAS_CRYPTOGRAPHY = False


class Layout(NamedTuple):
    """The names under which a Secret has what an authority needs. ``chain`` may be missing."""

    certificate: str
    key: str
    root: str
    chain: str


OWN = Layout("ca-cert.pem", "ca-key.pem", "root-cert.pem", "cert-chain.pem")
TLS = Layout("tls.crt", "tls.key", "ca.crt", "tls.crt")


@dataclass(frozen=True)
class Authority:
    """``problem``: why it cannot sign identities, empty when it can. Days are negative after the end."""

    problem: str
    days_left: float = 0.0
    root_days_left: float = 0.0

    def as_dict(self) -> Dict[str, Any]:
        return asdict(self)


class _Unfit(Exception):
    """Why it cannot sign identities."""


def examine(data: Mapping[str, str], now: Optional[datetime] = None) -> Authority:
    """Look at the data of a Secret, base64 as Kubernetes has it. ``now``: aware of its time zone."""
    layout = OWN if OWN.certificate in data else TLS
    try:
        certificates = _certificates(data, layout.certificate)
        (root,) = _certificates(data, layout.root)[-1:]
        _check_key(data, layout, certificates[0])
        path = _path(
            certificates[0], [*certificates[1:], *_certificates(data, layout.chain, optional=True)], root, layout
        )
        _check_authority(path, layout)
    except _Unfit as error:
        return Authority(str(error))
    moment = now or datetime.now(timezone.utc)
    days = [(each.not_valid_after_utc - moment).total_seconds() / 86400 for each in path]
    return Authority("", min(days), days[-1])


def _content(data: Mapping[str, str], name: str) -> bytes:
    if not data.get(name):
        raise _Unfit(f"{name} is missing")
    try:
        return base64.b64decode(data[name], validate=True)
    except binascii.Error:
        raise _Unfit(f"{name} is not base64") from None


def _certificates(data: Mapping[str, str], name: str, optional: bool = False) -> List[Certificate]:
    if optional and not data.get(name):
        return []
    try:
        return x509.load_pem_x509_certificates(_content(data, name))
    except ValueError:
        raise _Unfit(f"{name} is no certificate in PEM") from None


def _check_key(data: Mapping[str, str], layout: Layout, certificate: Certificate) -> None:
    try:
        key = serialization.load_pem_private_key(_content(data, layout.key), password=None)
    except (ValueError, TypeError):
        raise _Unfit(f"{layout.key} is no private key in PEM without a password") from None
    if key.public_key() != certificate.public_key():
        raise _Unfit(f"{layout.key} is not the key of {layout.certificate}")


def _path(first: Certificate, others: Sequence[Certificate], root: Certificate, layout: Layout) -> List[Certificate]:
    """From the certificate of the authority to the root."""
    path = [first]
    while path[-1] != root:
        known = [*(each for each in others if each not in path), root]
        issuer = next((each for each in known if _has_signed(each, path[-1])), None)
        if issuer is None:
            raise _Unfit(f"{layout.certificate} does not lead to {layout.root}, nor does what is in {layout.chain}")
        path.append(issuer)
    return path


def _has_signed(issuer: Certificate, certificate: Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _check_authority(path: Sequence[Certificate], layout: Layout) -> None:
    for each in path:
        try:
            is_authority = each.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        except (x509.ExtensionNotFound, ValueError):
            is_authority = False
        if not is_authority:
            name = each.subject.rfc4514_string()
            raise _Unfit(f"{name}, from {layout.certificate} on, may not sign certificates (no CA by its constraints)")
