# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Formats of names and amounts."""

from __future__ import annotations

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.variables import formats
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize("value", ["4", "500m", "1.5", "512Mi", "8Gi", "1e3", "2k", "0", 4, 1.5])
def test_quantities_that_kubernetes_takes(value: object) -> None:
    assert list(formats.quantity("q", value)) == []


@pytest.mark.parametrize("value", ["4 cores", "", "-1", "1GB", "Gi", "1.", True, None, [4]])
def test_quantities_that_it_refuses(value: object) -> None:
    (problem,) = formats.quantity("tenancy_tenants[a].quota.cpu", value)
    assert problem.variable == "tenancy_tenants[a].quota.cpu"
    assert problem.value == value
    assert "8Gi" in problem.expected


@given(st.from_regex(r"[a-z]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True))
def test_labels(name: str) -> None:
    assert list(formats.dns_label("n", name)) == []
    assert list(formats.dns_subdomain("n", f"{name}.{name}")) == []


@pytest.mark.parametrize("value", ["", "A", "a_b", "-a", "a-", "a" * 64, 5, None, "a\n"])
def test_no_labels(value: object) -> None:
    assert list(formats.dns_label("n", value))


def test_each_repeated_value_is_told_once() -> None:
    problems = list(formats.unique("zones", ["a", "b", "a", "a", "c", "b"]))
    assert [problem.value for problem in problems] == ["a", "b"]


@pytest.mark.parametrize("value", ["1s", "0.5s", "0.01s", "10s", "90.25s"])
def test_durations(value: str) -> None:
    assert list(formats.duration("t", value)) == []


@pytest.mark.parametrize("value", ["", "1", 1, None, "1m", "500ms", "0s", "0.001s", "-1s", "3601s", "1s\n"])
def test_no_durations(value: object) -> None:
    assert list(formats.duration("t", value))
