#!/bin/bash
# Installs code-server with what its lock files name, and compiles the add-ons that have no binary, for $TARGETARCH.
set -euo pipefail

case "$TARGETARCH" in
    amd64) cpu=x64 ;;
    arm64) cpu=arm64 ;;
    *)
        echo "there are no binaries for $TARGETARCH" >&2
        exit 1
        ;;
esac
app=$OUT/lib/code-server
mkdir -p "$app" "$OUT/bin"
tar --no-same-owner -xzf "code-server-$VERSION.tgz" -C "$app" --strip-components=1

# Upstream's lock files leave out what is only a peer of something.
for folder in . lib/vscode lib/vscode/extensions; do
    npm ci --prefix "$app/$folder" --omit=dev --ignore-scripts --legacy-peer-deps --no-audit --no-fund \
        --os=linux --cpu="$cpu" --libc=glibc
done
node "$app/lib/vscode/extensions/postinstall.mjs" >/dev/null

# Not compiled: kerberos, which logs in to proxies, and what makes ssh2 faster.
gyp=$(dirname "$(dirname "$(command -v node)")")/lib/node_modules/npm/node_modules/node-gyp/bin/node-gyp.js
for name in native-watchdog spdlog sqlite3; do
    module=$app/lib/vscode/node_modules/@vscode/$name
    node "$gyp" rebuild --directory "$module" --arch "$cpu" --nodedir /usr/local --jobs "$JOBS"
    find "$module/build" -type f ! -path "$module/build/Release/*.node" -delete
    rm -rf "$module/build/Release/obj.target" "$module/build/Release/.deps"
    "${STRIP:-strip}" --strip-unneeded "$module/build/Release/"*.node
done

# Programs and add-ons for other machines and systems.
find "$app" -path '*/prebuilds/*' -prune -type d ! -name "linux-$cpu" -exec rm -rf {} +
find "$app" -name '*.musl.node' -delete
find "$app/lib/vscode/node_modules/@vscode/ripgrep-universal/bin" -mindepth 1 -maxdepth 1 ! -name "linux-$cpu" \
    -exec rm -rf {} +
find "$app" -type f \( -name '*.exe' -o -name '*.dll' -o -name '*.pdb' -o -name '*.dylib' \) -delete
find "$app" -type f -size +4k -print0 | while IFS= read -r -d '' file; do
    [[ $(od -An -tx1 -N4 "$file" | tr -d ' \n') == 7f454c46 ]] || continue
    case "$TARGETARCH-$(od -An -tx1 -j18 -N2 "$file" | tr -d ' \n')" in
        amd64-3e00 | arm64-b700) ;;
        *) rm "$file" ;;
    esac
done

# As the package's own installation does it: the programs `code-server` and `browser` of its terminals.
ln -sf code-linux.sh "$app/lib/vscode/bin/remote-cli/code-server"
ln -sf browser-linux.sh "$app/lib/vscode/bin/helpers/browser.sh"
printf '#!/bin/sh\nexec node /usr/local/lib/code-server/out/node/entry.js "$@"\n' >"$OUT/bin/code-server"
chmod 755 "$OUT/bin/code-server"
