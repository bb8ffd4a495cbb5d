#!/bin/bash
# Starts the server, logs in with the right key, and is refused with another key, with a password, and as root.
set -euo pipefail

die() {
    printf '%s\n' "$@" >&2
    exit 1
}

found=$(find / -xdev \( -path /proc -o -path /sys \) -prune -o -name 'ssh_host_*' -print 2>/dev/null || true)
[[ -z $found ]] || die "the image has host keys: $found"

# Below the home, because sshd takes no keys from a folder that others can write to.
home=$(getent passwd "$(id -u)" | cut -d: -f6)
folder=$(mktemp -d "$home/ssh-test.XXXXXX")
server=
trap '[[ -z $server ]] || kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
mkdir "$folder/state"
export SSH_STATE=$folder/state SSH_PORT=22422 FOR_TEST="six times seven"

# ── no start without a key
if env -u AUTHORIZED_KEYS timeout 20 start-sshd >"$folder/log" 2>&1; then
    die "it started without a key"
fi
grep -q "there is no public key" "$folder/log" || die "$(cat "$folder/log")"
if AUTHORIZED_KEYS="ssh-ed25519 this-is-no-key" timeout 20 start-sshd >"$folder/log" 2>&1; then
    die "it started with something that is no key"
fi

for key in right mounted wrong; do
    ssh-keygen -q -t ed25519 -N '' -C "$key" -f "$folder/$key"
done

start() {
    AUTHORIZED_KEYS=$(cat "$folder/right.pub") AUTHORIZED_KEYS_FILE=$folder/mounted.pub \
        start-sshd >"$folder/log" 2>&1 &
    server=$!
    for _ in {1..100}; do
        if [[ -n $(ssh-keyscan -T 5 -p "$SSH_PORT" -t ed25519 127.0.0.1 2>/dev/null) ]]; then
            return
        fi
        kill -0 "$server" 2>/dev/null || die "$(cat "$folder/log")"
        sleep 0.2
    done
    die "it does not answer" "$(cat "$folder/log")"
}

# Arguments: the key, the user, then what ssh takes.
log_in() {
    local key=$1 user=$2
    shift 2
    ssh -F none -p "$SSH_PORT" -i "$folder/$key" -o IdentitiesOnly=yes -o IdentityAgent=none -o BatchMode=yes \
        -o StrictHostKeyChecking=yes -o UserKnownHostsFile="$folder/known" -l "$user" "$@" 127.0.0.1
}

refused() {
    local what=$1 status=0
    shift
    "$@" >"$folder/said" 2>&1 </dev/null || status=$?
    [[ $status == 255 ]] || die "$what: status $status" "$(cat "$folder/said")"
    # The methods in brackets are all that the server offers.
    grep -q 'Permission denied (publickey)' "$folder/said" || die "$what:" "$(cat "$folder/said")"
}

start
user=$(id -un)
echo "[127.0.0.1]:$SSH_PORT $(cut -d' ' -f1,2 "$SSH_STATE/ssh_host_ed25519_key.pub")" >"$folder/known"

# ── the right keys
for key in right mounted; do
    # shellcheck disable=SC2016
    said=$(log_in "$key" "$user" -o RemoteCommand='echo $((6 * 7)); id -u; echo "$FOR_TEST"; bash -lc "echo \$PATH"')
    wanted=$(printf '%s\n' 42 "$(id -u)" "six times seven" "$PATH")
    [[ $said == "$wanted" ]] || die "with the key $key it said: $said" "$(cat "$folder/log")"
done
said=$(log_in right "$user" -tt -o RemoteCommand=tty 2>/dev/null | tr -d '\r')
[[ $said == /dev/pts/* ]] || die "a session with a terminal said: $said" "$(cat "$folder/log")"
echo "get $folder/right.pub $folder/copy" >"$folder/batch"
sftp -q -F none -P "$SSH_PORT" -i "$folder/right" -o UserKnownHostsFile="$folder/known" -b "$folder/batch" \
    "$user@127.0.0.1" >/dev/null
cmp "$folder/right.pub" "$folder/copy"

# ── all others
printf '#!/bin/bash\necho password\n' >"$folder/ask"
chmod 700 "$folder/ask"
refused "another key" log_in wrong "$user" -o RemoteCommand=true
refused "root" log_in right root -o RemoteCommand=true
DISPLAY=:0 SSH_ASKPASS=$folder/ask SSH_ASKPASS_REQUIRE=force refused "a password" \
    log_in wrong "$user" -o BatchMode=no -o PubkeyAuthentication=no -o NumberOfPasswordPrompts=1 \
    -o PreferredAuthentications=password,keyboard-interactive -o RemoteCommand=true
if grep -E "Accepted (password|keyboard|none)" "$folder/log"; then
    die "somebody came in without a key"
fi
settings=$(/usr/sbin/sshd -T -f "$SSH_STATE/sshd_config")
for setting in "passwordauthentication no" "kbdinteractiveauthentication no" "permitrootlogin no" \
    "permitemptypasswords no" "usepam no" "authenticationmethods publickey"; do
    grep -qx "$setting" <<<"$settings" || die "it is not so that: $setting"
done

# ── the next start has the same host key, which StrictHostKeyChecking demands
kill "$server"
wait "$server" || true
start
[[ $(log_in right "$user" -o RemoteCommand='echo again') == again ]] || die "$(cat "$folder/log")"
echo "ssh: $(ssh -V 2>&1)"
