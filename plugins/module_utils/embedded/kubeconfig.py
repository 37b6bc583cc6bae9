# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a kubeconfig (pure)."""

from __future__ import annotations

import base64
import json

TEMPLATE = """\
apiVersion: v1
kind: Config
current-context: {context}
clusters:
- name: {cluster}
  cluster:
    server: {server}
    certificate-authority-data: {authority}
users:
- name: {user}
  user:
    client-certificate-data: {certificate}
    client-key-data: {key}
contexts:
- name: {context}
  context:
    cluster: {cluster}
    user: {user}
"""


def kubeconfig(cluster: str, user: str, server: str, authority: bytes, certificate: bytes, key: bytes) -> bytes:
    """A kubeconfig with one context, `<user>@<cluster>`, that needs no file beside it. Certificates and key are PEM."""
    return TEMPLATE.format(
        context=json.dumps(f"{user}@{cluster}"),
        cluster=json.dumps(cluster),
        user=json.dumps(user),
        server=json.dumps(server),
        authority=_base64(authority),
        certificate=_base64(certificate),
        key=_base64(key),
    ).encode()


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
