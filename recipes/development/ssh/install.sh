#!/bin/bash
# Installs OpenSSH's server, and removes the host keys that its package makes, in one layer: an image that has a host
# key shares it with all its containers and all who can read the image.
set -euo pipefail

apt-get update
apt-get install -y --no-install-recommends openssh-server
apt-get clean
rm -rf /var/lib/apt/lists/*
rm -rf /etc/ssh/ssh_host_* /etc/ssh/sshd_config.d

# Whoever starts sshd without start-sshd gets no looser settings.
ln -sf /usr/local/etc/ssh/sshd_config /etc/ssh/sshd_config

# A new volume gets this folder's owner.
install -d -m 0700 -o 10001 -g 10001 /var/lib/ssh
