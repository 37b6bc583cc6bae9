# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Formats that Kubernetes defines for names and amounts, as checks that say what is allowed."""

from __future__ import annotations

import re
from typing import Any, Iterable, Iterator, List

from ansible_collections.servicemesh.platform.plugins.module_utils.variables.model import Problem

# RFC 1123 label: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-label-names
DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
# RFC 1123 subdomain, at most 253 characters.
DNS_SUBDOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
# The value of a label: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/
LABEL_VALUE = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
# apimachinery/pkg/api/resource: a decimal with a binary or decimal SI suffix or an exponent.
QUANTITY = re.compile(r"[0-9]+(\.[0-9]+)?(([KMGTPE]i)|[numkMGTPE]|([eE][-+]?[0-9]+))?")

# A Duration: https://protobuf.dev/programming-guides/json/
DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)s")


def dns_label(variable: str, value: Any) -> Iterator[Problem]:
    """A problem unless ``value`` can name a namespace, a tenant, a zone's node."""
    if not (isinstance(value, str) and DNS_LABEL.fullmatch(value)):
        yield Problem(
            variable, value, "write a DNS label: at most 63 lower case letters, digits and '-', no '-' at either end"
        )


def dns_subdomain(variable: str, value: Any) -> Iterator[Problem]:
    """A problem unless ``value`` can name most kinds of Kubernetes objects, a node for example."""
    if not (isinstance(value, str) and DNS_SUBDOMAIN.fullmatch(value)):
        yield Problem(variable, value, "write DNS labels joined by dots: lower case letters, digits, '-' and '.'")


def label_value(variable: str, value: Any) -> Iterator[Problem]:
    """A problem unless ``value`` can stand in a label, as zones and regions do."""
    if not (isinstance(value, str) and LABEL_VALUE.fullmatch(value)):
        yield Problem(
            variable,
            value,
            "write a label value: 1 to 63 letters, digits, '-', '_' and '.', a letter or digit at either end",
        )


def quantity(variable: str, value: Any) -> Iterator[Problem]:
    """A problem unless ``value`` is an amount as Kubernetes writes it."""
    if isinstance(value, bool) or not QUANTITY.fullmatch(str(value)):
        yield Problem(variable, value, "write a Kubernetes quantity such as 4, 500m, 1.5, 512Mi or 8Gi")


def duration(variable: str, value: Any) -> Iterator[Problem]:
    """A problem unless ``value`` is a time as protobuf writes it in JSON, from a hundredth of a second to an hour."""
    found = DURATION.fullmatch(str(value))
    if not found or not 0.01 <= float(found[1]) <= 3600:
        yield Problem(variable, value, "write seconds such as 1s or 0.5s, from 0.01s to 3600s")


def unique(variable: str, values: Iterable[Any]) -> Iterator[Problem]:
    """A problem for each value that stands in the list more than once."""
    seen: List[Any] = []
    told: List[Any] = []
    for value in values:
        if value in seen and value not in told:
            told.append(value)
            yield Problem(variable, value, "listed more than once; name each only once")
        seen.append(value)
