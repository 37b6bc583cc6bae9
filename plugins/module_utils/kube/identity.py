# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remembering which cluster belongs to an environment.

A kubeconfig can come to lead to another cluster: a cluster made anew, a context renamed, a tunnel changed. What a
cluster cannot change is the UID of its namespace ``kube-system``.
"""

from __future__ import annotations

import json
import os
from typing import Any, Dict, Mapping, Optional

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import InvalidArgument, WrongCluster
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import (
    Session,
    cluster_uid,
    open_session,
)


def remembered(path: str) -> Optional[str]:
    """The UID in the file, None when there is no file yet; raises InvalidArgument when it holds something else."""
    try:
        with open(path, encoding="utf-8") as file:
            uid = json.load(file)["uid"]
        if not isinstance(uid, str) or not uid:
            raise ValueError("its uid is empty")
        return uid
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidArgument(
            f"{path} should hold the identity of the cluster but cannot be read ({error}). "
            "Remove it if the cluster that answers now is the right one."
        ) from error


def remember(path: str, uid: str, server: str) -> None:
    """Write the identity down, in full or not at all."""
    os.makedirs(os.path.dirname(path) or ".", mode=0o700, exist_ok=True)
    new = f"{path}.new"
    with open(new, "w", encoding="utf-8") as file:
        json.dump({"uid": uid, "server": server}, file)
        file.write("\n")
    os.replace(new, path)


def identify(params: Mapping[str, Any], path: str) -> Dict[str, str]:
    """UID, version and address of the cluster that the connection options lead to.

    Raises WrongCluster when it is not the one of ``cluster_uid`` or, without it, not the remembered one.
    """
    expected = params.get("cluster_uid")
    try:
        session = open_session({**params, "cluster_uid": expected or remembered(path)})
    except WrongCluster as error:
        source = "it was asked for" if expected else f"it is remembered in {path}; remove that file to forget it"
        raise WrongCluster(f"{error} Why that UID: {source}.") from error
    with session:
        return _identity(session)


def _identity(session: Session) -> Dict[str, str]:
    return {
        "uid": cluster_uid(session),
        "version": str(session.get_json("/version")["gitVersion"]),
        "server": session.connection.host,
    }
