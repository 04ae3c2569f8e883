#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# with-dropin.sh COMMAND...: run it with kseal in mainline's place, and load kseal as it was before after that.
set -uo pipefail
. "$(dirname "$0")/load.sh"
reload dropin=1 || { echo "Bail out! kseal cannot be loaded with dropin=1"; exit 1; }
"$@"
status=$?
reload || { echo "Bail out! kseal cannot be loaded again"; exit 1; }
exit "$status"
