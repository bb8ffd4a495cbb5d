install -d "/var/spool/worker-$VERSION"
