#!/bin/bash
# Commits a file, and reads it back from the commit.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=test GIT_AUTHOR_EMAIL=test@example.org \
    GIT_COMMITTER_NAME=test GIT_COMMITTER_EMAIL=test@example.org
git -C "$folder" init --quiet
echo "hello" >"$folder/greeting"
git -C "$folder" add greeting
git -C "$folder" commit --quiet --message "a file"
# The digest of a blob follows from its content alone.
blob=$(git -C "$folder" rev-parse HEAD:greeting)
[[ $blob == ce013625030ba8dba906f756967f9e9ca394464a ]] || { echo "the blob is $blob" >&2; exit 1; }
echo "git: $(git --version)"
