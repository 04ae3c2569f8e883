#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# with.sh PARAMETER=VALUE COMMAND...: run it with kseal loaded so, and load kseal as it was before after that.
set -uo pipefail
. "$(dirname "$0")/load.sh"
reload "$1" || { echo "Bail out! kseal cannot be loaded with $1"; exit 1; }
"${@:2}"
status=$?
reload || { echo "Bail out! kseal cannot be loaded again"; exit 1; }
exit "$status"
