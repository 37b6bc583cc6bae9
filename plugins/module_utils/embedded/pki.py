# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys and certificates of an embedded cluster: three authorities, ECDSA P-256, files 0600.

`examine` says what has to be issued (nothing is written), `issue` writes it. A certificate is issued anew when it is
missing, cannot be read, does not fit its key, its names or its authority, was readable by others, is not valid yet
(the clock was set back), or has less than RENEW_BEFORE left. An authority is replaced for the same reasons, and
everything below it with it: nothing outside of the state folder trusts it, and the kubeconfig is written anew.
"""

from __future__ import annotations

import datetime
import ipaddress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Dict, List, Optional, Sequence, Tuple, cast

from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.files import (
    is_private,
    make_private_folder,
    read_optional,
    write_private,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.layout import Layout
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.ports import LOOPBACK
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.registry import NAME as REGISTRY_NAME
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.settings import first_service_address

if TYPE_CHECKING:
    from cryptography.x509 import Certificate as X509Certificate

try:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    IMPORT_ERROR: Optional[ImportError] = None
except ImportError as error:
    IMPORT_ERROR = error

AUTHORITY_LIFETIME = datetime.timedelta(days=3650)
LEAF_LIFETIME = datetime.timedelta(days=365)
RENEW_BEFORE = datetime.timedelta(days=30)
CLOCK_SKEW = datetime.timedelta(minutes=5)

ADMIN_GROUP = "servicemesh.platform:cluster-admins"
KWOK_USER = "servicemesh.platform:kwok"
HEALTH_USER = "servicemesh.platform:health"
CALICO_USER = "servicemesh.platform:calico"
BOOTSTRAP_GROUP = "system:bootstrappers:servicemesh.platform"
KUBELET_CLIENT_USER = "kube-apiserver-kubelet-client"
FRONT_PROXY_USER = "front-proxy-client"

SERVICE_ACCOUNT_KEY = "sa"
CLUSTER_AUTHORITY = "ca"
ETCD_AUTHORITY = "etcd/ca"
FRONT_PROXY_AUTHORITY = "front-proxy-ca"

LOCALHOST = "localhost"


@dataclass(frozen=True)
class Certificate:
    """What a certificate says. `authority` is empty for one that signs itself (an authority)."""

    name: str
    authority: str
    common_name: str
    organizations: Tuple[str, ...] = ()
    server: bool = False
    client: bool = False
    dns_names: Tuple[str, ...] = ()
    addresses: Tuple[str, ...] = ()


def certificates(
    cluster: str, service_cidr: str, address: str = LOOPBACK, nodes: bool = False, members: Sequence[str] = ()
) -> List[Certificate]:
    """All certificates of the cluster, authorities first. Names and groups are those that Kubernetes itself binds.

    address: where the control plane listens. nodes: whether there are real nodes, which have credentials too.
    members: the addresses of the control planes behind that address, when there are several.
    """
    further = (*((address,) if address != LOOPBACK else ()), *members)
    wanted = _control_plane(cluster, service_cidr) + (_nodes() if nodes else [])
    return [replace(one, addresses=one.addresses + further) if one.server else one for one in wanted]


def _nodes() -> List[Certificate]:
    return [
        _client("kubelet-bootstrap", CLUSTER_AUTHORITY, "servicemesh.platform:bootstrap", BOOTSTRAP_GROUP),
        _client("kube-proxy", CLUSTER_AUTHORITY, "system:kube-proxy"),
        _client("calico", CLUSTER_AUTHORITY, CALICO_USER),
        _serving("registry", CLUSTER_AUTHORITY, "registry", dns_names=(REGISTRY_NAME,)),
    ]


def _control_plane(cluster: str, service_cidr: str) -> List[Certificate]:
    return [
        Certificate(CLUSTER_AUTHORITY, "", f"{cluster} kubernetes"),
        Certificate(ETCD_AUTHORITY, "", f"{cluster} etcd"),
        Certificate(FRONT_PROXY_AUTHORITY, "", f"{cluster} front-proxy"),
        _serving(
            "apiserver",
            CLUSTER_AUTHORITY,
            "kube-apiserver",
            dns_names=(
                "kubernetes",
                "kubernetes.default",
                "kubernetes.default.svc",
                "kubernetes.default.svc.cluster.local",
            ),
            addresses=(first_service_address(service_cidr),),
        ),
        _serving("controller-manager-serving", CLUSTER_AUTHORITY, "kube-controller-manager"),
        _serving("scheduler-serving", CLUSTER_AUTHORITY, "kube-scheduler"),
        _serving("kwok-serving", CLUSTER_AUTHORITY, "kwok"),
        # etcd's own gateway and its peers use the serving certificate as a client too.
        _serving("etcd/server", ETCD_AUTHORITY, "etcd", client=True),
        _serving("etcd/peer", ETCD_AUTHORITY, "etcd-peer", client=True),
        _client("apiserver-etcd-client", ETCD_AUTHORITY, "kube-apiserver-etcd-client"),
        _client("apiserver-kubelet-client", CLUSTER_AUTHORITY, KUBELET_CLIENT_USER),
        _client("front-proxy-client", FRONT_PROXY_AUTHORITY, FRONT_PROXY_USER),
        _client("controller-manager", CLUSTER_AUTHORITY, "system:kube-controller-manager"),
        _client("scheduler", CLUSTER_AUTHORITY, "system:kube-scheduler"),
        _client("kwok", CLUSTER_AUTHORITY, KWOK_USER),
        _client("health", CLUSTER_AUTHORITY, HEALTH_USER),
        _client("prometheus", CLUSTER_AUTHORITY, "servicemesh.platform:prometheus"),
        _client("admin", CLUSTER_AUTHORITY, "servicemesh.platform:admin", ADMIN_GROUP),
        _client("super-admin", CLUSTER_AUTHORITY, "servicemesh.platform:super-admin", "system:masters"),
    ]


def examine(layout: Layout, wanted: Sequence[Certificate], now: datetime.datetime) -> Dict[str, str]:
    """What must be issued and why: name -> reason, authorities first; empty when all is well."""
    reasons: Dict[str, str] = {}
    authorities: Dict[str, X509Certificate] = {}
    for certificate in wanted:
        reason = _examine_one(layout, certificate, authorities, reasons, now)
        if reason:
            reasons[certificate.name] = reason
        elif not certificate.authority:
            authorities[certificate.name] = _load(layout.certificate(certificate.name))
    reason = _examine_service_account_key(layout)
    if reason:
        reasons[SERVICE_ACCOUNT_KEY] = reason
    return reasons


def issue(layout: Layout, wanted: Sequence[Certificate], names: Dict[str, str], now: datetime.datetime) -> None:
    """Write new keys and certificates for all `names` (as `examine` gives them) out of `wanted`."""
    for certificate in wanted:
        if certificate.name in names:
            _issue_one(layout, certificate, now)
    if SERVICE_ACCOUNT_KEY in names:
        _issue_service_account_key(layout)


def files_of(layout: Layout, name: str) -> Tuple[Path, Path]:
    """The two files that `issue` writes for `name`."""
    if name == SERVICE_ACCOUNT_KEY:
        return layout.public_key(name), layout.key(name)
    return layout.certificate(name), layout.key(name)


def _serving(
    name: str,
    authority: str,
    common_name: str,
    client: bool = False,
    dns_names: Tuple[str, ...] = (),
    addresses: Tuple[str, ...] = (),
) -> Certificate:
    return Certificate(
        name,
        authority,
        common_name,
        server=True,
        client=client,
        dns_names=(LOCALHOST, *dns_names),
        addresses=(LOOPBACK, *addresses),
    )


def _client(name: str, authority: str, user: str, *groups: str) -> Certificate:
    return Certificate(name, authority, user, organizations=groups, client=True)


def _examine_one(
    layout: Layout,
    wanted: Certificate,
    authorities: Dict[str, X509Certificate],
    reasons: Dict[str, str],
    now: datetime.datetime,
) -> str:
    if wanted.authority in reasons:
        return f"its authority {wanted.authority} is issued anew"
    certificate_file, key_file = files_of(layout, wanted.name)
    if not certificate_file.exists() or not key_file.exists():
        return "missing"
    if not is_private(key_file):
        return "its key was readable by others"
    try:
        certificate = _load(certificate_file)
        key = _load_key(key_file)
        issuer = authorities[wanted.authority] if wanted.authority else certificate
        certificate.verify_directly_issued_by(issuer)
        names_fit = _names(certificate) == _wanted_names(wanted)
    except (ValueError, TypeError, x509.ExtensionNotFound):
        return "not readable, or not of its authority"
    except InvalidSignature:
        return "not signed by its authority"
    if certificate.public_key() != key.public_key():
        return "does not fit its key"
    if not names_fit:
        return "for other names"
    if certificate.not_valid_before_utc > now:
        return "not valid yet"
    left = certificate.not_valid_after_utc - now
    if left < RENEW_BEFORE:
        return f"{max(left.days, 0)} days left" if left.total_seconds() > 0 else "expired"
    return ""


def _examine_service_account_key(layout: Layout) -> str:
    public_file, key_file = files_of(layout, SERVICE_ACCOUNT_KEY)
    public = read_optional(public_file)
    if public is None or not key_file.exists():
        return "missing"
    if not is_private(key_file):
        return "its key was readable by others"
    try:
        return "" if _public_pem(_load_key(key_file)) == public else "does not fit its key"
    except (ValueError, TypeError):
        return "not readable"


def _load(path: Path) -> X509Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def _load_key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{path} is not an elliptic curve key")
    return key


def _names(certificate: X509Certificate) -> Tuple[str, Tuple[str, ...], Tuple[str, ...]]:
    """Subject, alternative names and uses of a certificate, in a form that can be compared."""
    subject = certificate.subject.rfc4514_string()
    try:
        alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = tuple(sorted(str(name.value) for name in alternative))
    except x509.ExtensionNotFound:
        names = ()
    try:
        uses = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        oids = tuple(sorted(oid.dotted_string for oid in uses))
    except x509.ExtensionNotFound:
        oids = ()
    return subject, names, oids


def _wanted_names(wanted: Certificate) -> Tuple[str, Tuple[str, ...], Tuple[str, ...]]:
    return (
        _subject(wanted).rfc4514_string(),
        tuple(sorted(wanted.dns_names + wanted.addresses)),
        tuple(sorted(oid.dotted_string for oid in _uses(wanted))),
    )


def _subject(wanted: Certificate) -> x509.Name:
    groups = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in wanted.organizations]
    return x509.Name([*groups, x509.NameAttribute(NameOID.COMMON_NAME, wanted.common_name)])


def _uses(wanted: Certificate) -> List[x509.ObjectIdentifier]:
    uses = []
    if wanted.server:
        uses.append(ExtendedKeyUsageOID.SERVER_AUTH)
    if wanted.client:
        uses.append(ExtendedKeyUsageOID.CLIENT_AUTH)
    return uses


def _issue_one(layout: Layout, wanted: Certificate, now: datetime.datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(_subject(wanted))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if wanted.authority:
        certificate = _sign_leaf(builder, wanted, layout, now)
    else:
        certificate = _sign_authority(builder, wanted, key, now)
    certificate_file, key_file = files_of(layout, wanted.name)
    make_private_folder(certificate_file.parent)
    write_private(key_file, _private_pem(key))
    write_private(certificate_file, certificate.public_bytes(serialization.Encoding.PEM))


def _sign_authority(
    builder: x509.CertificateBuilder,
    wanted: Certificate,
    key: ec.EllipticCurvePrivateKey,
    now: datetime.datetime,
) -> X509Certificate:
    return (
        builder.issuer_name(_subject(wanted))
        .not_valid_after(now + AUTHORITY_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(authority=True), critical=True)
        .sign(key, hashes.SHA256())
    )


def _sign_leaf(
    builder: x509.CertificateBuilder, wanted: Certificate, layout: Layout, now: datetime.datetime
) -> X509Certificate:
    authority = _load(layout.certificate(wanted.authority))
    identifier = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        builder.issuer_name(authority.subject)
        .not_valid_after(min(now + LEAF_LIFETIME, authority.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(_uses(wanted)), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
    )
    names = [cast(x509.GeneralName, x509.DNSName(name)) for name in wanted.dns_names]
    names += [x509.IPAddress(ipaddress.ip_address(address)) for address in wanted.addresses]
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(_load_key(layout.key(wanted.authority)), hashes.SHA256())


def _key_usage(authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _issue_service_account_key(layout: Layout) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    public_file, key_file = files_of(layout, SERVICE_ACCOUNT_KEY)
    make_private_folder(key_file.parent)
    write_private(key_file, _private_pem(key))
    write_private(public_file, _public_pem(key))


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _public_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
