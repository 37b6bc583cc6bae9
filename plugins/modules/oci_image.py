# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: oci_image
short_description: Build a container image from files, without a container engine, and push it
version_added: 0.1.0
author: The servicemesh.platform authors (@servicemesh)
description:
  - Puts files on top of a base image, or of nothing, and writes the result as an OCI layout or archive, pushes it to a
    registry, or both.
  - The same input gives the same digest on every machine and at any time. So the module knows whether an image is
    where it should be, and sends nothing when the registry has this digest under this name.
  - Wants no daemon, no root and no user namespaces. Nothing is run in the image, as C(RUN) in a Dockerfile would.
  - Registries are asked by C(crane) of go-containerregistry, with its handling of tokens, of Docker's configuration and
    of credential helpers.
requirements:
  - crane 0.20 or newer, for a O(base) from a registry and for O(push)
notes:
  - An upload that breaks is started again. Layers that have arrived are not sent again, a layer that has arrived in
    part is sent anew.
  - In check mode a file that is still to be made is no error. The result is changed then, without a digest.
options:
  state:
    description:
      - V(present) has the image where it should be.
      - V(absent) removes the tag O(name) from its registry, and O(path). Other tags of the same image stay.
        Registries that remove images only, not tags, are asked to remove the image when no other tag names it.
    type: str
    choices: [present, absent]
    default: present
  name:
    description:
      - The name of the image with registry and tag. Also written into layouts and archives, for what loads them.
      - With O(state=absent) it may have a digest instead of the tag.
    type: str
  push:
    description: Whether to send the image to the registry in O(name).
    type: bool
    default: false
  path:
    description:
      - Where to write the image. It holds this image alone; what stood there is replaced, if it was a layout or
        an archive.
      - Compared by content. An image that was harmed is written anew.
    type: path
  format:
    description:
      - What to write to O(path) - a folder (an OCI layout) or one file (the layout as a tar archive, which
        C(podman load), C(ctr images import) and C(docker load) of Docker 25 take).
      - By default V(archive) when O(path) ends with C(.tar), else V(layout).
    type: str
    choices: [layout, archive]
  base:
    description:
      - What to put the files on top of.
      - V(scratch) for nothing.
      - The name of an image with its registry. With a digest (C(registry.example.com/base@sha256:...)) it is checked
        and always the same. With a tag it is whatever the tag means at the time, and the digest of the
        result moves with it.
      - The path of an OCI layout or of an archive (OCI, or as C(docker save) writes it), beginning with V(/), V(./),
        V(../) or V(~). When there are several images in it, with C(@sha256:...) behind it.
      - User, labels named C(org.opencontainers.image.*) and, with O(entrypoint), the command of the base do not come
        through; the rest of its configuration does.
    type: str
    default: scratch
  files:
    description:
      - What goes into the image, for all platforms. It belongs to root and has no time.
      - Of two entries for the same path the later one counts.
    type: list
    elements: dict
    default: []
    suboptions:
      src:
        description:
          - A file, or a folder for all that is in it. Links in a folder are kept as links.
        type: path
        required: true
      dest:
        description:
          - The absolute path in the image. A file whose place ends with V(/) keeps its name; the content of a folder
            comes to stand in the place itself.
        type: str
        required: true
      mode:
        description:
          - The permissions of files as octal digits in quotes, such as V('0644').
          - By default V('0755') for what its owner may run, V('0644') for the rest. Folders have V('0755').
        type: raw
  platforms:
    description:
      - The platforms to make the image for. Several give an index, so that each machine takes its own from one name.
      - By default the platform of the machine that runs the module, with Linux.
    type: list
    elements: dict
    default: []
    suboptions:
      platform:
        description: Operating system, architecture and perhaps variant, as V(linux/amd64) or V(linux/arm/v7).
        type: str
        required: true
      files:
        description: What goes into the image for this platform only, as in O(files) and after these.
        type: list
        elements: dict
        default: []
        suboptions:
          src:
            description: As in O(files[].src).
            type: path
            required: true
          dest:
            description: As in O(files[].dest).
            type: str
            required: true
          mode:
            description: As in O(files[].mode).
            type: raw
  entrypoint:
    description: The program to run and its first arguments. By default that of the base.
    type: list
    elements: str
    default: []
  command:
    description: The arguments that a user may replace. By default those of the base, unless O(entrypoint) is set.
    type: list
    elements: str
    default: []
  env:
    description: Environment variables, beside those of the base. Everybody who has the image can read them.
    type: dict
    default: {}
  working_dir:
    description: The working folder. By default that of the base, else V(/).
    type: str
  user:
    description:
      - The UID, UID:GID or name that the program runs as. By default not root, whatever the base says. Empty for the
        user of the base.
      - Kubernetes checks C(runAsNonRoot) for numbers only.
    type: str
    default: '65532:65532'
  ports:
    description: The ports that the program listens on, as V(8080) or V(53/udp), beside those of the base.
    type: list
    elements: str
    default: []
  labels:
    description: Labels, beside those of the base.
    type: dict
    default: {}
  version:
    description: The version of the program, for the label C(org.opencontainers.image.version).
    type: str
  revision:
    description: The commit it was made of, for the label C(org.opencontainers.image.revision).
    type: str
  crane:
    description: The crane command.
    type: str
    default: crane
  username:
    description:
      - The user at the registry of O(name), or of O(base) when there is no name. For other registries O(docker_config)
        counts.
      - Neither name nor password comes into a command line or a file that others can read.
    type: str
  password:
    description: The password or token of O(username).
    type: str
  docker_config:
    description:
      - A folder with C(config.json), as C(docker login) or C(crane auth login) write it. Credential helpers that it
        names must be on E(PATH).
      - By default the user's own, as Docker and Podman have it; none when O(username) is set.
    type: path
  ca_path:
    description:
      - A PEM file with CA certificates that are trusted beside those of the system. On macOS crane knows only the
        keychain.
    type: path
  plain_http:
    description:
      - Whether the registries are asked without TLS. Credentials and images can be read and changed on the way then.
      - A registry that speaks TLS is refused, because its certificate would not be checked.
    type: bool
    default: false
  retries:
    description:
      - How often to try again what may pass - no connection, a broken one, status 429 and 5xx. The first wait takes
        a second, each further one twice as long, at most 30 seconds. Within each try crane repeats
        single requests.
    type: int
    default: 5
  timeout:
    description: The seconds that one call of crane may take, such as the upload of the image.
    type: int
    default: 1800
  progress:
    description: A file for the newest line of progress. The action plugin sets it and shows what is written there.
    type: path
extends_documentation_fragment:
  - servicemesh.platform.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
seealso:
  - module: servicemesh.platform.go_build
  - module: servicemesh.platform.go_tool
"""

EXAMPLES = r"""
- name: Build a controller and push it
  servicemesh.platform.oci_image:
    name: registry.example.com/mesh/controller:1.4.0
    push: true
    files:
      - src: "{{ controller.path }}"
        dest: /controller
        mode: '0755'
    entrypoint: [/controller]
    ports: [9443]
    version: 1.4.0
    revision: "{{ commit }}"
    username: "{{ registry_user }}"
    password: "{{ registry_password }}"
    ca_path: /etc/ssl/registry-ca.pem
  register: image

- name: Use exactly this image
  ansible.builtin.debug:
    var: image.reference

- name: Put a folder on top of a base, for two platforms, into an archive
  servicemesh.platform.oci_image:
    name: registry.example.com/team/site:2
    path: /srv/images/site.tar
    base: registry.example.com/base/nginx@sha256:4c1d20cdee96111c8acf1858b62655a37ce81ae48648993542b7ac363ac5c0e5
    files:
      - src: site/
        dest: /usr/share/nginx/html
    platforms:
      - platform: linux/amd64
        files:
          - src: build/amd64/health
            dest: /usr/local/bin/
      - platform: linux/arm64
        files:
          - src: build/arm64/health
            dest: /usr/local/bin/
    user: '101:101'

- name: Remove a tag
  servicemesh.platform.oci_image:
    name: registry.example.com/mesh/controller:1.3.0
    state: absent
    docker_config: ~/.docker
"""

RETURN = r"""
digest:
  description:
    - The digest of the image, or of the index when it is for several platforms.
    - None when it is still to be known in check mode, and with O(state=absent).
  returned: success
  type: str
  sample: sha256:4c1d20cdee96111c8acf1858b62655a37ce81ae48648993542b7ac363ac5c0e5
reference:
  description: The name with the digest instead of the tag, which always means this image. None without O(name).
  returned: success
  type: str
  sample: registry.example.com/mesh/controller@sha256:4c1d20cdee96111c8acf1858b62655a37ce81ae48648993542b7ac363ac5c0e5
size:
  description: The bytes of all layers, configurations and manifests together. None when RV(digest) is.
  returned: success
  type: int
  sample: 10485760
pushed:
  description: Whether it was sent to the registry, or would be in check mode.
  returned: success
  type: bool
images:
  description: The digest for each platform.
  returned: success
  type: dict
  sample: {linux/amd64: 'sha256:4c1d20cdee96111c8acf1858b62655a37ce81ae48648993542b7ac363ac5c0e5'}
path:
  description: Where it was written. None without O(path).
  returned: success
  type: str
  sample: /srv/images/site.tar
"""

import shutil
from typing import Any, Dict, List, Mapping, Optional

from ansible_collections.servicemesh.platform.plugins.module_utils.images.crane import Crane
from ansible_collections.servicemesh.platform.plugins.module_utils.images.errors import ImageError, MissingFile
from ansible_collections.servicemesh.platform.plugins.module_utils.images.image import (
    Existing,
    Result,
    Wanted,
    ensure_absent,
    ensure_present,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.images.oci import Platform
from ansible_collections.servicemesh.platform.plugins.module_utils.images.options import access, asks_registry, wanted
from ansible_collections.servicemesh.platform.plugins.module_utils.interface import Interface, run_module
from ansible_collections.servicemesh.platform.plugins.module_utils.progress import Progress

_FILES: Dict[str, Any] = {
    "type": "list",
    "elements": "dict",
    "default": [],
    "options": {
        "src": {"type": "path", "required": True},
        "dest": {"type": "str", "required": True},
        "mode": {"type": "raw"},
    },
}
ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "name": {"type": "str"},
    "push": {"type": "bool", "default": False},
    "path": {"type": "path"},
    "format": {"type": "str", "choices": ["layout", "archive"]},
    "base": {"type": "str", "default": "scratch"},
    "files": _FILES,
    "platforms": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {"platform": {"type": "str", "required": True}, "files": _FILES},
    },
    "entrypoint": {"type": "list", "elements": "str", "default": []},
    "command": {"type": "list", "elements": "str", "default": []},
    "env": {"type": "dict", "default": {}},
    "working_dir": {"type": "str"},
    "user": {"type": "str", "default": "65532:65532"},
    "ports": {"type": "list", "elements": "str", "default": []},
    "labels": {"type": "dict", "default": {}},
    "version": {"type": "str"},
    "revision": {"type": "str"},
    "crane": {"type": "str", "default": "crane"},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "docker_config": {"type": "path"},
    "ca_path": {"type": "path"},
    "plain_http": {"type": "bool", "default": False},
    "retries": {"type": "int", "default": 5},
    "timeout": {"type": "int", "default": 1800},
    "progress": {"type": "path"},
}
_HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"


class ImageInterface(Interface):
    """Knows that the password is no one's business."""

    def shown(self, options: Mapping[str, Any]) -> Dict[str, Any]:
        return {**options, "password": _HIDDEN} if options.get("password") else dict(options)

    def secrets(self, options: Mapping[str, Any]) -> List[str]:
        return [str(options["password"])] if options.get("password") else []


def run(options: Dict[str, Any], check_mode: bool, diff: bool) -> Dict[str, Any]:
    """Have the image where it should be, or no more."""
    try:
        asked = wanted(options)
        with Crane(access(options)) as crane:
            if asks_registry(options) and not shutil.which(options["crane"]):
                return _without_crane(options, asked, check_mode)
            if options["state"] == "absent":
                return _absent(ensure_absent(asked, crane, check_mode), asked, diff)
            say = Progress(options["progress"]).say
            return _present(ensure_present(asked, crane, check_mode, diff, say), asked, diff)
    except MissingFile as error:
        if check_mode:
            return {**_unknown(asked), "warnings": [f"The digest of the image is still to be known: {error}"]}
        return {"failed": True, "msg": str(error)}
    except (ImageError, OSError) as error:
        return {"failed": True, "msg": str(error)}


def _present(result: Result, asked: Wanted, diff: bool) -> Dict[str, Any]:
    digest = str(result.descriptor["digest"])
    answer: Dict[str, Any] = {
        "changed": result.written or result.pushed,
        "digest": digest,
        "reference": asked.reference.by_digest(digest) if asked.reference else None,
        "size": result.size,
        "pushed": result.pushed,
        "images": {str(Platform(**image["platform"])): image["digest"] for image in result.images},
        "path": str(asked.place.path) if asked.place else None,
    }
    if diff:
        after = {"digest": digest, "labels": dict(result.labels)}
        answer["diff"] = {"before": _told(result.before), "after": dict.fromkeys(result.before, after)}
    return answer


def _absent(before: Mapping[str, Optional[Existing]], asked: Wanted, diff: bool) -> Dict[str, Any]:
    answer = {**_unknown(asked), "changed": any(before.values()), "pushed": False}
    if diff:
        answer["diff"] = {"before": _told(before), "after": dict.fromkeys(before)}
    return answer


def _unknown(asked: Wanted) -> Dict[str, Any]:
    path = str(asked.place.path) if asked.place else None
    nothing: Dict[str, Any] = dict.fromkeys(("digest", "reference", "size"))
    return {**nothing, "changed": True, "pushed": asked.push, "images": {}, "path": path}


def _without_crane(options: Mapping[str, Any], asked: Wanted, check_mode: bool) -> Dict[str, Any]:
    problem = f"crane: there is no command {options['crane']}."
    if check_mode:
        return {**_unknown(asked), "warnings": [f"{problem} What the registry has is still to be known."]}
    mend = "Install it with servicemesh.platform.go_tool, or name one that is there in the option crane."
    return {"failed": True, "msg": f"{problem}\n{mend}"}


def _told(before: Mapping[str, Optional[Existing]]) -> Dict[str, Any]:
    return {
        place: {"digest": found.digest, "labels": found.labels} if found else None for place, found in before.items()
    }


INTERFACE = ImageInterface(ARGUMENTS, run)


def main() -> None:
    """Entry point of the module."""
    run_module(INTERFACE)


if __name__ == "__main__":
    main()
