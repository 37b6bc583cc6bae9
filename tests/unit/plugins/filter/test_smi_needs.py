# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter smi_needs: versions and shape for a set of consumers."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.servicemesh.platform.plugins.filter.smi_needs import smi_needs


def test_what_two_consumers_need() -> None:
    needs = smi_needs(["flagger:smi:v1alpha3", "istio-smi-controller"])
    assert needs["versions"] == {"split": ["v1alpha3", "v1alpha4"], "access": ["v1alpha3"], "specs": ["v1alpha4"]}
    assert (needs["headers"], needs["conversion"], needs["possible"]) == ("map", False, True)


def test_what_cannot_be() -> None:
    needs = smi_needs(["traefik-mesh", "open-service-mesh"])
    assert not needs["possible"]
    assert "error" in {finding["severity"] for finding in needs["findings"]}


@pytest.mark.parametrize(("consumers", "message"), [("osm", "needs a list"), (["nobody"], "nobody.*open-service-mesh")])
def test_what_is_refused(consumers: Any, message: str) -> None:
    with pytest.raises(AnsibleFilterError, match=message):
        smi_needs(consumers)
