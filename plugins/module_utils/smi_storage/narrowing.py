# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Serving only what can be served while the webhook that converts, which is another component's, is not there (pure).

Versions with different fields that the API server serves without a conversion lose what one of them does not know. So
until that component has put its ``spec.conversion``, a CRD serves the version that is stored and nothing else.
"""

from __future__ import annotations

from typing import Any, Collection, Dict, List, Mapping, NamedTuple, Optional, Sequence

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.managed_fields import applied_by

Definition = Mapping[str, Any]


class Conversion(NamedTuple):
    """Who converts: the field manager that owns ``spec.conversion``.

    ``ends``: it is about to be taken away. Then only what is there matters, and CRDs that are not are left aside.
    """

    manager: str
    ends: bool = False


class Servable(NamedTuple):
    """The definitions that can be applied now, without ``spec.conversion``, and the names of those narrowed."""

    definitions: List[Dict[str, Any]]
    narrowed: List[str]


def servable(
    definitions: Sequence[Definition],
    live: Mapping[str, Definition],
    conversion: Conversion,
    moving: Collection[str] = (),
) -> Servable:
    """What of these definitions can be served now. ``live`` has the CRDs that are there, by their names.

    Those with a ``spec.conversion`` need the webhook. ``moving`` names CRDs whose objects are about to be written anew:
    their conversion is off for that time, so they serve other versions only after it has been put back.
    """
    found: List[Dict[str, Any]] = []
    narrowed: List[str] = []
    for each in definitions:
        name = str(each["metadata"]["name"])
        if conversion.ends and name not in live:
            continue
        is_served = not conversion.ends and name not in moving and is_converted(live.get(name), conversion.manager)
        if _needs_webhook(each) and not is_served:
            narrowed.append(name)
        found.append(_without_conversion(each, stored_only=name in narrowed))
    return Servable(found, narrowed)


def is_converted(live: Optional[Definition], manager: str) -> bool:
    """Whether a CRD has the webhook of this field manager."""
    if live is None or (live["spec"].get("conversion") or {}).get("strategy") != "Webhook":
        return False
    return "f:conversion" in (applied_by(live, manager).get("f:spec") or {})


def _needs_webhook(definition: Definition) -> bool:
    return (definition["spec"].get("conversion") or {}).get("strategy") == "Webhook"


def _without_conversion(definition: Definition, stored_only: bool) -> Dict[str, Any]:
    spec = {field: value for field, value in definition["spec"].items() if field != "conversion"}
    if stored_only:
        spec["versions"] = [{**each, "served": bool(each["storage"])} for each in spec["versions"]]
    return {**definition, "spec": spec}
