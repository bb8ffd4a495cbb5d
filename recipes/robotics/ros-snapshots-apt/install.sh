#!/bin/bash
# Adds the archive of the distribution $VERSION, with its key.
set -euo pipefail

key=/usr/share/keyrings/ros-snapshots.asc
signed_by=$key,$FINGERPRINT            # apt takes no other key from the file
/usr/lib/apt/apt-helper download-file \
    "https://keyserver.ubuntu.com/pks/lookup?op=get&options=mr&search=0x$FINGERPRINT" "$key"
chmod 0644 "$key"
if [[ $CODENAME == bionic ]]; then
    GNUPGHOME=$(mktemp -d)
    export GNUPGHOME
    found=$(gpg --batch --with-colons --import-options show-only --import "$key" |
        awk -F: '$1 == "pub" {primary = 1} $1 == "fpr" && primary {print $10; primary = 0}')
    rm -rf "$GNUPGHOME"
    if [[ $found != "$FINGERPRINT" ]]; then
        echo "the key server has another key: $found" >&2
        exit 1
    fi
    signed_by=$key
fi
echo "deb [signed-by=$signed_by] http://snapshots.ros.org/$VERSION/final/ubuntu $CODENAME main" \
    >/etc/apt/sources.list.d/ros-snapshots.list
