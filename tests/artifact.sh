#!/usr/bin/env bash
# artifact.sh BIN: builds the collection, installs it into an empty folder without a network and runs it from there.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$(cd "$1" && pwd)
out=$PWD/.build/artifact
rm -rf "$out"
mkdir -p "$out"

"$bin/ansible-galaxy" collection build --output-path "$out" .
archive=$(echo "$out"/servicemesh-platform-*.tar.gz)
unwanted=$(tar --list --file "$archive" | grep -E '^(\.venv|\.build|\.git|reports)' || true)
[ -z "$unwanted" ] || { echo "The artifact holds what does not belong there: $unwanted" >&2; exit 1; }

"$bin/ansible-galaxy" collection install --offline --force --no-deps --collections-path "$out/collections" "$archive"

# Elsewhere: another folder, and the installed collection before the checkout that the virtual environment links to.
cp -r inventories "$out/inventories"
cd "$out"
export ANSIBLE_COLLECTIONS_PATH=$out/collections
state=$out/state
run() { "$bin/ansible-playbook" "servicemesh.platform.$1" -i inventories/demo -e cluster_state_dir="$state" -e cluster_id=artifact -e cluster_embedded_nodes=kwok "${@:2}"; }
trap 'run teardown' EXIT
run site
run site | tee second-run.log
grep -qF "$out/collections/ansible_collections/servicemesh/platform/playbooks" second-run.log || {
  echo "The collection that ran is not the installed one" >&2
  exit 1
}
grep -E '^demo .*changed=0 .*failed=0' second-run.log
