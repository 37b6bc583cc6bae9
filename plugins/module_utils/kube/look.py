# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands of a set before anything is sent."""

from __future__ import annotations

from typing import Any, Dict, Sequence

from ansible_collections.servicemesh.platform.plugins.module_utils.kube import circumstances
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.apply import ApplyOptions, Standing
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.applyset import ApplySet
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.discovery import Discovery, Resource
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.parallel import map_parallel
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.proof import Proofs
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.targets import Target


class Look:
    """One look at the members of a set: which are proved unchanged, and how the others are."""

    def __init__(
        self,
        session: Session,
        discovery: Discovery,
        applyset: ApplySet,
        targets: Sequence[Target],
        options: ApplyOptions,
    ) -> None:
        known = [target for target in targets if not target.coming]
        now = circumstances.read(session, discovery, {target.resource for target in known})
        self.proofs = Proofs(options.field_manager, applyset.record.circumstances, now, applyset.record.settled)
        self.standing = Standing(proofs=self.proofs)
        self.found_others = False
        self._applyset = applyset
        self._options = options
        self._targets = {target.key: target for target in known if not target.definition.is_fragment}
        resources = {target.resource for target in self._targets.values()}
        map_parallel(self._look_at, sorted(resources, key=str), session.concurrency)

    def _look_at(self, resource: Resource) -> None:
        """Look at the members of a kind. What is proved is forgotten at once, so that memory holds one page of it."""
        for member in self._applyset.each_of(resource):
            target = self._targets.get(member.key)
            if target is None:
                self.found_others = True
            elif target.resource == resource:
                self._weigh(target, member.body)

    def _weigh(self, target: Target, live: Dict[str, Any]) -> None:
        is_staying = not live["metadata"].get("deletionTimestamp")
        if is_staying and self.proofs.hold(self._options.desired(target.definition), live):
            self.standing.unchanged.add(target.key)
        else:
            self.standing.before[target.key] = live
