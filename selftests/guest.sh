#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# All tests that need the module, in a guest that has it loaded.
cd "$(dirname "$0")" || exit 1
mapfile -t programs < <(find bin -type f -executable | sort)
exec ./tap.sh "${programs[@]}" ./tools.sh ./interop.sh
