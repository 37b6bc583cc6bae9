# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the Gateway API that a cluster has is enough: kinds, bundle version and channel.

The project marks every CRD with its bundle version and channel
(https://gateway-api.sigs.k8s.io/concepts/versioning/). Only CRDs are looked at: the ValidatingAdmissionPolicy
``safe-upgrades`` of bundle v1.5.1 still calls itself v1.5.0-dev.
"""

from __future__ import annotations

import re
from typing import Any, Iterator, List, Mapping, Sequence, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.checks.model import (
    CRD,
    Check,
    KubeObject,
    Objects,
    is_true,
    name_of,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding, Severity, passed

GROUP = "gateway.networking.k8s.io"
BUNDLE_VERSION = f"{GROUP}/bundle-version"
CHANNEL = f"{GROUP}/channel"
SUBJECT = "Gateway API"

# In the standard channel since v1.1.0, which is older than anything a supported mesh asks for.
CORE = ("gatewayclasses", "gateways", "grpcroutes", "httproutes", "referencegrants")

WHY = "A mesh ignores routes whose fields its Gateway API does not have, or does not start."
MEND = (
    "Have the owner of these CRDs install the bundle that is wanted; or let this collection do it, crds_gateway_api: "
    "install; or lower crds_gateway_api_minimum when the mesh can do with what is there."
)

Version = Tuple[int, int, int, bool]
_VERSION = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?(-[0-9A-Za-z.-]+)?")


def gateway_api(objects: Objects, parameters: Mapping[str, Any]) -> Iterator[Finding]:
    """Findings about the Gateway API CRDs of a cluster.

    ``minimum`` is the lowest bundle version that will do ("1.4" or "1.4.1"), ``channel`` the channel that is wanted.
    The experimental channel has everything of the standard one, so it only earns a warning where standard is wanted.
    """
    minimum, channel = str(parameters["minimum"]), parameters["channel"]
    crds = bundle(objects[CRD])
    wanted = f"wanted is the {channel} channel of v{minimum} or later"
    if not crds:
        yield _error("gateway-api-missing", SUBJECT, f"the cluster has none of its CRDs; {wanted}")
        return
    findings = [*_kinds(crds), *_versions(crds, minimum, wanted), *_channels(crds, channel, wanted), *_mixture(crds)]
    yield from findings
    if not findings:
        yield passed("gateway-api", SUBJECT, f"{stands(crds)}; {wanted}")


def bundle(crds: Sequence[KubeObject]) -> List[KubeObject]:
    """The CRDs of the Gateway API among all CRDs of a cluster, by name."""
    return sorted((crd for crd in crds if crd["spec"]["group"] == GROUP), key=name_of)


def bundle_version(crd: KubeObject) -> str:
    """The bundle version that a CRD states, as it is written; empty when it states none."""
    return str((crd["metadata"].get("annotations") or {}).get(BUNDLE_VERSION, ""))


def bundle_channel(crd: KubeObject) -> str:
    """The channel that a CRD states; empty when it states none."""
    return str((crd["metadata"].get("annotations") or {}).get(CHANNEL, ""))


def parse_version(text: str) -> Version:
    """A bundle version in a form that sorts: a pre-release comes before its release. ValueError when it is none."""
    match = _VERSION.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is no version like 1.4, 1.4.1 or v1.5.0-rc.2")
    major, minor, patch, prerelease = match.groups()
    return int(major), int(minor), int(patch or 0), prerelease is None


def stands(crds: Sequence[KubeObject]) -> str:
    """What the given CRDs say they are, in words: ``v1.5.1, standard channel``."""
    versions = sorted({bundle_version(crd) or "no version" for crd in crds})
    channels = sorted({bundle_channel(crd) or "unknown" for crd in crds})
    return f"{' and '.join(versions)}, {' and '.join(channels)} channel"


def _kinds(crds: Sequence[KubeObject]) -> Iterator[Finding]:
    names = {crd["spec"]["names"]["plural"]: crd for crd in crds}
    missing = [plural for plural in CORE if plural not in names]
    if missing:
        yield _error("gateway-api-incomplete", SUBJECT, f"the cluster has no CRD for {', '.join(missing)}")
    for crd in crds:
        if not is_true(crd, "Established"):
            yield _error(
                "gateway-api-not-established",
                f"CustomResourceDefinition {name_of(crd)}",
                "the API server does not serve it (condition Established is not True)",
                f"Look at its conditions: kubectl describe crd {name_of(crd)}",
            )


def _versions(crds: Sequence[KubeObject], minimum: str, wanted: str) -> Iterator[Finding]:
    for crd in crds:
        subject = f"CustomResourceDefinition {name_of(crd)}"
        try:
            version = parse_version(bundle_version(crd))
        except ValueError:
            stated = bundle_version(crd) or "none"
            yield _error("gateway-api-version-unknown", subject, f"its {BUNDLE_VERSION} is {stated}; {wanted}")
            continue
        if version < parse_version(minimum):
            yield _error("gateway-api-too-old", subject, f"it is of bundle {bundle_version(crd)}; {wanted}")


def _channels(crds: Sequence[KubeObject], channel: str, wanted: str) -> Iterator[Finding]:
    others = [crd for crd in crds if bundle_channel(crd) != channel]
    if not others:
        return
    names = ", ".join(name_of(crd) for crd in others)
    if channel == "standard" and all(bundle_channel(crd) == "experimental" for crd in others):
        yield Finding(
            "gateway-api-experimental",
            Severity.WARNING,
            SUBJECT,
            f"of the experimental channel: {names}; {wanted}",
            "Experimental fields can change or go with any release.",
            "Ask the owner of the CRDs for the standard channel.",
        )
        return
    yield _error("gateway-api-channel", SUBJECT, f"{stands(others)}: {names}; {wanted}")


def _mixture(crds: Sequence[KubeObject]) -> Iterator[Finding]:
    if len({bundle_version(crd) for crd in crds}) > 1:
        yield Finding(
            "gateway-api-mixed",
            Severity.WARNING,
            SUBJECT,
            f"its CRDs are of several bundles: {stands(crds)}",
            "An upgrade that stopped half way, or two owners: nobody tests such a mixture.",
            "Have one owner install one bundle whole.",
        )


def _error(identifier: str, subject: str, message: str, mend: str = MEND) -> Finding:
    return Finding(identifier, Severity.ERROR, subject, message, WHY, mend)


CHECK = Check("gateway_api", (CRD,), ("channel", "minimum"), gateway_api)
