# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules that one object shows, as checks in CEL for admission policies: what ``rules.check.check_alone`` tells.

Each shape is a kind in the versions that are written alike. Nothing is taken from the schema of the CRD, since those of
other products ask for little: a field may be missing, or be anything.

The cost that the API server allows (1,000,000 per expression, 10,000,000 per policy) bounds the lists: what compares
each item with all others takes 512 of them, what goes once over them 1024. Longer ones are refused. So is what costs
more all the same, like 512 names of more than 36 characters.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import List, Optional, Sequence, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Severity
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.catalogue import (
    HTTP_ROUTE_GROUP,
    IDENTITY_BINDING,
    TCP_ROUTE,
    TRAFFIC_SPLIT,
    TRAFFIC_TARGET,
    UDP_ROUTE,
    Kind,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.cel import (
    compiles,
    empty,
    field,
    fits,
    index,
    is_a,
    one_of,
    quoted,
    text,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules.routes import MAX_PORT, METHODS
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.schemas import SPIFFE_ID
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.wire import LIST, MAP, is_flat

MAX_COMPARED = 512
"""How many items a list may have in which each is compared with all others."""
MAX_ITEMS = 1024
"""How many items any other list may have."""

_WARNING = Severity.WARNING
_SUFFIX = r"([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,3})?"
_QUANTITY = rf"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+){_SUFFIX}$"
_ZERO = rf"^[+-]?(0+\.?0*|\.0+){_SUFFIX}$"


@dataclass(frozen=True)
class Check:
    """What an object may not be.

    ``wrong`` is a condition, or, where ``name`` is set, a list of the things that are wrong, of which the first is
    told; ``name`` is then what the policy calls that list. ``place`` and ``value`` are CEL too: the field, and what
    stands there (nothing, where it says nothing). ``field`` is the place for people who read the policy. ``mild`` is
    the severity of a mild case.
    """

    rule: int
    field: str
    problem: str
    wrong: str
    place: str = ""
    value: str = ""
    name: str = ""
    mild: Optional[Severity] = None
    decides: str = ""
    """What costs less than ``wrong`` to tell whether anything is; ``wrong`` is evaluated for the message only then."""


@dataclass(frozen=True)
class Shape:
    """Versions of a kind that are written alike: what checks call by name, and the checks."""

    kind: Kind
    name: str
    versions: Tuple[str, ...]
    variables: Tuple[Tuple[str, str], ...]
    checks: Tuple[Check, ...]
    expressions: str = ""
    """CEL that cannot be evaluated when a regular expression is none; empty where there are none."""


def shapes(headers: str) -> List[Shape]:
    """All shapes. ``headers`` is the shape of headers that the CRD takes, one of schemas.HEADER_SHAPES."""
    return [
        _traffic_split("quantities", ("v1alpha1",)),
        _traffic_split("numbers", ("v1alpha2",)),
        _traffic_split("matches", ("v1alpha3", "v1alpha4")),
        _traffic_target("specs", "v1alpha1"),
        _traffic_target("port", "v1alpha2"),
        _traffic_target("accounts", "v1alpha3"),
        _traffic_target("identities", "v1alpha4"),
        _http_route_group("flat", ("v1alpha1", "v1alpha2"), headers),
        _http_route_group("spec", ("v1alpha3", "v1alpha4"), headers),
        _port_route(TCP_ROUTE),
        _port_route(UDP_ROUTE),
        _identity_binding(),
    ]


class _Writer:
    """Writes the variables and checks of a shape: where its fields stand, and how a list is looked at."""

    def __init__(self, kind: Kind, version: str) -> None:
        flat = is_flat(kind, version)
        self.prefix = "" if flat else "spec."
        spec = field("dyn(object)", "spec")
        fields = "dyn(object)" if flat else f"{is_a(spec, 'map')} ? dyn(object).spec : dyn({{}})"
        self.variables: List[Tuple[str, str]] = [("fields", fields)]
        self.checks: List[Check] = []

    def variable(self, name: str, expression: str) -> str:
        """Give an expression a name; what to call it by."""
        self.variables.append((name, expression))
        return f"variables.{name}"

    def field(self, name: str) -> str:
        return field("variables.fields", name)

    def bounded(self, name: str, most: int, rule: int) -> str:
        """A list of the object, empty where it is none or too long; the last is refused."""
        value = self.field(name)
        too_long = f"{is_a(value, 'list')} && size(variables.fields.{name}) > {most}"
        self.whole(
            rule,
            name,
            f"items are more than an admission policy can look at; write at most {most}",
            too_long,
            value=f"size(variables.fields.{name})",
        )
        return self.variable(
            name,
            f"{is_a(value, 'list')} && size(variables.fields.{name}) <= {most} ? variables.fields.{name} : dyn([])",
        )

    def whole(
        self, rule: int, name: str, problem: str, wrong: str, value: str = "", mild: Optional[Severity] = None
    ) -> None:
        """A check of one field."""
        place = f"{self.prefix}{name}"
        self.checks.append(Check(rule, place, problem, wrong, quoted(place), value, mild=mild))

    def each(
        self,
        rule: int,
        called: str,
        name: str,
        problem: str,
        wrong: str,
        among: str = "",
        value: str = "",
        below: str = "",
        mild: Optional[Severity] = None,
    ) -> None:
        """A check of each item of a list (``name``), or of some (``among``): wrong, value and below say ``item``.

        ``value`` is what is told, by default the item; ``below`` is its place within the item.
        """
        first = f"variables.{called}[0]"
        place = f"{quoted(self.prefix + name)} + {index(f'variables.{name}', first)} + {quoted(below)}"
        self.checks.append(
            Check(
                rule,
                f"{self.prefix}{name}[]{below}",
                problem,
                f"{among or f'variables.{name}'}.filter(item, {wrong})",
                place,
                value.replace("item", first) if value else "",
                called,
                mild,
            )
        )

    def unique(self, rule: int, name: str, problem: str, entries: str, key: str) -> None:
        """A check that no text comes twice in a field of the entries of a list.

        Each is where it is first found, so that the places are 0, 1, 2 and so on, if there are no two alike.
        """
        named = self.variable("named", f"{entries}.filter(item, {text(field('item', key))} != '')")
        names = self.variable("names", f"{named}.map(item, item.{key})")
        firsts = self.variable("firsts", f"{names}.map(each, {names}.indexOf(each))")
        wrong = f"{names}.indexOf(item.{key}) != {names}.lastIndexOf(item.{key})"
        self.each(rule, "twice", name, problem, wrong, named, f"item.{key}", f".{key}")
        is_unique = f"{firsts}.sum() * 2 == size({firsts}) * (size({firsts}) - 1)"
        self.checks[-1] = replace(self.checks[-1], decides=is_unique)

    def shape(self, kind: Kind, name: str, versions: Sequence[str], expressions: str = "") -> Shape:
        return Shape(kind, name, tuple(versions), tuple(self.variables), tuple(self.checks), expressions)


def _is_nameless(owner: str, name: str) -> str:
    return f"{text(field(owner, name))} == ''"


def _plain(service: str) -> str:
    return f"{service}.split('.')[0]"


def _traffic_split(name: str, versions: Tuple[str, ...]) -> Shape:
    it = _Writer(TRAFFIC_SPLIT, versions[0])
    it.variable("service", text(it.field("service")))
    service, given = it.field("service"), it.field("backends")
    it.whole(1, "service", "is no name of a service; write the root service", "variables.service == ''", service)
    problem = "is no list of backends; write a list of mappings with service and weight"
    it.whole(1, "backends", problem, f"!({is_a(given, 'list')})", given)
    backends = it.bounded("backends", MAX_COMPARED, 4)
    it.whole(4, "backends", "has no backend; write one, or remove the split", f"{given} == dyn([])", given)
    it.each(1, "noMappings", "backends", "is no mapping; write service and weight", "type(item) != map", value="item")
    entries = it.variable("entries", f"{backends}.filter(item, {is_a('item', 'map')})")
    it.each(
        1,
        "nameless",
        "backends",
        "is no name of a service; write the service",
        _is_nameless("item", "service"),
        entries,
        field("item", "service"),
        ".service",
    )
    weight = field("item", "weight")
    it.each(
        1,
        "weightless",
        "backends",
        "is no weight; write one, 0 for no traffic",
        f"{weight} == null",
        entries,
        weight,
        ".weight",
    )
    weighted = it.variable("weighted", f"{entries}.filter(item, {weight} != null)")
    _weights(it, name == "quantities", weighted)
    _backend_names(it, entries)
    if name == "matches":
        _split_matches(it)
    return it.shape(TRAFFIC_SPLIT, name, versions)


def _weights(it: _Writer, are_quantities: bool, weighted: str) -> None:
    is_negative = "item.weight < 0"
    zero = "type(item.weight) == int && item.weight == 0"
    wrong, mend = "type(item.weight) != int || item.weight < 0", "is no whole number from 0; write one, like 1"
    if are_quantities:
        written = f"{fits('item.weight', _QUANTITY)} && (!item.weight.startsWith('-') || {fits('item.weight', _ZERO)})"
        is_number = "(type(item.weight) == int || type(item.weight) == double)"
        wrong = f"{is_number} ? {is_negative} : !(type(item.weight) == string && {written})"
        mend = "is no quantity from 0; write a number like 1 or 500m"
        zero = f"{is_number} ? item.weight == 0 : type(item.weight) == string && {fits('item.weight', _ZERO)}"
    it.each(2, "wrongWeights", "backends", mend, wrong, weighted, "item.weight", ".weight")
    all_zero = f"size({weighted}) > 0 && {weighted}.all(item, {zero})"
    problem = "all weights are 0, which means nothing certain; give one backend a weight above 0"
    it.whole(3, "backends", problem, all_zero)


def _backend_names(it: _Writer, entries: str) -> None:
    it.unique(4, "backends", "is a backend twice; add the two weights up in one", entries, "service")
    named = "variables.named"
    it.each(
        5,
        "roots",
        "backends",
        "is the root itself; make a service of its own for the pods that shall stay, and name that one",
        f"{_plain('item.service')} == {_plain('variables.service')}",
        named,
        "item.service",
        ".service",
    )
    is_long, elsewhere = "{0}.contains('.')", "{0}.split('.')[1] != request.namespace"
    foreign = "is not in the namespace of the split; write the plain name of a service that is"
    dns = "is a DNS name, which not all consumers take; write its first part only"
    for problem, condition, mild, called in (
        (foreign, f"{is_long} && {elsewhere}", None, "foreign"),
        (dns, f"{is_long} && !({elsewhere})", _WARNING, "dnsNames"),
    ):
        it.whole(7, "service", problem, condition.format("variables.service"), "variables.service", mild)
        wrong = condition.format("item.service")
        it.each(7, called, "backends", problem, wrong, named, "item.service", ".service", mild)


def _split_matches(it: _Writer) -> None:
    given = it.field("matches")
    problem = "is no list; write a list of kind and name, or leave it out"
    it.whole(10, "matches", problem, f"{given} != null && !({is_a(given, 'list')})", given)
    it.bounded("matches", MAX_ITEMS, 10)
    kind = "(type(item) == map ? {} : null)".format(field("item", "kind"))
    name = "(type(item) == map ? {} : null)".format(field("item", "name"))
    it.each(
        10,
        "otherKinds",
        "matches",
        "is not HTTPRouteGroup; write HTTPRouteGroup",
        f"{kind} != 'HTTPRouteGroup'",
        value=kind,
        below=".kind",
    )
    problem = "is no name; write the name of the HTTPRouteGroup"
    it.each(10, "namelessMatches", "matches", problem, f"{text(name)} == ''", value=name, below=".name")


def _traffic_target(name: str, version: str) -> Shape:
    it = _Writer(TRAFFIC_TARGET, version)
    is_old, rules = version in ("v1alpha1", "v1alpha2"), "specs" if version == "v1alpha1" else "rules"
    kinds = ("ServiceAccount", "IdentityBinding") if version == "v1alpha4" else ("ServiceAccount",)
    given = it.field("destination")
    problem = "is no destination; write the kind, name and namespace of the service account"
    it.whole(13, "destination", problem, f"!({is_a(given, 'map')})", given)
    it.variable("destination", f"{is_a(given, 'map')} ? variables.fields.destination : dyn({{}})")
    for each, what in ((rules, "rule"), ("sources", "source")):
        _at_least_one(it, each, what, is_old)
        it.bounded(each, MAX_ITEMS, 13)
    _destination(it, kinds)
    _sources(it, kinds)
    _target_rules(it, rules, is_old)
    if is_old:
        port = field("variables.destination", "port")
        it.whole(20, "destination.port", _NO_PORT, f"{port} != null && {_is_no_port(port)}", port)
    return it.shape(TRAFFIC_TARGET, name, (version,))


def _at_least_one(it: _Writer, name: str, what: str, is_old: bool) -> None:
    given = it.field(name)
    is_list = is_a(given, "list")
    problem = f"is no list of {what}s with something in it; write at least one {what}"
    is_missing = f"({empty(given)})"
    if not is_old:
        it.whole(13, name, problem, f"!({is_list}) || {is_missing}", given)
        return
    it.whole(13, name, problem, f"!({is_list}) && !{is_missing}", given)
    it.whole(13, name, problem, is_missing, given, _WARNING)


_KIND = "is not {0}; write {0}"
_NO_NAME = "is no name; write the name of the service account"
_NO_NAMESPACE = "is no namespace, and meshes disagree on what that means; write the namespace"
_DEFAULT = "is the account of all pods that have none of their own; run the workload as a service account of its own"


def _is_default(owner: str) -> str:
    return f"{field(owner, 'kind')} == 'ServiceAccount' && {field(owner, 'name')} == 'default'"


def _destination(it: _Writer, kinds: Sequence[str]) -> None:
    given = "variables.destination"
    kind, name, namespace = (field(given, each) for each in ("kind", "name", "namespace"))
    is_there = f"{is_a(it.field('destination'), 'map')} && "
    problem = _KIND.format(" or ".join(kinds))
    it.whole(15, "destination.kind", problem, f"{is_there}!({one_of(kind, kinds)})", kind)
    it.whole(15, "destination.name", _NO_NAME, f"{is_there}{_is_nameless(given, 'name')}", name)
    elsewhere = f"{text(namespace)} != '' && {text(namespace)} != request.namespace"
    problem = "is not the namespace of the target; move the target there"
    it.whole(14, "destination.namespace", problem, elsewhere, namespace)
    missing = f"{is_there}{text(namespace)} == ''"
    it.whole(15, "destination.namespace", _NO_NAMESPACE, missing, namespace, _WARNING)
    it.whole(16, "destination.name", _DEFAULT, _is_default(given), name, _WARNING)


def _sources(it: _Writer, kinds: Sequence[str]) -> None:
    problem = "is no mapping; write kind, name and namespace of a service account"
    it.each(15, "noSubjects", "sources", problem, "type(item) != map", value="item")
    subjects = it.variable("subjects", f"variables.sources.filter(item, {is_a('item', 'map')})")
    kind, name, namespace = (field("item", each) for each in ("kind", "name", "namespace"))
    problem, wrong = _KIND.format(" or ".join(kinds)), f"!({one_of(kind, kinds)})"
    it.each(15, "otherSubjects", "sources", problem, wrong, subjects, kind, ".kind")
    wrong = _is_nameless("item", "name")
    it.each(15, "namelessSources", "sources", _NO_NAME, wrong, subjects, name, ".name")
    wrong = _is_nameless("item", "namespace")
    it.each(15, "homeless", "sources", _NO_NAMESPACE, wrong, subjects, namespace, ".namespace", _WARNING)
    it.each(16, "defaultOnes", "sources", _DEFAULT, _is_default("item"), subjects, name, ".name", _WARNING)


def _target_rules(it: _Writer, rules: str, is_old: bool) -> None:
    kinds = ("HTTPRouteGroup", "TCPRoute") if is_old else ("HTTPRouteGroup", "TCPRoute", "UDPRoute")
    kind, name, matches = (field("item", each) for each in ("kind", "name", "matches"))
    it.each(17, "noRules", rules, "is no mapping; write kind and name of a route", "type(item) != map", value="item")
    routes = it.variable("routes", f"variables.{rules}.filter(item, {is_a('item', 'map')})")
    problem, wrong = f"is not one of {', '.join(kinds)}; write the kind of a route", f"!({one_of(kind, kinds)})"
    it.each(17, "otherRoutes", rules, problem, wrong, routes, kind, ".kind")
    problem, wrong = "is no name; write the name of the route", _is_nameless("item", "name")
    it.each(17, "namelessRoutes", rules, problem, wrong, routes, name, ".name")
    problem, wrong = "is no list; write a list of names", f"{matches} != null && !({is_a(matches, 'list')})"
    it.each(17, "noLists", rules, problem, wrong, routes, matches, ".matches")
    wrong = f"{kind} == 'HTTPRouteGroup' && ({matches} == null || {matches} == dyn([]))"
    problem = "names no match, so all are allowed; name the matches, if not all of them are meant"
    it.each(18, "allMatches", rules, problem, wrong, routes, matches, ".matches")


def _http_route_group(name: str, versions: Tuple[str, ...], headers: str) -> Shape:
    it = _Writer(HTTP_ROUTE_GROUP, versions[0])
    given = it.field("matches")
    problem = "is no list of matches; write at least one match with a name"
    it.whole(19, "matches", problem, f"{given} != null && !({is_a(given, 'list')})", given)
    it.whole(19, "matches", problem, f"{given} == null", given, _WARNING)
    matches = it.bounded("matches", MAX_COMPARED, 19)
    it.each(19, "noMappings", "matches", "is no mapping; write a match with a name", "type(item) != map", value="item")
    entries = it.variable("entries", f"{matches}.filter(item, {is_a('item', 'map')})")
    name_of = field("item", "name")
    wrong = _is_nameless("item", "name")
    it.each(19, "nameless", "matches", "is no name; write a name", wrong, entries, name_of, ".name")
    it.unique(19, "matches", "is the name of two matches; rename one", entries, "name")
    path = field("item", "pathRegex")
    wrong = f"{path} != null && type(item.pathRegex) != string"
    it.each(19, "noPaths", "matches", "is no text; quote it", wrong, entries, path, ".pathRegex")
    _methods(it, entries)
    _headers(it, entries, headers)
    return it.shape(HTTP_ROUTE_GROUP, name, versions, _regular_expressions(entries))


def _methods(it: _Writer, entries: str) -> None:
    methods = field("item", "methods")
    wrong = f"{methods} != null && !({is_a(methods, 'list')})"
    it.each(19, "noLists", "matches", "is no list; write a list, or leave it out", wrong, entries, methods, ".methods")
    other = f"!({one_of('method', METHODS)})"
    problem = f"is no method of HTTP; write one of {', '.join(METHODS)}"
    wrong = f"{is_a(methods, 'list')} && item.methods.exists(method, {other})"
    value = f"item.methods.filter(method, {other})[0]"
    it.each(19, "otherMethods", "matches", problem, wrong, entries, value, ".methods")


def _headers(it: _Writer, entries: str, shape: str) -> None:
    given = field("item", "headers")
    problem = "is neither a list of mappings with one header each nor one mapping; write such a list"
    wrong = f"{given} != null && !({is_a(given, 'list')} || {is_a(given, 'map')})"
    it.each(19, "noHeaders", "matches", problem, wrong, entries, given, ".headers")
    for wanted, refused, problem in (
        (LIST, "map", "is one mapping, and the CRD takes a list; write a list of mappings with one header each"),
        (MAP, "list", "is a list, and the CRD takes one mapping; write one mapping"),
    ):
        if shape == wanted:
            it.each(19, "otherHeaders", "matches", problem, is_a(given, refused), entries, given, ".headers")
    lists = it.variable("lists", f"{entries}.filter(item, {is_a(given, 'list')})")
    no_header = "type(header) != map || size(header) != 1"
    wrong, value = f"item.headers.exists(header, {no_header})", f"item.headers.filter(header, {no_header})[0]"
    problem = "is no mapping of one header; write an item per header"
    it.each(19, "noSingleHeaders", "matches", problem, wrong, lists, value, ".headers")
    maps = it.variable("maps", f"{entries}.filter(item, {is_a(given, 'map')})")
    wrong_pair = "name == '' || type({0}[name]) != string"
    in_list = f"type(header) == map && size(header) == 1 && header.exists(name, {wrong_pair.format('header')})"
    wrong, value = f"item.headers.exists(header, {in_list})", f"item.headers.filter(header, {in_list})[0]"
    problem = "is no name of a header with text; write 'name: regex', and quote both"
    it.each(19, "wrongHeaders", "matches", problem, wrong, lists, value, ".headers")
    wrong = f"item.headers.exists(name, {wrong_pair.format('item.headers')})"
    it.each(19, "wrongMaps", "matches", problem, wrong, maps, "item.headers", ".headers")


def _regular_expressions(entries: str) -> str:
    """Has no value where something is no RE2 expression. ``||`` would swallow that, so there is none around it."""
    path = field("item", "pathRegex")
    paths = f"{entries}.all(item, {is_a(path, 'string')} ? {compiles('item.pathRegex')} : true)"
    value = "type({0}[name]) == string ? " + compiles("{0}[name]") + " : true"
    in_map = f"item.headers.all(name, {value.format('item.headers')})"
    in_part = f"type(header) == map && size(header) == 1 ? header.all(name, {value.format('header')}) : true"
    return (
        f"{paths} && variables.maps.all(item, {in_map}) && "
        f"variables.lists.all(item, item.headers.all(header, {in_part}))"
    )


_NO_PORT = f"is no port; write a whole number from 1 to {MAX_PORT}"


def _is_no_port(value: str) -> str:
    return f"(type({value}) != int || {value} < 1 || {value} > {MAX_PORT})"


def _port_route(kind: Kind) -> Shape:
    it = _Writer(kind, "v1alpha4")
    given = it.field("matches")
    it.variable("portsOf", f"{is_a(given, 'map')} ? {field('variables.fields.matches', 'ports')} : null")
    ports = "variables.portsOf"
    wrong = f"{given} != null && (!({is_a(given, 'map')}) || ({ports} != null && !({is_a(ports, 'list')})))"
    it.whole(20, "matches", "has no list of ports; write matches: {ports: [8080]}", wrong, given)
    too_long = f"{is_a(ports, 'list')} && size({ports}) > {MAX_ITEMS}"
    problem = f"ports are more than an admission policy can look at; write at most {MAX_ITEMS}"
    it.whole(20, "matches.ports", problem, too_long, f"size({ports})")
    looked_at = f"{is_a(ports, 'list')} && size({ports}) <= {MAX_ITEMS} ? {ports} : dyn([])"
    it.variable("ports", looked_at)
    first = "variables.noPorts[0]"
    place = f"{quoted(it.prefix + 'matches.ports')} + {index('variables.ports', first)}"
    wrong = f"variables.ports.filter(item, {_is_no_port('item')})"
    it.checks.append(Check(20, f"{it.prefix}matches.ports[]", _NO_PORT, wrong, place, first, "noPorts"))
    return it.shape(kind, "ports", ("v1alpha4",))


def _identity_binding() -> Shape:
    it = _Writer(IDENTITY_BINDING, "v1alpha4")
    given = it.field("schemes")
    schemes = it.variable("schemes", f"{is_a(given, 'map')} ? variables.fields.schemes : dyn({{}})")
    labels, more_labels, account, identities = (
        f"!({empty(field(schemes, name))})"
        for name in ("podLabelSelector", "podLabelSelectors", "serviceAccount", "spiffeIdentities")
    )
    nothing = f"!({labels} || {more_labels} || {account} || {identities})"
    problem = "gives no identity; write podLabelSelector, serviceAccount or spiffeIdentities"
    it.whole(21, "schemes", problem, nothing, given)
    both = f"({labels} || {more_labels}) && {account}"
    problem = "has both pod labels and a service account, which not every mesh joins; keep one of the two"
    it.whole(21, "schemes", problem, both, mild=_WARNING)
    listed = field(schemes, "spiffeIdentities")
    too_long = f"{is_a(listed, 'list')} && size({listed}) > {MAX_ITEMS}"
    problem = f"identities are more than an admission policy can look at; write at most {MAX_ITEMS}"
    it.whole(21, "schemes.spiffeIdentities", problem, too_long, f"size({listed})")
    it.variable("identities", f"{is_a(listed, 'list')} && size({listed}) <= {MAX_ITEMS} ? {listed} : dyn([])")
    first = "variables.noIdentities[0]"
    place = f"{quoted(it.prefix + 'schemes.spiffeIdentities')} + {index('variables.identities', first)}"
    wrong = f"variables.identities.filter(item, !(type(item) == string && {fits('item', f'^(?:{SPIFFE_ID})$')}))"
    problem = "is no SPIFFE ID; write trust domain and path: cluster.local/ns/shop/sa/web"
    field_ = f"{it.prefix}schemes.spiffeIdentities[]"
    it.checks.append(Check(21, field_, problem, wrong, place, first, "noIdentities"))
    return it.shape(IDENTITY_BINDING, "identities", ("v1alpha4",))
