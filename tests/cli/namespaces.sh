# SPDX-License-Identifier: BSD-2-Clause
# Sourced: the script begins anew in network and mount namespaces of its own, which go when it ends; without the
# rights for that it skips.
if [ -z "${WEIR_NAMESPACES:-}" ]; then
    if [ "$(id -u)" != 0 ] || ! unshare -mn true 2>/dev/null; then
        echo "1..0 # SKIP root is needed for network namespaces"
        exit 0
    fi
    export WEIR_NAMESPACES=1
    exec unshare -mn bash "$0"
fi
