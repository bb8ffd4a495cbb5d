if [[ $(dpkg --print-architecture) != "$TARGETARCH" ]]; then
    apt-get update
    apt-get install -y --no-install-recommends "crossbuild-essential-$TARGETARCH"
fi
