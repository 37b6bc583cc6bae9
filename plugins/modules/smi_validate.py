# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: smi_validate
short_description: Check objects of the Service Mesh Interface
version_added: 0.1.0
author: The servicemesh.platform authors (@servicemesh)
description:
  - Checks objects of the Service Mesh Interface, of every version, by the rules of the interface and of those who carry
    it out. The objects come from files, from the task, or from a cluster. Changes nothing in the cluster.
  - Writes the findings as JUnit XML and as SARIF 2.1.0 too, so that it can be the conformance check of a pipeline.
  - Objects of other kinds (services, service accounts, pods, roles) are not checked, but rules that need them look at
    them. Without a cluster it cannot be told which of them are missing; a finding says what was not looked at.
  - A kind that the cluster does not serve has no objects.
options:
  src:
    description: Files, folders and globs with YAML or JSON.
    type: list
    elements: path
    default: []
  definitions:
    description: Objects, as mappings or as YAML text.
    type: raw
  live:
    description: Whether to check the objects that are in the cluster. Not together with O(src) or O(definitions).
    type: bool
    default: false
  surroundings:
    description:
      - Where the objects around those that are checked come from. V(given) takes them from O(src) and O(definitions),
        V(cluster) from the cluster too. With O(live=true) it is always the cluster.
    type: str
    choices: [given, cluster]
    default: given
  namespaces:
    description: The namespaces to look at in the cluster. Default is all of them.
    type: list
    elements: str
    default: []
  namespace:
    description: The namespace of objects that name none.
    type: str
    default: default
  provider:
    description: Who carries the objects out. Some rules are milder, stricter or there at all for one of them only.
    type: str
    choices:
      - linkerd
      - osm
      - traefik-mesh
      - nginx-service-mesh
      - smi-adapter-istio
      - istio-smi-controller
      - consul-smi-controller
      - flagger
      - argo-rollouts
  translate_to:
    description: Also translates the objects, and tells what this target cannot say. Nothing is applied.
    type: str
    choices: [gateway-api, istio, linkerd]
  fail_on:
    description: The module fails when a finding has this severity or a worse one.
    type: str
    choices: [error, warning, never]
    default: error
  report_junit:
    description: Path of a JUnit XML file to write. Not written in check mode.
    type: path
  report_sarif:
    description: Path of a SARIF 2.1.0 file to write. Not written in check mode.
    type: path
notes:
  - The reports tell about the objects and are no part of them, so that writing them never counts as a change.
extends_documentation_fragment:
  - servicemesh.platform.attributes
  - servicemesh.platform.connection
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
"""

EXAMPLES = r"""
- name: Check the files of a repository in a pipeline
  servicemesh.platform.smi_validate:
    src: [deploy/mesh]
    provider: linkerd
    report_junit: reports/smi.xml
    report_sarif: reports/smi.sarif

- name: Check what is in a cluster
  servicemesh.platform.smi_validate:
    kubeconfig: ~/.kube/config
    live: true
    namespaces: [shop]
    fail_on: never
"""

RETURN = r"""
findings:
  description: What was found, the worst first.
  returned: when the objects could be read
  type: list
  elements: dict
  contains:
    id:
      description: Which rule it is about; stays the same from version to version.
      type: str
      sample: smi-weight
    severity:
      description: One of V(ok), V(info), V(warning) and V(error).
      type: str
      sample: error
    component:
      description: Always V(smi).
      type: str
      sample: smi
    subject:
      description: The object that it is about.
      type: str
      sample: TrafficSplit shop/checkout
    message:
      description: The field, and what is wrong with it.
      type: str
      sample: "spec.backends[0].weight: -1 is negative"
    why:
      description: Why it matters.
      type: str
      sample: Flagger and Open Service Mesh read weights as whole numbers, and stop at anything else.
    mend:
      description: What to do about it.
      type: str
      sample: Write a whole number from 0.
    file:
      description: Where the object stands. Empty for objects of a cluster.
      type: str
      sample: deploy/mesh/split.yaml
    line:
      description: On which line the object begins; 0 when that is not known.
      type: int
      sample: 12
counts:
  description: Number of findings per severity.
  returned: when the objects could be read
  type: dict
  sample: {"ok": 1, "info": 0, "warning": 1, "error": 0}
severity:
  description: The worst severity among the findings.
  returned: when the objects could be read
  type: str
  sample: warning
objects:
  description: Number of objects that were checked.
  returned: when the objects could be read
  type: int
  sample: 12
translated:
  description: Number of objects that the translation to O(translate_to) gives; 0 without it.
  returned: when the objects could be read
  type: int
  sample: 7
"""

import os
import tempfile
from dataclasses import dataclass, replace
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Set

from ansible_collections.servicemesh.platform.plugins.module_utils.findings import (
    Finding,
    Severity,
    by_severity,
    counts,
    passed,
    worst,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.interface import run_module
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.arguments import ClusterInterface
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.connection import CONNECTION_ARGUMENTS
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.definitions import (
    Definition,
    Origin,
    load_definitions,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.discovery import Discovery, Resource
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import (
    ApiError,
    InvalidArgument,
    KubeError,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session, open_session
from ansible_collections.servicemesh.platform.plugins.module_utils.reports.junit import junit
from ansible_collections.servicemesh.platform.plugins.module_utils.reports.located import Located, RuleText
from ansible_collections.servicemesh.platform.plugins.module_utils.reports.sarif import sarif
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.catalogue import (
    DRAFT_KINDS,
    HTTP_ROUTE_GROUP,
    KINDS,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.model import subject_of
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules.check import check
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules.look import is_smi, mapping
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules.model import (
    FURTHER,
    LOOKED_AT,
    PROVIDERS,
    RULES,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules.surroundings import (
    ACCESS_KINDS,
    Surroundings,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.translation import (
    TARGETS,
    translate,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.translation.result import Translation
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.wire import LIST, MAP

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "src": {"type": "list", "elements": "path", "default": []},
    "definitions": {"type": "raw", "no_log": True},
    "live": {"type": "bool", "default": False},
    "surroundings": {"type": "str", "choices": ["given", "cluster"], "default": "given"},
    "namespaces": {"type": "list", "elements": "str", "default": []},
    "namespace": {"type": "str", "default": "default"},
    "provider": {"type": "str", "choices": list(PROVIDERS)},
    "translate_to": {"type": "str", "choices": list(TARGETS)},
    "fail_on": {"type": "str", "choices": ["error", "warning", "never"], "default": "error"},
    "report_junit": {"type": "path"},
    "report_sarif": {"type": "path"},
}

_RBAC = "rbac.authorization.k8s.io/v1"
_AROUND = [("v1", "Service"), ("v1", "ServiceAccount"), ("v1", "Pod"), *((_RBAC, kind) for kind in ACCESS_KINDS)]
_SHOWN = 5
"""How many findings the message of a failure lists."""


@dataclass(frozen=True)
class _Given:
    """What is to be checked, where it stands, and what is around it."""

    objects: Sequence[Mapping[str, Any]]
    origins: Mapping[str, Origin]
    surroundings: Surroundings


def run(options: Dict[str, Any], check_mode: bool, _diff: bool) -> Dict[str, Any]:
    """Check, write the reports, and tell what was found."""
    try:
        given = _read(options)
        found = check(given.objects, given.surroundings, options["provider"] or "")
        translation = _translated(given, options["translate_to"])
        located = [
            _locate(each, given.origins)
            for each in by_severity([*found, *translation.findings, _looked_at(given.objects)])
        ]
        if not check_mode:
            _write_reports(options, located)
    except KubeError as error:
        return {**error.details(), "failed": True, "msg": str(error)}
    findings = [each.finding for each in located]
    result = {
        "changed": False,
        "findings": [_as_dict(each) for each in located],
        "counts": counts(findings),
        "severity": worst(findings).value,
        "objects": sum(map(is_smi, given.objects)),
        "translated": len(translation.objects),
    }
    return {**result, **_verdict(located, options["fail_on"])}


def _translated(given: _Given, target: Optional[str]) -> Translation:
    """The objects in the words of a target; nothing without one."""
    if not target:
        return Translation()
    objects = [each for each in given.objects if is_smi(each)]
    around = given.surroundings.smi
    translation = translate([*objects, *around], target, given.surroundings)
    others = {subject_of(each) for each in around} - {subject_of(each) for each in objects}
    return replace(translation, findings=[each for each in translation.findings if each.subject not in others])


def _as_dict(located: Located) -> Dict[str, Any]:
    return {**located.finding.as_dict(), "file": located.file, "line": located.line}


def _looked_at(objects: Sequence[Mapping[str, Any]]) -> Finding:
    number = sum(map(is_smi, objects))
    return passed(LOOKED_AT.id, "SMI objects", f"{number} of them looked at by {len(RULES)} rules")


def _locate(finding: Finding, origins: Mapping[str, Origin]) -> Located:
    origin = origins.get(finding.subject, Origin(""))
    return Located(replace(finding, component="smi"), origin.place, origin.line)


def _verdict(located: Sequence[Located], fail_on: str) -> Dict[str, Any]:
    if fail_on == "never":
        return {}
    bad = [each for each in located if each.finding.severity.rank >= Severity(fail_on).rank]
    if not bad:
        return {}
    lines = [_line(each) for each in bad[:_SHOWN]]
    if len(bad) > _SHOWN:
        lines.append(f"and {len(bad) - _SHOWN} more")
    return {"failed": True, "msg": "\n".join([f"{len(bad)} findings of severity {fail_on} or worse:", *lines])}


def _line(located: Located) -> str:
    finding = located.finding
    place = str(Origin(located.file, located.line))
    return f"{f'{place}: ' if place else ''}{finding.subject}: {finding.message}. {finding.mend} ({finding.id})"


def _read(options: Mapping[str, Any]) -> _Given:
    """The objects to check. Raises KubeError."""
    given = bool(options["src"] or options["definitions"])
    if options["live"] and given:
        raise InvalidArgument("live: true checks the cluster; with src or definitions write surroundings: cluster.")
    if not options["live"] and not given:
        raise InvalidArgument("there is nothing to check; write src, definitions, or live: true.")
    if options["live"]:
        with open_session(options) as session:
            return _from_cluster(session, options["namespaces"])
    definitions = load_definitions(options["definitions"], options["src"])
    for definition in definitions:
        definition.body["metadata"] = {"namespace": options["namespace"], **definition.body["metadata"]}
    if options["surroundings"] == "given":
        return _from_definitions(definitions, Surroundings.of(each.body for each in definitions))
    with open_session(options) as session:
        cluster = _around(session, options["namespaces"], [each.body for each in definitions])
    return _from_definitions(definitions, cluster)


def _from_definitions(definitions: Sequence[Definition], surroundings: Surroundings) -> _Given:
    origins = {f"{each.kind} {each.namespace}/{each.name}": each.origin for each in definitions if is_smi(each.body)}
    return _Given([each.body for each in definitions], origins, surroundings)


def _from_cluster(session: Session, namespaces: Sequence[str]) -> _Given:
    around = _around(session, namespaces, [])
    return _Given(around.smi, {}, replace(around, smi=()))


def _around(session: Session, namespaces: Sequence[str], given: Sequence[Mapping[str, Any]]) -> Surroundings:
    """The objects of the cluster; those that are given stand for theirs of the same name."""
    discovery = Discovery(session)
    objects: List[Mapping[str, Any]] = []
    known: Set[str] = set()
    for api_version, kind in _AROUND:
        resource = discovery.find(api_version, kind)
        try:
            objects += _listed(session, resource, namespaces) if resource else ()
            known.add(kind)
        except ApiError as error:
            if error.status != 403:
                raise
    smi: List[Mapping[str, Any]] = []
    for each in (*KINDS, *DRAFT_KINDS):
        smi += _listed(session, discovery.preferred(each.api_group, each.name), namespaces)
        known.add(each.name)
    ours = {_name(obj) for obj in given}
    return replace(
        Surroundings.of([*objects, *given], known),
        namespaces=frozenset(namespaces),
        smi=[obj for obj in smi if _name(obj) not in ours],
        headers=_headers(session),
    )


def _name(obj: Mapping[str, Any]) -> Any:
    metadata = obj["metadata"]
    return str(obj.get("apiVersion")).partition("/")[0], obj.get("kind"), metadata.get("namespace"), metadata["name"]


def _listed(session: Session, resource: Any, namespaces: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """All objects of a kind, with what lists leave out; none when the cluster does not serve it."""
    if not isinstance(resource, Resource):
        return
    for namespace in (namespaces if resource.namespaced else ()) or (None,):
        for obj in session.list_objects(resource.path(namespace)):
            yield {**obj, "apiVersion": resource.api_version, "kind": resource.kind}


def _headers(session: Session) -> str:
    """The shape of headers that the installed CRD takes in all of its versions; empty when it takes either."""
    path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{HTTP_ROUTE_GROUP.crd_name}"
    try:
        definition = session.get_or_none(path)
    except ApiError as error:
        if error.status != 403:
            raise
        return ""
    served = [each for each in mapping(mapping(definition).get("spec")).get("versions") or () if each.get("served")]
    shapes = {_shape(each) for each in served}
    return shapes.pop() if len(shapes) == 1 else ""


def _shape(version: Mapping[str, Any]) -> str:
    schema = mapping(mapping(version.get("schema")).get("openAPIV3Schema"))
    schema = mapping(mapping(schema.get("properties")).get("spec")) or schema
    for name in ("matches", "items", "headers"):
        schema = mapping(schema.get("items") if name == "items" else mapping(schema.get("properties")).get(name))
    return {"array": LIST, "object": MAP}.get(str(schema.get("type")), "")


def _write_reports(options: Mapping[str, Any], located: Sequence[Located]) -> None:
    if options["report_junit"]:
        _write(options["report_junit"], junit("smi", located))
    if options["report_sarif"]:
        texts = [RuleText(each.id, each.title, f"Source: {each.source}", each.severity.value) for each in _ALL]
        address = "https://github.com/servicemeshinterface/smi-spec"
        texts += _texts_of_translation({each.id for each in _ALL}, [each.finding for each in located])
        _write(options["report_sarif"], sarif("servicemesh.platform.smi_validate", address, texts, located))


def _texts_of_translation(known: Set[str], findings: Sequence[Finding]) -> List[RuleText]:
    """Each kind of thing that a translation could not say is a rule of the report too."""
    first = {each.id: each for each in reversed(findings) if each.id not in known}
    return [RuleText(name, each.why or each.message, each.mend, each.severity.value) for name, each in first.items()]


_ALL = (*RULES, *FURTHER)


def _write(path: str, text: str) -> None:
    """Write a file in full or not at all, readable as the user's other files are."""
    folder = os.path.dirname(path) or "."
    new = ""
    try:
        os.makedirs(folder, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=folder, delete=False) as file:
            new = file.name
            file.write(text)
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(new, 0o666 & ~mask)
        os.replace(new, path)
    except OSError as error:
        if new and os.path.exists(new):
            os.unlink(new)
        raise InvalidArgument(f"{path} cannot be written: {error.strerror}") from error


INTERFACE = ClusterInterface({**ARGUMENTS, **CONNECTION_ARGUMENTS}, run, concealed=("definitions",))


def main() -> None:
    """Entry point of the module."""
    run_module(INTERFACE)


if __name__ == "__main__":
    main()
