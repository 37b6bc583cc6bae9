# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The conversion webhook: objects of SMI between all versions of their kind, without any state.

https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/#webhook-conversion
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

from ansible_collections.servicemesh.platform.plugins.module_utils.smi.conversion import ConversionError, convert
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.wire import UnknownObject

API_VERSION = "apiextensions.k8s.io/v1"
KIND = "ConversionReview"


class NotAReview(ValueError):
    """A request that is none of those that the API server sends here."""


def review(request: Mapping[str, Any]) -> Dict[str, Any]:
    """The answer to a ConversionReview: all objects in the version wanted, or why one of them cannot be had in it.

    Raises NotAReview.
    """
    asked = request.get("request")
    if request.get("kind") != KIND or request.get("apiVersion") != API_VERSION or not isinstance(asked, Mapping):
        raise NotAReview(f"this is no {KIND} of {API_VERSION} with a request")
    return {"apiVersion": API_VERSION, "kind": KIND, "response": {"uid": asked.get("uid"), **_converted(asked)}}


def _converted(asked: Mapping[str, Any]) -> Dict[str, Any]:
    version = str(asked.get("desiredAPIVersion")).rpartition("/")[2]
    try:
        objects: List[Dict[str, Any]] = [convert(each, version) for each in asked.get("objects") or ()]
    except (ConversionError, UnknownObject) as error:
        # All or nothing: the API server wants each object that it has sent.
        return {"result": {"status": "Failure", "message": str(error)}}
    return {"result": {"status": "Success"}, "convertedObjects": objects}
