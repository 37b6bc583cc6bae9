# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proxies and their control plane, from answers that were recorded from Istio 1.31 and Envoy 1.40."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding, Severity
from ansible_collections.servicemesh.platform.plugins.module_utils.istio import sync_answers
from ansible_collections.servicemesh.platform.plugins.module_utils.istio.sync import (
    Istiod,
    Proxy,
    State,
    minor,
    proxies,
    row,
    state_counts,
    wanted_revision,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.istio.sync_findings import (
    Allowed,
    findings,
    is_in_step,
    table,
)

RECORDED = Path(__file__).parent / "recorded"
ISTIOD = Istiod("istio-system/istiod-1", "default", "1.31-eed52ebb66ad")
ALLOWED = Allowed(seconds=10, skew=1, life=0.25, days=30)
SLOW, FAST = "sync-shop/server-85cb7fd775-kz6tg", "sync-shop/server-85cb7fd775-qbm67"
SENT = datetime(2026, 11, 26, 16, 47, 51, tzinfo=timezone.utc)
LABELS = {"istio-injection": "enabled"}
NAMESPACES = [{"metadata": {"name": name, "labels": LABELS}} for name in ("sync-shop", "shop")]


def recorded(name: str) -> Any:
    return json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))


def pod(name: str = SLOW, **metadata: Any) -> dict[str, Any]:
    body: dict[str, Any] = recorded("pod")
    namespace, _slash, own = name.partition("/")
    body["metadata"].update(namespace=namespace, name=own, **metadata)
    return body


def seen(name: str, now: datetime = SENT, istiod: Istiod = ISTIOD, pods: Any = None) -> list[Proxy]:
    """The proxies of a recorded answer that istiod gave at this time."""
    links = sync_answers.links(istiod, now, recorded(name), recorded("connections"))
    known = [link.proxy for link in links]
    given = [pod(each) for each in known] if pods is None else pods
    return proxies(links, sync_answers.sidecars(given, NAMESPACES, [], known))


def ids(found: list[Finding]) -> dict[str, Severity]:
    return {each.id: each.severity for each in found}


def test_a_proxy_that_has_acknowledged_all_is_in_step() -> None:
    (proxy,) = seen("syncz-in-step")
    assert proxy.name == "shop/backend-v1-5c69966b88-wwjnf"
    assert set(proxy.states(10)) == {"CDS", "LDS", "EDS", "RDS"}
    assert proxy.state(10, SENT) is State.IN_STEP
    assert is_in_step([ISTIOD], [proxy], 10, SENT)
    (found,) = findings([ISTIOD], [proxy], ALLOWED, SENT)
    assert (found.severity, found.message) == (Severity.OK, "1 of 1 proxies run what istiod holds")


def test_a_rejection_is_told_with_its_reason_and_once_for_all_who_have_it() -> None:
    given = seen("syncz-rejected")
    assert [each.state(10, SENT) for each in given] == [State.REJECTED, State.REJECTED]
    (rejected,) = [each for each in findings([ISTIOD], given, ALLOWED, SENT) if each.id == "mesh-proxy-rejected"]
    assert rejected.severity is Severity.ERROR
    assert rejected.subject == f"Proxies {SLOW}, {FAST}"
    assert rejected.message == (
        'rejects LDS: Error adding/updating listener(s) broken: stat_prefix: "broken" : Proto constraint validation '
        'failed (field: "cluster_specifier", reason: is required)'
    )
    assert not is_in_step([ISTIOD], given, 10, SENT)


@pytest.mark.parametrize(("seconds_later", "state"), [(3, State.PENDING), (14, State.STALE)])
def test_what_is_not_acknowledged_is_on_its_way_at_first_and_stale_later(seconds_later: int, state: State) -> None:
    now = SENT + timedelta(seconds=seconds_later)
    slow, fast = seen("syncz-stale", now)
    assert slow.states(10) == dict.fromkeys(("CDS", "EDS", "LDS", "RDS"), state)
    assert fast.state(10, now) is State.IN_STEP
    found = findings([ISTIOD], [slow, fast], ALLOWED, now)
    assert found[0].message == f"1 of 2 proxies run what istiod holds, 1 {state.value}"
    assert ("mesh-proxy-stale" in ids(found)) == (state is State.STALE)
    assert not is_in_step([ISTIOD], [slow, fast], 10, now)


def test_the_clock_of_istiod_counts_for_what_istiod_has_sent() -> None:
    slow, _fast = seen("syncz-stale", SENT + timedelta(seconds=3))
    assert slow.state(10, SENT + timedelta(hours=5)) is State.PENDING


def test_a_proxy_without_listeners_was_never_sent_them() -> None:
    answer = recorded("syncz-in-step")
    del answer[0]["resources"]["type.googleapis.com/envoy.config.listener.v3.Listener"]
    connected = {"clients": [{"connectionId": f"{answer[0]['proxy']}-2", "connectedAt": "2026-11-26T16:47:40.1Z"}]}
    for later, state in ((5, State.PENDING), (30, State.UNSENT)):
        (link,) = sync_answers.links(ISTIOD, SENT + timedelta(seconds=later - 11), answer, connected)
        assert link.states(10)["LDS"] is state
    proxy = replace(seen("syncz-in-step")[0], link=link)
    assert ids(findings([ISTIOD], [proxy], ALLOWED, SENT))["mesh-proxy-unsent"] is Severity.ERROR


def test_nothing_to_send_of_other_types_is_in_step() -> None:
    answer = recorded("syncz-in-step")
    answer[0]["resources"]["type.googleapis.com/istio.workload.Address"] = {"sentTime": "0001-01-01T00:00:00Z"}
    (link,) = sync_answers.links(ISTIOD, SENT, answer, {})
    assert link.states(10)["Address"] is State.IN_STEP


def test_an_istiod_that_does_not_list_resources_is_understood() -> None:
    old = recorded("syncz-stale")
    for each in old:
        del each["resources"]
    slow, fast = sync_answers.links(ISTIOD, SENT, old, {})
    assert slow.states(10)["LDS"] is State.STALE
    assert set(fast.states(10).values()) == {State.IN_STEP}


def test_a_proxy_that_two_istiods_know_is_with_the_one_it_came_to_last() -> None:
    former, latter = Istiod("istio-system/istiod-1", "default"), Istiod("istio-system/istiod-2", "default")
    times = {former: "2026-11-26T16:31:10.3Z", latter: "2026-11-26T16:40:00Z"}
    links = [
        link
        for istiod, moment in times.items()
        for link in sync_answers.links(
            istiod,
            SENT,
            recorded("syncz-in-step"),
            {"clients": [{"connectionId": "backend-v1-5c69966b88-wwjnf.shop-9", "connectedAt": moment}]},
        )
    ]
    for order in (links, links[::-1]):
        (proxy,) = proxies(order, [])
        assert proxy.link is not None
        assert proxy.link.istiod is latter


def test_a_sidecar_that_no_istiod_knows_is_found_when_it_had_its_time() -> None:
    (sidecar,) = sync_answers.sidecars([pod()], NAMESPACES, [], [])
    assert sidecar.started_at == datetime(2026, 11, 26, 16, 42, 39, tzinfo=timezone.utc)
    (proxy,) = proxies([], [sidecar])
    young, old = (sidecar.started_at + timedelta(seconds=each) for each in (5, 15))
    assert proxy.state(10, young) is State.PENDING
    assert "mesh-proxy-unknown" not in ids(findings([ISTIOD], [proxy], ALLOWED, young))
    assert ids(findings([ISTIOD], [proxy], ALLOWED, old))["mesh-proxy-unknown"] is Severity.ERROR
    # One that gave no answer may know it.
    silent = replace(ISTIOD, name="istio-system/istiod-2", problem="port 15014 gave no answer")
    unsure = ids(findings([ISTIOD, silent], [proxy], ALLOWED, old))
    assert unsure["mesh-proxy-unknown"] is Severity.WARNING
    assert unsure["mesh-istiod-silent"] is Severity.ERROR


def test_pods_whose_proxy_does_not_run_are_not_looked_at() -> None:
    leaving, waiting, bare = pod(deletionTimestamp="2026-11-26T16:50:00Z"), pod(), pod(annotations={})
    waiting["status"]["initContainerStatuses"][1]["state"] = {"waiting": {"reason": "PodInitializing"}}
    assert sync_answers.sidecars([leaving, waiting, bare], NAMESPACES, [], []) == []
    assert len(sync_answers.sidecars([bare], NAMESPACES, [], [SLOW])) == 1


def test_without_any_istiod_that_is_said_too() -> None:
    (proxy,) = proxies([], sync_answers.sidecars([pod()], NAMESPACES, [], []))
    found = findings([], [proxy], ALLOWED, SENT)
    assert [each.message for each in found if each.severity is Severity.ERROR] == ["no pod of it runs"]
    assert not is_in_step([], [], 10, SENT)


def test_what_no_pod_is_behind_only_tells_what_it_rejects() -> None:
    later = SENT + timedelta(minutes=5)
    assert set(ids(findings([ISTIOD], seen("syncz-stale", later, pods=[]), ALLOWED, later))) == {"mesh-sync"}
    assert "mesh-proxy-rejected" in ids(findings([ISTIOD], seen("syncz-rejected", pods=[]), ALLOWED, later))


@pytest.mark.parametrize(
    ("pod_labels", "namespace_labels", "revision"),
    [
        ({}, {"istio-injection": "enabled"}, "default"),
        ({}, {"istio-injection": "enabled", "istio.io/rev": "blue"}, "default"),
        ({}, {"istio.io/rev": "blue"}, "blue"),
        ({}, {"istio.io/rev": "stable"}, "green"),
        ({"istio.io/rev": "blue"}, {"istio.io/rev": "stable"}, "green"),
        ({"istio.io/rev": "blue"}, {}, "blue"),
        ({"sidecar.istio.io/inject": "true"}, {}, "default"),
        ({"sidecar.istio.io/inject": "true", "istio.io/rev": "blue"}, {}, "blue"),
        ({"sidecar.istio.io/inject": "false"}, {"istio-injection": "enabled"}, ""),
        ({"sidecar.istio.io/inject": "true"}, {"istio-injection": "disabled"}, ""),
        ({}, {}, ""),
    ],
)
def test_the_revision_that_is_asked_for(
    pod_labels: dict[str, str], namespace_labels: dict[str, str], revision: str
) -> None:
    assert wanted_revision(pod_labels, namespace_labels, {"stable": "green"}) == revision


def test_a_sidecar_of_another_revision_than_is_asked_for_is_found() -> None:
    tag = {"metadata": {"name": "x", "labels": {"istio.io/tag": "stable", "istio.io/rev": "1-31"}}}
    moved = {"metadata": {"name": "sync-shop", "labels": {"istio.io/rev": "stable"}}}
    (sidecar,) = sync_answers.sidecars([pod()], [moved], [tag], [])
    assert (sidecar.revision, sidecar.wanted) == ("default", "1-31")
    given = [replace(each, sidecar=sidecar) for each in seen("syncz-in-step")]
    (found,) = [each for each in findings([ISTIOD], given, ALLOWED, SENT) if each.id == "mesh-proxy-revision"]
    assert found.severity is Severity.WARNING
    assert "of revision default" in found.message
    assert "ask for revision 1-31" in found.message
    unlabelled = [replace(each, sidecar=replace(sidecar, wanted="")) for each in given]
    assert ids(findings([ISTIOD], unlabelled, ALLOWED, SENT))["mesh-proxy-revision"] is Severity.INFO


@pytest.mark.parametrize(
    ("istiod", "is_found"),
    [
        ("1.31.0", False),
        ("1.32.4", False),
        ("1.33.0-alpha.1", True),
        ("1.30.2", True),
        ("2.0.0", False),
        ("unknown", False),
    ],
)
def test_versions_that_do_not_go_together_are_found(istiod: str, is_found: bool) -> None:
    given = seen("syncz-in-step", istiod=replace(ISTIOD, version=istiod))
    assert ("mesh-proxy-version" in ids(findings([ISTIOD], given, ALLOWED, SENT))) == is_found


def test_versions() -> None:
    assert minor("1.31-eed52ebb66ad") == (1, 31)
    assert minor("1.9.0") == (1, 9)
    assert minor("latest") is None


def test_each_certificate_is_told_once_and_that_of_the_workload_first() -> None:
    own, authority = sync_answers.certificates(recorded("certs"))
    assert own.identity == "spiffe://cluster.local/ns/shop/sa/backend"
    assert own.ends_at == datetime(2026, 11, 27, 16, 31, 1, tzinfo=timezone.utc)
    assert authority.identity == ""
    assert authority.ends_at.year == 2036


@pytest.mark.parametrize(
    ("now", "messages"),
    [
        ("2026-11-26T17:00:00Z", []),
        ("2026-11-27T10:20:00Z", []),
        ("2026-11-27T10:40:00Z", ["has less than 25% of its life left"]),
        ("2026-11-27T16:31:02Z", ["has ended"]),
        ("2036-11-10T00:00:00Z", ["has ended", "ends on 2036-11-23"]),
        ("2036-12-01T00:00:00Z", ["has ended", "has ended"]),
    ],
)
def test_certificates_near_their_end_are_found(now: str, messages: list[str]) -> None:
    moment = sync_answers.time_of(now)
    assert moment is not None
    given = replace(seen("syncz-in-step", moment)[0], certificates=sync_answers.certificates(recorded("certs")))
    found = [each for each in findings([ISTIOD], [given], ALLOWED, moment) if each.id == "mesh-proxy-certificate"]
    assert len(found) == len(messages)
    for each, message in zip(found, messages):
        assert message in each.message
        assert (each.severity is Severity.ERROR) == ("ended" in message)


def test_a_proxy_without_a_certificate_and_one_that_does_not_answer_are_found() -> None:
    (proxy,) = seen("syncz-in-step")
    assert "mesh-proxy-certificate" in ids(findings([ISTIOD], [replace(proxy, certificates=[])], ALLOWED, SENT))
    silent = replace(proxy, problem="port 15000 gave no answer")
    assert set(ids(findings([ISTIOD], [silent], ALLOWED, SENT))) == {"mesh-sync", "mesh-proxy-silent"}


def test_certificates_that_make_no_sense_are_left_out() -> None:
    answer = copy.deepcopy(recorded("certs"))
    answer["certificates"] = answer["certificates"][:1]
    answer["certificates"][0]["cert_chain"][0]["expiration_time"] = ""
    assert [each.identity for each in sync_answers.certificates(answer)] == [""]
    assert sync_answers.certificates({}) == []


def test_a_finding_names_a_few_proxies_and_counts_the_rest() -> None:
    given = [pod(f"sync-shop/server-{number}") for number in range(8)]
    sidecars = sync_answers.sidecars(given, NAMESPACES, [], [])
    found = findings([ISTIOD], proxies([], sidecars), ALLOWED, SENT + timedelta(hours=1))
    (unknown,) = [each for each in found if each.id == "mesh-proxy-unknown"]
    assert unknown.subject.endswith("sync-shop/server-4 and 3 more")


def test_the_table_tells_what_is_behind() -> None:
    now = SENT + timedelta(seconds=14)
    given = seen("syncz-stale", now)
    rows = [row(each, 10, now) for each in given]
    head, slow, fast = table(rows)
    assert head.split()[:3] == ["proxy", "state", "istiod"]
    assert "CDS stale, EDS stale, LDS stale, RDS stale" in slow
    assert "in step" in fast
    assert rows[1]["errors"] == {}
    assert state_counts(each.state(10, now) for each in given)["stale"] == 1


def test_names_with_dots_and_types_without_a_short_name() -> None:
    assert sync_answers.proxy_name("web.v1-0.shop") == "shop/web.v1-0"
    assert sync_answers.short_type("type.googleapis.com/istio.workload.Workload") == "Workload"
    assert sync_answers.time_of("0001-01-01T00:00:00Z") is None
    assert sync_answers.time_of(None) is None
