#!/bin/bash
# Fetches a commit of a git repository into /out, with its submodules and without its history. For servers whose
# repositories have no .git in their names: BuildKit takes such an address for that of a file.
# Arguments: the repository, the commit. A login is mounted: git-header (of HTTP), or git-token.
set -euo pipefail
url=$1 commit=$2 secrets=/run/secrets
HOME=$(mktemp -d)
export HOME GIT_TERMINAL_PROMPT=0

header=
if [[ -f $secrets/git-header ]]; then
    header=$(<"$secrets/git-header")
elif [[ -f $secrets/git-token ]]; then
    header="basic $(printf 'x-access-token:%s' "$(<"$secrets/git-token")" | base64 --wrap=0)"
fi
if [[ -n $header ]]; then
    [[ $url =~ ^(https?://)([^/@]*@)?([^/]+) ]]
    # For that server only; in a file, as anyone can read a command's arguments.
    printf '[http "%s/"]\n\textraheader = "Authorization: %s"\n' "${BASH_REMATCH[1]}${BASH_REMATCH[3]}" "$header" \
        >"$HOME/.gitconfig"
fi

mkdir -p /out
cd /out
git init --quiet
git remote add origin "$url"
if ! git fetch --quiet --depth 1 origin "$commit"; then
    echo "the server gives no single commit; fetching everything" >&2
    git fetch --quiet origin '+refs/*:refs/remotes/origin/*'
fi
git -c advice.detachedHead=false checkout --quiet "$commit"
git submodule --quiet update --init --recursive --depth 1
find . -name .git -prune -exec rm -rf {} +
rm -rf "$HOME"
