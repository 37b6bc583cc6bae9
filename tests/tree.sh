#!/usr/bin/env bash
# tree.sh FOLDER [--link]: lays a tree FOLDER/ansible_collections/servicemesh/platform for tools that insist on one,
# as a fresh copy of what git knows of, or with --link as a link to this checkout.
set -euo pipefail
cd "$(dirname "$0")/.."
collection=$1/ansible_collections/servicemesh/platform

rm -rf "$collection"
mkdir -p "$(dirname "$collection")"
if [ "${2-}" = --link ]; then
  ln -s "$PWD" "$collection"
else
  mkdir "$collection"
  git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
    [ ! -e "$file" ] || printf '%s\0' "$file"
  done | tar --null --files-from - --create | tar --extract --directory "$collection"
fi
