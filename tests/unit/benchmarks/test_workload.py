# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the benchmarks apply."""

from __future__ import annotations

from collections import Counter

import pytest
from ansible_collections.servicemesh.platform.tests.benchmarks import workload


def different(before: list[workload.Tenant], after: list[workload.Tenant]) -> Counter[str]:
    """The kinds of the objects that are in one of the two only, or not the same in both."""
    old, new = ({workload.path_of(item): item for item in workload.objects(each)} for each in (before, after))
    return Counter(
        (old.get(path) or new[path])["kind"] for path in old.keys() | new.keys() if old.get(path) != new.get(path)
    )


def test_a_tenant_has_six_objects_in_its_own_namespace() -> None:
    items = workload.objects(workload.tenants(12))
    assert len(items) == 12
    kinds = {"Namespace": 2, "ResourceQuota": 2, "NetworkPolicy": 4, "ServiceAccount": 2, "RoleBinding": 2}
    assert Counter(item["kind"] for item in items) == kinds
    assert len({workload.path_of(item) for item in items}) == 12


def test_every_kind_is_listed_where_its_objects_are() -> None:
    collections = {path.rpartition("/")[2] for path in workload.COLLECTIONS}
    assert collections == set(workload.PLURALS.values())


def test_paths() -> None:
    paths = [workload.path_of(item) for item in workload.objects(workload.tenants(6))]
    assert paths[0] == "/api/v1/namespaces/tenant-00001"
    assert paths[2] == "/apis/networking.k8s.io/v1/namespaces/tenant-00001/networkpolicies/closed"


@pytest.mark.parametrize("number", [0, 5, 301])
def test_a_number_that_does_not_come_out_even_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="multiple of 6"):
        workload.tenants(number)


def test_a_change_is_about_as_many_objects_as_it_says_also_the_second_time() -> None:
    before = workload.tenants(300)
    once = workload.with_changed_quotas(before, 10)
    twice = workload.with_changed_quotas(once, 10)
    assert different(before, once) == {"ResourceQuota": 10}
    assert different(once, twice) == {"ResourceQuota": 10}


def test_bindings_leave() -> None:
    before = workload.tenants(300)
    assert different(before, workload.with_missing_bindings(before, 10)) == {"RoleBinding": 10}


def test_more_changes_than_tenants_are_refused() -> None:
    with pytest.raises(ValueError, match="11 of 10"):
        workload.with_changed_quotas(workload.tenants(60), 11)
