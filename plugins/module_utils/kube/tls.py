# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The TLS side of a connection: its context, and why a handshake failed, in words."""

from __future__ import annotations

import ssl
from datetime import datetime, timezone
from typing import Optional

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.connection import Connection
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import CertificateRejected

# X.509 verification results of OpenSSL (x509_vfy.h) that have a mend of their own.
_EXPIRED, _NOT_YET_VALID = 10, 9
_UNTRUSTED = (7, 18, 19, 20, 21)
_WRONG_NAME = (62, 64)


def create_context(connection: Connection) -> ssl.SSLContext:
    """The TLS context of a connection; raises CertificateRejected when a file of it cannot be used."""
    try:
        context = ssl.create_default_context(cafile=connection.ca_cert or None)
    except OSError as error:
        raise CertificateRejected(
            f"The CA certificate {connection.ca_cert} of {connection.origin} cannot be used: {error}"
        ) from error
    # Python 3.13 asks for more than RFC 5280's readers in Kubernetes do; many clusters' CAs would fail.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    try:
        if connection.client_cert:
            # Without a password given, OpenSSL would ask for that of an encrypted key on the terminal.
            context.load_cert_chain(connection.client_cert, connection.client_key, password="")
    except OSError as error:
        pair = f"{connection.client_cert} with key {connection.client_key}"
        raise CertificateRejected(
            f"The client certificate {pair} of {connection.origin} cannot be used: {error}"
        ) from error
    if not connection.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def is_cut_off(error: ssl.SSLError) -> bool:
    """Whether the other side just went away, as a server that is killed does; all other failures are for good."""
    kinds = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
    return isinstance(error, kinds) or error.reason in (
        "UNEXPECTED_EOF_WHILE_READING",
        "DECRYPTION_FAILED_OR_BAD_RECORD_MAC",
    )


def explain(error: ssl.SSLError, connection: Connection) -> str:
    """Why the TLS handshake failed and what to do."""
    server = f"The certificate of {connection.host}"
    code = getattr(error, "verify_code", None)
    if code == _EXPIRED:
        return f"{server} has expired. Renew it on the API server (or set this machine's clock right)."
    if code == _NOT_YET_VALID:
        return f"{server} is not valid yet. Set the clock of this machine or of the API server right."
    if code in _UNTRUSTED:
        trusted = connection.ca_cert or "this machine's own store"
        return (
            f"{server} is not signed by a CA in {trusted}. Give the cluster's CA in ca_cert or in the kubeconfig; "
            "if that is done, this is not the cluster it was made for."
        )
    if code in _WRONG_NAME:
        return f"{server} is for another name: {getattr(error, 'verify_message', error)}."
    if error.reason == "WRONG_VERSION_NUMBER":
        return f"{connection.host} does not speak TLS. Is the port right, or is it an address with http://?"
    reason = getattr(error, "verify_message", None) or error.reason or error
    return f"The TLS handshake with {connection.host} failed: {reason}."


def expiry_of(certificate: Optional[str]) -> Optional[datetime]:
    """When the certificate in a PEM file expires; None when that cannot be told."""
    if not certificate:
        return None
    try:
        from cryptography import x509

        with open(certificate, "rb") as file:
            parsed = x509.load_pem_x509_certificate(file.read())
    except (ImportError, OSError, ValueError):
        return None
    # The attribute with a time zone came with cryptography 42.
    expiry = getattr(parsed, "not_valid_after_utc", None)
    return expiry or parsed.not_valid_after.replace(tzinfo=timezone.utc)
