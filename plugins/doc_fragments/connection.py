# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation fragment: how a module reaches its cluster."""

from __future__ import annotations


class ModuleDocFragment:
    """The options of ``module_utils/kube/connection.py``."""

    DOCUMENTATION = r"""
options:
  kubeconfig:
    description:
      - Path of a kubeconfig, or its content as a mapping (not as text). Several paths are joined with a colon, as in
        E(KUBECONFIG).
      - When neither this nor O(host) is given, the C(K8S_AUTH_*) environment variables count, then E(KUBECONFIG) or
        C(~/.kube/config), then the service account of the pod that the module runs in.
    type: raw
  context:
    description:
      - The context of the kubeconfig to use. Default is its C(current-context).
    type: str
  host:
    description:
      - URL of the API server, such as V(https://192.0.2.1:6443). Wins over the server that the kubeconfig names.
    type: str
  api_key:
    description:
      - Bearer token to authenticate with. A client certificate of the kubeconfig is then not used, for the server would
        go by it.
    type: str
  username:
    description:
      - User name for HTTP basic authentication. Kubernetes itself no longer has it, some proxies before it do.
    type: str
  password:
    description:
      - Password that belongs to O(username).
    type: str
  validate_certs:
    description:
      - Whether the certificate of the API server must be valid. Default is what the kubeconfig says, and that it must.
    type: bool
    aliases: [verify_ssl]
  ca_cert:
    description:
      - Path of the CA certificates that the API server's certificate may be signed by.
    type: path
    aliases: [ssl_ca_cert]
  client_cert:
    description:
      - Path of a client certificate to authenticate with.
    type: path
    aliases: [cert_file]
  client_key:
    description:
      - Path of the private key of O(client_cert).
    type: path
    aliases: [key_file]
  proxy:
    description:
      - URL of an HTTP proxy to connect through. It may hold a user name and password.
    type: str
  no_proxy:
    description:
      - Hosts, domains, addresses and networks, comma-separated, that are reached without O(proxy).
    type: str
  proxy_headers:
    description:
      - Headers for the proxy.
    type: dict
    suboptions:
      proxy_basic_auth:
        description:
          - User name and password for the proxy, joined by a colon.
        type: str
      basic_auth:
        description:
          - User name and password for the server behind it, joined by a colon.
        type: str
      user_agent:
        description:
          - What the client calls itself towards the proxy.
        type: str
  impersonate_user:
    description:
      - User to act as.
    type: str
  impersonate_groups:
    description:
      - Groups to act as.
    type: list
    elements: str
  cluster_uid:
    description:
      - UID that the C(kube-system) namespace of the cluster must have. Every cluster has another one, so this tells
        whether the kubeconfig still leads to the cluster that is meant.
      - With another cluster the module stops before it sends anything.
    type: str
notes:
  - Every connection option can come from an environment variable C(K8S_AUTH_*) with its name in capitals, such as
    E(K8S_AUTH_API_KEY). They are read only when neither O(kubeconfig) nor O(host) is given, so that a variable which is
    set for a whole job cannot redirect an environment that says where its cluster is.
requirements:
  - kubernetes
  - urllib3
  - PyYAML
"""
