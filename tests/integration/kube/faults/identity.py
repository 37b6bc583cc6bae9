# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials that really end: tokens that are revoked, and certificates that expire after seconds."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


def token(cluster: Any, namespace: str, bound_to: str) -> str:
    """A token of the ServiceAccount ``worker`` that is good for as long as the Secret it is bound to exists."""
    cluster.kubectl("create", "secret", "generic", bound_to, "-n", namespace)
    bound = ("--bound-object-kind=Secret", f"--bound-object-name={bound_to}")
    issued: str = cluster.kubectl("create", "token", "worker", "-n", namespace, *bound)
    return issued.strip()


def make_worker(cluster: Any, namespace: str) -> None:
    """A ServiceAccount that may do everything in its namespace."""
    cluster.kubectl("create", "serviceaccount", "worker", "-n", namespace)
    role = ("--clusterrole=admin", f"--serviceaccount={namespace}:worker")
    cluster.kubectl("create", "rolebinding", "worker", "-n", namespace, *role)


def kubeconfig(cluster: Any, **user: Any) -> dict[str, Any]:
    """The kubeconfig of the cluster with another user."""
    content: dict[str, Any] = yaml.safe_load(cluster.kubeconfig.read_text())
    content["users"][0]["user"] = user
    return content


def exec_plugin(folder: Path) -> dict[str, Any]:
    """A user whose credentials come from a command; it gives what is in ``credential`` and counts in ``runs``."""
    script = folder / "plugin"
    script.write_text(f"#!/bin/sh\necho run >> {folder}/runs\ncat {folder}/credential\n")
    script.chmod(0o700)
    return {"apiVersion": "client.authentication.k8s.io/v1", "command": str(script), "interactiveMode": "Never"}


def credential(value: str) -> str:
    """What an exec plugin writes."""
    content = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": value}}
    return json.dumps(content)


def write_client_certificate(cluster: Any, folder: Path, seconds: float, user: str = "admin") -> None:
    """A certificate ``client.crt`` for an administrator, from the cluster's own CA, for so many seconds."""
    pki = Path(cluster.state_dir) / "pki"
    authority = x509.load_pem_x509_certificate((pki / "ca.crt").read_bytes())
    signer: Any = serialization.load_pem_private_key((pki / "ca.key").read_bytes(), None)
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.timezone.utc)
    names = [(NameOID.COMMON_NAME, user), (NameOID.ORGANIZATION_NAME, "system:masters")]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(oid, value) for oid, value in names]))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=1))
        .not_valid_after(now + datetime.timedelta(seconds=seconds))
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False)
        .sign(signer, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "client.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "client.key").write_bytes(private)
