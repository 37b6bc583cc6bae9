# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Storing SMI objects in the version that their CRDs are going to have. A run that is cut off can be repeated.

Order: read everything as it is stored; see that everything can be written; keep copies; then for each CRD let it store
the new version and serve nothing else, write every object, and take the former versions out of status.storedVersions.
Up to the copies the CRDs are put back as they were when something is wrong. What others write meanwhile is never
overwritten: it is read again in another round.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.converge import Request, converge_in
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import ApiError, KubeError, shorten
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.parallel import map_parallel
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session
from ansible_collections.servicemesh.platform.plugins.module_utils.smi import storage
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.conversion import KEPT
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.model import subject_of
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.storage import CannotMove, Move
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.wire import fields_of
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_storage.backup import (
    FIELD_MANAGER,
    NAMESPACE,
    Backup,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_storage.crd import Crd, disown
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_storage.narrowing import Conversion, servable

ROUNDS = 5
"""How often objects are read anew that were written by others between two steps."""
SETTLING = 2.0
"""Seconds after which surely no API server stores objects in the version before."""
ATTEMPTS = 5
"""How often one object is written that others write at the same time."""

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Wishes:
    """What is asked for. ``field_manager`` and ``force_conflicts`` are those with which the CRDs will be applied.

    ``conversion`` is None where the definitions say themselves how objects are converted.
    """

    connection: Mapping[str, Any]
    field_manager: str
    force_conflicts: bool = False
    dry_run: bool = False
    conversion: Optional[Conversion] = None


@dataclass
class Result:
    """What was moved, or would be; and the definitions that can be applied now, and which of them serve less."""

    definitions: List[Object]
    kinds: List[Dict[str, Any]] = field(default_factory=list)
    narrowed: List[str] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        return bool(self.kinds)


@dataclass(frozen=True)
class _Originals:
    """The objects of a CRD as they are stored, by UID, and as they are to be."""

    move: Move
    stored: Mapping[str, Object]
    wanted: Mapping[str, Object]

    @property
    def name(self) -> str:
        return self.move.kind.crd_name

    def lacks(self, obj: Object, revision: int) -> bool:
        """Whether the object was written since it was read, and before the CRD of the revision was acted on.

        It may be stored in a former version then.
        """
        original = self.stored.get(obj["metadata"]["uid"])
        read = original["metadata"]["resourceVersion"] if original else ""
        version = obj["metadata"]["resourceVersion"]
        return bool(version != read and int(version) < revision)

    def as_wanted(self, obj: Object) -> Object:
        """What to write: the fields of the original, or those of somebody who has changed them by now."""
        uid = obj["metadata"]["uid"]
        if uid not in self.stored or _generation(self.stored[uid]) != _generation(obj):
            return obj
        return {**self.wanted[uid], "metadata": _with_kept(obj["metadata"], self.wanted[uid])}


def move_all(session: Session, wishes: Wishes, definitions: Sequence[Object]) -> Result:
    """Move what has to be moved before these CRDs can be applied. Raises KubeError and CannotMove."""
    return _Mover(session, wishes).run(definitions)


class _Mover:
    def __init__(self, session: Session, wishes: Wishes) -> None:
        self._session = session
        self._wishes = wishes
        self._backup = Backup(session, wishes.connection)

    def run(self, definitions: Sequence[Object]) -> Result:
        kept: Mapping[str, Sequence[Object]] = self._backup.read()
        definitions, narrowed = self._servable(definitions, kept)
        moves = self._moves(definitions, kept)
        result = Result(list(definitions), narrowed=narrowed)
        if moves:
            self._refuse_conflicts(moves)
        if self._wishes.dry_run:
            return self._planned(moves, result)
        for _round in range(ROUNDS if moves else 0):
            everything = self._read_all(moves, kept)
            ends = map_parallel(self._move, everything, self._session.concurrency)
            finished = [each for each, is_moved in zip(everything, ends) if is_moved]
            result.kinds += [_told(each.move, len(each.stored)) for each in finished]
            unfinished = {each.name: each.stored for each in everything if each not in finished}
            kept = {name: list(stored.values()) for name, stored in unfinished.items()}
            moves = self._moves(definitions, kept)
            if not moves:
                break
        if moves:
            names = ", ".join(move.kind.crd_name for move in moves)
            raise KubeError(
                f"Objects of {names} are being written while they are moved. Nothing is lost; run it again."
            )
        if result.kinds or kept:
            self._backup.drop()
        return result

    def _servable(
        self, definitions: Sequence[Object], interrupted: Mapping[str, Any]
    ) -> Tuple[Sequence[Object], List[str]]:
        conversion = self._wishes.conversion
        if conversion is None:
            return definitions, []
        live = self._live(definitions)
        moving = [move.kind.crd_name for move in storage.moves(live, definitions, list(interrupted))]
        return servable(definitions, live, conversion, moving)

    def _moves(self, definitions: Sequence[Object], interrupted: Mapping[str, Any]) -> List[Move]:
        return storage.moves(self._live(definitions), definitions, list(interrupted))

    def _live(self, definitions: Sequence[Object]) -> Dict[str, Object]:
        names = [each["metadata"]["name"] for each in definitions]
        read = map_parallel(lambda name: Crd(self._session, name).read(), names, self._session.concurrency)
        return {name: each for name, each in zip(names, read) if each}

    def _refuse_conflicts(self, moves: Sequence[Move]) -> None:
        """Ask the API server whether the CRDs may be changed by us at all."""
        request = Request(
            connection=self._wishes.connection,
            definitions=[storage.waiting(move) for move in moves],
            field_manager=self._wishes.field_manager,
            force_conflicts=self._wishes.force_conflicts,
            dry_run=True,
        )
        converge_in(self._session, request)

    def _planned(self, moves: Sequence[Move], result: Result) -> Result:
        later = {move.kind.crd_name: storage.waiting(move) for move in moves}
        kinds = [_told(move, self._number(move)) for move in moves]
        definitions = [later.get(each["metadata"]["name"], each) for each in result.definitions]
        return Result(definitions, kinds, result.narrowed)

    def _number(self, move: Move) -> int:
        served = next(each["name"] for each in move.live["spec"]["versions"] if each["served"])
        return sum(1 for _each in self._session.list_metadata(_path(move, served)))

    # reading

    def _read_all(self, moves: Sequence[Move], kept: Mapping[str, Sequence[Object]]) -> List[_Originals]:
        """Every object as it is stored and as it is to be. Nothing is changed when one of them cannot be written."""
        try:
            everything = [self._read(move, kept.get(move.kind.crd_name, ())) for move in moves]
            self._backup.keep({each.name: list(each.stored.values()) for each in everything})
        except (KubeError, CannotMove):
            for move in moves:
                self._put_back(move)
            raise
        return everything

    def _read(self, move: Move, kept: Sequence[Object]) -> _Originals:
        if not move.is_readable:
            Crd(self._session, move.kind.crd_name).put_spec(storage.readable(move))
        readings: Dict[str, List[Object]] = {}
        for version in move.stored:
            for obj in self._list(move, version):
                readings.setdefault(obj["metadata"]["uid"], []).append(obj)
        for copy in kept:
            same = readings.get(copy["metadata"]["uid"], [])
            if same and _generation(same[0]) == _generation(copy):
                same.append(copy)
        stored = {uid: _as_stored(each) for uid, each in readings.items()}
        return _Originals(move, stored, _all_moved(move, stored))

    def _put_back(self, move: Move) -> None:
        crd = Crd(self._session, move.kind.crd_name)
        live = crd.read()
        if live and live["spec"] != move.live["spec"]:
            crd.put_spec(move.live["spec"])
            crd.put_owners(move.live["metadata"].get("managedFields") or ())

    def _list(self, move: Move, version: str) -> Iterator[Dict[str, Any]]:
        head = {"apiVersion": f"{move.kind.api_group}/{version}", "kind": move.kind.name}
        return ({**head, **each} for each in self._session.list_objects(_path(move, version)))

    # writing

    def _move(self, originals: _Originals) -> bool:
        """Whether every object is stored as wanted now, so that the former versions are gone from the CRD."""
        move = originals.move
        crd = Crd(self._session, originals.name)
        crd.put_spec(storage.staged(move))
        now = self._session.get_json(_path(move, move.target), {"limit": 1})
        revision = int(now["metadata"]["resourceVersion"])
        time.sleep(SETTLING)
        written = map_parallel(
            lambda obj: self._write(originals, revision, obj),
            self._list(move, move.target),
            self._session.concurrency,
        )
        if not all(written):
            return False
        crd.finish(move.target, move.wanted["spec"])
        return True

    def _write(self, originals: _Originals, revision: int, obj: Object) -> bool:
        """Whether the object is stored as wanted now, or is gone."""
        path = _path(originals.move, originals.move.target, obj)
        for _attempt in range(ATTEMPTS):
            if originals.lacks(obj, revision):
                return False
            body = originals.as_wanted(obj)
            try:
                written = self._session.request("PUT", path, {"fieldManager": FIELD_MANAGER}, body)
            except ApiError as error:
                if error.status not in (404, 409):
                    raise _refused(originals.move, body, error) from error
                live = self._session.get_or_none(path)
                if live is None:
                    return True
                obj = live
                continue
            owners = storage.owners(originals.move, obj["metadata"].get("managedFields") or ())
            disown(self._session, path, written, owners)
            _see_that_nothing_is_lost(body, written)
            return True
        return False


def _path(move: Move, version: str, obj: Optional[Object] = None) -> str:
    root = f"/apis/{move.kind.api_group}/{version}"
    if obj is None:
        return f"{root}/{move.kind.plural}"
    return f"{root}/namespaces/{obj['metadata']['namespace']}/{move.kind.plural}/{obj['metadata']['name']}"


def _generation(obj: Object) -> Any:
    return obj["metadata"].get("generation")


def _as_stored(readings: Sequence[Object]) -> Object:
    """The reading that shows how the object is stored, with the metadata of now."""
    return {**storage.most_complete(readings), "metadata": readings[0]["metadata"]}


def _all_moved(move: Move, stored: Mapping[str, Object]) -> Dict[str, Object]:
    wanted: Dict[str, Object] = {}
    reasons: List[str] = []
    for uid, obj in stored.items():
        try:
            wanted[uid] = storage.moved(move, obj)
        except CannotMove as error:
            reasons.append(str(error))
    if reasons:
        raise CannotMove(
            f"{move.kind.crd_name}: {len(reasons)} of {len(stored)} objects cannot be stored in {move.target}; mend "
            f"them first, nothing was changed:\n{shorten(reasons)}"
        )
    return wanted


def _with_kept(metadata: Mapping[str, Any], wanted: Object) -> Dict[str, Any]:
    """The metadata of now with what the conversion keeps in an annotation."""
    annotations = {name: text for name, text in (metadata.get("annotations") or {}).items() if name != KEPT}
    annotations.update({name: text for name, text in _annotations(wanted).items() if name == KEPT})
    rest = {name: value for name, value in metadata.items() if name != "annotations"}
    return {**rest, "annotations": annotations} if annotations else rest


def _annotations(obj: Object) -> Mapping[str, str]:
    return obj["metadata"].get("annotations") or {}


def _refused(move: Move, body: Object, error: ApiError) -> KubeError:
    """What only the API server could tell: a rule in CEL, an admission policy, a webhook."""
    return KubeError(
        f"{subject_of(body)}: the API server does not take it in {move.target}: {error}. Write it in {move.target} in "
        "a way that is taken, or delete it, and run again. What is not written yet shows in full only then; copies of "
        f"all objects are in ConfigMaps of the namespace {NAMESPACE}."
    )


def _see_that_nothing_is_lost(body: Object, written: Object) -> None:
    if fields_of(written) != fields_of(body):
        raise KubeError(
            f"{subject_of(body)}: the API server has not stored all of it. The original is kept in a ConfigMap of the "
            f"namespace {NAMESPACE}, and the former versions stay in the CustomResourceDefinition."
        )


def _told(move: Move, objects: int) -> Dict[str, Any]:
    return {"crd": move.kind.crd_name, "from": list(move.stored), "to": move.target, "objects": objects}
