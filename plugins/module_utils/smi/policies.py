# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ValidatingAdmissionPolicies (admissionregistration.k8s.io/v1, Kubernetes 1.30 and later) for SMI objects.

They refuse what ``rules.check.check_alone`` calls an error and warn of what it calls a warning, within the API server:
they need no webhook, and go on while the one that converts is down, for requests in the version that is stored
(``matchPolicy: Exact``, and a policy for each way a kind is written, so that nothing is converted for them).

An update that leaves the fields of an object as they are is let through, so that what is older than the policies can
still get labels, and lose its finalizers.

What is left to the validating webhook, for CEL in a policy sees one object only, is in :data:`LEFT_OUT`. That regular
expressions are RE2 is seen by having them compiled; the message is then the API server's own, with the expression.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Sequence, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Severity
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.catalogue import GROUPS, kinds_and_drafts_of
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.cel import quoted, shown
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.policy_checks import Check, Shape, shapes
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules.model import BY_NUMBER, provider_named
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.schemas import HEADER_SHAPES
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.wire import LIST, is_flat

Definition = Dict[str, Any]

API_VERSION = "admissionregistration.k8s.io/v1"
DOMAIN = "smi.servicemesh.platform"
RULES = "smi.servicemesh.platform/rules"
"""The annotation with the ids of the rules that a policy holds objects to."""

LEFT_OUT: Mapping[str, str] = {
    "smi-hierarchy": "other splits have to be looked at",
    "smi-split-service": "that the services exist; of the object alone, the policies see where they are",
    "smi-split-ports": "the services have to be looked at",
    "smi-one-split": "other splits have to be looked at",
    "smi-split-matches": "that the HTTPRouteGroups exist; of the object alone, the policies see that they are such",
    "smi-headless": "the services have to be looked at",
    "smi-root-selector": "the services have to be looked at",
    "smi-service-account": "that the accounts exist and pods run as them; the policies warn of the default one",
    "smi-target-rules": "that the routes and their matches exist; the policies see that rules name such",
    "smi-target-writers": "bindings of RBAC have to be looked at",
}
"""The rules, by id, that policies do not see, or not in full, and why: left to the webhook and to checks."""

_FIELDS: Mapping[str, Tuple[str, ...]] = {
    "TrafficTarget": ("destination", "specs", "sources"),
    "HTTPRouteGroup": ("matches",),
}
"""The fields of kinds whose versions have them beside ``metadata``."""


class UnknownChoice(ValueError):
    """Something that policies cannot be made for; the message says what can be written."""


def policies(
    versions: Mapping[str, Sequence[str]], provider: str = "", headers: str = LIST, warnings: bool = True
) -> List[Definition]:
    """The policies for the versions that are served, each followed by its binding.

    ``versions`` maps short group names to served versions, as for ``crds.crds``. ``provider`` is who carries the
    objects out, one of ``rules.model.PROVIDERS`` or empty: the severity of some rules depends on it. ``headers`` is the
    shape that the CRD of HTTPRouteGroup takes, one of ``schemas.HEADER_SHAPES``. Without ``warnings`` only what is an
    error has a policy. Raises UnknownChoice.
    """
    try:
        name = provider_named(provider)
    except ValueError as error:
        raise UnknownChoice(f"provider: {error}") from error
    if headers not in HEADER_SHAPES:
        raise UnknownChoice(f"headers has no shape {headers!r}; write one of: {', '.join(HEADER_SHAPES)}")
    _check(versions)
    wanted = (Severity.ERROR, Severity.WARNING) if warnings else (Severity.ERROR,)
    made: List[Definition] = []
    for shape in shapes(headers):
        served = [version for version in shape.versions if version in versions.get(shape.kind.group, ())]
        for severity in wanted if served else ():
            made += _of(shape, served, severity, name)
    return made


def _check(versions: Mapping[str, Sequence[str]]) -> None:
    for group, wanted in versions.items():
        if group not in GROUPS:
            raise UnknownChoice(f"SMI has no API group {group!r} with CRDs; write one of: {', '.join(GROUPS)}")
        known = sorted({version for kind in kinds_and_drafts_of(group) for version in kind.all_versions})
        if isinstance(wanted, str) or not isinstance(wanted, Sequence):
            raise UnknownChoice(f"{group}: {wanted!r} is no list of versions; write some of: {', '.join(known)}")
        for version in wanted:
            if version not in known:
                raise UnknownChoice(f"{group} has no version {version!r}; write some of: {', '.join(known)}")


def _of(shape: Shape, served: Sequence[str], severity: Severity, provider: str) -> List[Definition]:
    """The policy with the checks of one severity, and its binding; nothing when there are no such checks."""
    checks = [check for check in shape.checks if _severity(check, provider) == severity]
    denies = severity == Severity.ERROR
    if not checks:
        return []
    name = f"smi-{shape.kind.singular}-{shape.name}{'' if denies else '-warnings'}.{DOMAIN}"
    numbers = sorted({check.rule for check in checks})
    validations = [_validation(check) for check in checks]
    variables = [{"name": called, "expression": text} for called, text in shape.variables]
    variables += [{"name": check.name, "expression": check.wrong} for check in checks if check.name]
    if shape.expressions and denies:
        # The API server tells the name of the variable with the error of the compiler of expressions.
        variables.append({"name": "pathRegexAndHeadersAreRE2", "expression": shape.expressions})
        validations.append({"expression": "variables.pathRegexAndHeadersAreRE2"})
    spec = {
        # What cannot be evaluated (for its cost, or a broken regular expression) is refused; nobody is warned of it.
        "failurePolicy": "Fail" if denies else "Ignore",
        "matchConstraints": {"matchPolicy": "Exact", "resourceRules": [_resources(shape, served)]},
        "matchConditions": [{"name": "fields-are-written", "expression": _is_written(shape)}],
        "variables": variables,
        "validations": validations,
    }
    metadata = {"name": name, "annotations": {RULES: ",".join(BY_NUMBER[number].id for number in numbers)}}
    binding = {"policyName": name, "validationActions": ["Deny" if denies else "Warn"]}
    return [
        {"apiVersion": API_VERSION, "kind": "ValidatingAdmissionPolicy", "metadata": metadata, "spec": spec},
        {
            "apiVersion": API_VERSION,
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": name},
            "spec": binding,
        },
    ]


def _severity(check: Check, provider: str) -> Any:
    return BY_NUMBER[check.rule].severity_for(provider, check.mild)


def _resources(shape: Shape, served: Iterable[str]) -> Definition:
    return {
        "apiGroups": [shape.kind.api_group],
        "apiVersions": list(served),
        "operations": ["CREATE", "UPDATE"],
        "resources": [shape.kind.plural],
        "scope": "Namespaced",
    }


def _is_written(shape: Shape) -> str:
    """Whether the request sets a field otherwise than it was."""
    flat = is_flat(shape.kind, shape.versions[0])
    names = _FIELDS[shape.kind.name] if flat else ("spec",)
    changed = " || ".join(f"dyn(object).?{name} != dyn(oldObject).?{name}" for name in names)
    return f"request.operation == 'CREATE' || {changed}"


def _validation(check: Check) -> Definition:
    rule = BY_NUMBER[check.rule].id
    seen = f"{shown(check.value)} + ' ' + " if check.value else ""
    is_kept = f"size(variables.{check.name}) == 0" if check.name else f"!({check.wrong})"
    return {
        "expression": check.decides or is_kept,
        "messageExpression": f"{check.place} + ': ' + {seen}{quoted(f'{check.problem} ({rule})')}",
        "message": f"{check.field}: what stands there {check.problem} ({rule})",
    }
