echo "detecting on $(uname -m)"
