# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands before what."""

from __future__ import annotations

import itertools

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.objects import ObjectKey
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.waves import in_waves

ORDERED = [
    ("apiextensions.k8s.io", "CustomResourceDefinition"),
    ("", "Namespace"),
    ("", "ResourceQuota"),
    ("rbac.authorization.k8s.io", "RoleBinding"),
    ("", "Service"),
    ("apps", "Deployment"),
    ("split.smi-spec.io", "TrafficSplit"),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
]


def test_each_comes_in_a_wave_of_its_own_whatever_the_order_given() -> None:
    keys = [ObjectKey(group, kind, "", "x") for group, kind in ORDERED]
    for given in itertools.islice(itertools.permutations(keys), 0, 40320, 997):
        assert [wave[0] for wave in in_waves(given, lambda key: key)] == keys


def test_what_needs_no_order_shares_a_wave() -> None:
    keys = [ObjectKey("", kind, "a", "x") for kind in ("Secret", "ConfigMap", "ServiceAccount")]
    assert in_waves(keys, lambda key: key) == [keys]
