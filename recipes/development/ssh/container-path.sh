# Brings back the container's PATH, which has the recipes' programs: /etc/profile has just put another in its place.
if [ -n "${CONTAINER_PATH:-}" ]; then
    PATH=$CONTAINER_PATH
    export PATH
fi
