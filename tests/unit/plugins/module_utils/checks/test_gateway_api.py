# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of the Gateway API that a cluster has: enough, and free to be installed over."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.checks import gateway_api as sufficient
from ansible_collections.servicemesh.platform.plugins.module_utils.checks import gateway_api_install as installable
from ansible_collections.servicemesh.platform.plugins.module_utils.checks.gateway_api import CORE, GROUP, parse_version
from ansible_collections.servicemesh.platform.plugins.module_utils.checks.model import CRD
from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding, Severity
from hypothesis import given
from hypothesis import strategies as st

OURS = "servicemesh.platform/crds"
SMI_TCPROUTE = {
    "metadata": {"name": "tcproutes.specs.smi-spec.io"},
    "spec": {"group": "specs.smi-spec.io", "names": {"plural": "tcproutes"}},
}


def crd(
    plural: str,
    version: str = "v1.5.1",
    channel: str = "standard",
    established: str = "True",
    manager: str = OURS,
) -> dict[str, Any]:
    marks = {f"{GROUP}/bundle-version": version, f"{GROUP}/channel": channel}
    return {
        "metadata": {
            "name": f"{plural}.{GROUP}",
            "annotations": {key: value for key, value in marks.items() if value},
            "managedFields": [{"manager": manager}, {"manager": "kube-apiserver", "subresource": "status"}],
        },
        "spec": {"group": GROUP, "names": {"plural": plural}},
        "status": {"conditions": [{"type": "Established", "status": established}]},
    }


def bundle(**properties: str) -> list[dict[str, Any]]:
    return [crd(plural, **properties) for plural in CORE]


def check(crds: list[dict[str, Any]], minimum: str = "1.4", channel: str = "standard") -> list[Finding]:
    return list(sufficient.gateway_api({CRD: crds}, {"minimum": minimum, "channel": channel}))


def install(
    crds: list[dict[str, Any]],
    version: str = "v1.5.1",
    take_over: bool = False,
    channel: str = "standard",
    policy: str = "",
) -> list[Finding]:
    """policy: the bundle of the policy that guards upgrades; without it there is none."""
    marks = {f"{GROUP}/bundle-version": policy, f"{GROUP}/channel": "standard"}
    other = {"metadata": {"name": "other.example.com"}}
    guard = {"metadata": {"name": installable.SAFE_UPGRADES, "annotations": marks}}
    parameters = {"version": version, "channel": channel, "field_manager": OURS, "take_over": take_over}
    objects = {CRD: crds, installable.POLICY: [other, guard] if policy else [other]}
    return list(installable.gateway_api_install(objects, parameters))


def ids(findings: Iterable[Finding]) -> list[str]:
    return sorted({finding.id for finding in findings})


@pytest.mark.parametrize("minimum", ["1.5.1", "1.5", "v1.4.0", "1.2.1", "0.8"])
def test_a_newer_or_equal_bundle_passes_and_says_what_stands(minimum: str) -> None:
    (finding,) = check([*bundle(), SMI_TCPROUTE], minimum)
    assert finding.severity is Severity.OK
    assert "v1.5.1, standard channel" in finding.message


@pytest.mark.parametrize("minimum", ["1.5.2", "1.6", "1.10", "2.0"])
def test_an_older_bundle_is_an_error_that_says_what_stands_and_what_is_wanted(minimum: str) -> None:
    findings = check(bundle(), minimum)
    assert ids(findings) == ["gateway-api-too-old"]
    assert len(findings) == len(CORE)
    assert "v1.5.1" in findings[0].message
    assert f"v{minimum} or later" in findings[0].message
    assert "crds_gateway_api" in findings[0].mend


def test_a_prerelease_is_less_than_its_release() -> None:
    assert ids(check(bundle(version="v1.5.0-rc.2"), "1.5.0")) == ["gateway-api-too-old"]
    assert check(bundle(version="v1.5.0-rc.2"), "1.5.0-rc.2")[0].severity is Severity.OK


def test_none_at_all_is_an_error_and_the_namesake_of_smi_does_not_count() -> None:
    (finding,) = check([SMI_TCPROUTE])
    assert (finding.id, finding.severity) == ("gateway-api-missing", Severity.ERROR)


def test_missing_kinds_are_named() -> None:
    findings = check([entry for entry in bundle() if not entry["metadata"]["name"].startswith("grpc")])
    assert ids(findings) == ["gateway-api-incomplete"]
    assert "grpcroutes" in findings[0].message


@pytest.mark.parametrize("version", ["", "main", "v0.0.0.1"])
def test_a_version_that_cannot_be_read_is_an_error(version: str) -> None:
    assert ids(check(bundle(version=version))) == ["gateway-api-version-unknown"]


def test_experimental_where_standard_is_wanted_is_a_warning_the_reverse_an_error() -> None:
    (warning,) = check(bundle(channel="experimental"))
    assert (warning.id, warning.severity) == ("gateway-api-experimental", Severity.WARNING)
    (error,) = check(bundle(), channel="experimental")
    assert (error.id, error.severity) == ("gateway-api-channel", Severity.ERROR)


def test_an_unknown_channel_is_an_error() -> None:
    assert ids(check(bundle(channel=""))) == ["gateway-api-channel"]


def test_a_mixture_of_bundles_is_a_warning() -> None:
    findings = check([*bundle()[:-1], crd(CORE[-1], version="v1.4.1")])
    assert [(finding.id, finding.severity) for finding in findings] == [("gateway-api-mixed", Severity.WARNING)]
    assert "v1.4.1 and v1.5.1" in findings[0].message


def test_what_the_api_server_does_not_serve_is_an_error_with_its_name() -> None:
    findings = check([*bundle()[:-1], crd(CORE[-1], established="False")])
    assert ids(findings) == ["gateway-api-not-established"]
    assert findings[0].subject == f"CustomResourceDefinition {CORE[-1]}.{GROUP}"


def test_an_empty_cluster_and_our_own_older_bundle_can_be_installed_over() -> None:
    for crds in ([], [SMI_TCPROUTE], bundle(version="v1.4.1"), bundle()):
        assert [finding.severity for finding in install(crds)] == [Severity.OK]


def test_a_newer_bundle_cannot_be_replaced_by_an_older_one() -> None:
    (finding,) = install(bundle(version="v1.6.0"))
    assert (finding.id, finding.severity) == ("gateway-api-downgrade", Severity.ERROR)
    assert "v1.6.0" in finding.message
    assert "v1.5.1" in finding.message
    assert "safe-upgrades.gateway.networking.k8s.io" in finding.why


def test_an_unknown_version_to_install_is_not_compared() -> None:
    assert install(bundle(version="v1.6.0"), version="")[0].severity is Severity.OK


def test_crds_of_others_are_told_with_their_owner_and_the_ways_out() -> None:
    (finding,) = install(bundle(manager="addon-manager"))
    assert (finding.id, finding.severity) == ("gateway-api-foreign", Severity.ERROR)
    assert "addon-manager" in finding.message
    assert "kube-apiserver" not in finding.message
    assert "require" in finding.mend
    assert "ignore" in finding.mend


def test_crds_of_others_can_be_taken_over_on_purpose_but_not_downgraded() -> None:
    assert install(bundle(manager="addon-manager"), take_over=True)[0].severity is Severity.OK
    assert ids(install(bundle(manager="x", version="v1.6.0"), take_over=True)) == ["gateway-api-downgrade"]


def test_the_policy_of_a_newer_bundle_denies_an_older_one_where_its_definitions_are_gone() -> None:
    (finding,) = install([], policy="v1.7.0")
    assert finding.id == "gateway-api-downgrade"
    assert "v1.7.0" in finding.message


@pytest.mark.parametrize("standing", ["standard", ""])
def test_experimental_definitions_are_denied_over_others_where_the_policy_stands(standing: str) -> None:
    (finding,) = install(bundle(channel=standing), channel="experimental", policy="v1.5.0")
    assert (finding.id, finding.severity) == ("gateway-api-channel", Severity.ERROR)
    assert "config/crd/standard" in finding.mend
    assert "ValidatingAdmissionPolicyBinding" in finding.mend


def test_experimental_definitions_can_be_installed_where_nothing_denies_them() -> None:
    for standing, policy in (("standard", ""), ("experimental", "v1.5.0")):
        (finding,) = install(bundle(channel=standing), channel="experimental", policy=policy)
        assert finding.severity is Severity.OK
    assert install(bundle(channel="experimental"), policy="v1.5.0")[0].severity is Severity.OK


numbers = st.integers(min_value=0, max_value=99)


@given(st.tuples(numbers, numbers, numbers), st.tuples(numbers, numbers, numbers))
def test_versions_sort_as_their_numbers(left: tuple[int, int, int], right: tuple[int, int, int]) -> None:
    texts = ["v{}.{}.{}".format(*version) for version in (left, right)]
    assert (parse_version(texts[0]) < parse_version(texts[1])) == (left < right)
