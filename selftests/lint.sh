#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# make lint: sparse on the module, the kernel's own checkpatch, shellcheck, sizes of files and functions.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
cache=${KSEAL_CACHE:-$HOME/.cache/kseal} status=0
note() { echo "lint: $*"; status=1; }

# Sparse needs a configured kernel: the uml one that the tests use anyhow
selftests/vm/run -r uml -v perf --no-module --prepare || exit 1
src=$(find "$cache/src" -maxdepth 1 -type d -name 'linux-source-*' | sort -V | tail -n 1)
build=$(find "$cache/uml" -maxdepth 2 -type d -path '*/perf-*/build' | tail -n 1)
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
cp -r Kbuild kmod include "$tmp/"
# what sparse says of the kernel's own headers is not ours to mend
make -s -C "$src" ARCH=um O="$build" M="$tmp" C=2 CF=-D__CHECK_ENDIAN__ W=1 modules 2>&1 |
	grep -E "(^|$tmp/)kmod/.*(warning|error)" | sed "s|$tmp/||" >"$tmp/sparse"
[[ ! -s $tmp/sparse ]] || { cat "$tmp/sparse"; note "sparse or W=1 complains of the module"; }

# Not ours: file paths; one table made twice by an X macro; kzalloc_obj, which older kernels lack; a proto_ops that is
# filled in at run time; __has_include
ignore=FILE_PATH_CHANGES,SPDX_LICENSE_TAG,LINUX_VERSION_CODE,CONSTANT_COMPARISON,MACRO_ARG_REUSE,EMBEDDED_FILENAME,ALLOC_WITH_SIZEOF,CONST_STRUCT,BRACKET_SPACE,COMPLEX_MACRO,MACRO_ARG_UNUSED,SPACING
perl "$src/scripts/checkpatch.pl" --no-tree --terse --show-types --no-summary --ignore "$ignore" \
	-f kmod/*.[ch] kmod/compat/*.[ch] include/uapi/linux/*.h >"$tmp/checkpatch"
[[ ! -s $tmp/checkpatch ]] || { cat "$tmp/checkpatch"; note "checkpatch complains of the module"; }

git ls-files '*.sh' selftests/vm/run .ci/run | xargs shellcheck -S warning -x -e SC1090,SC1091,SC2034,SC2054,SC2154,SC2187 || note "shellcheck complains"

git ls-files '*.c' '*.h' '*.sh' | xargs wc -l | awk '$2 != "total" && $1 > 640 { print; bad = 1 } END { exit bad }' ||
	note "these files are longer than about 600 lines"
# a function: from a line that starts a body to the closing brace in the first column
git ls-files '*.c' | xargs awk '
	FNR == 1 { start = 0 }
	/^{/ { start = FNR }
	/^}/ { if (start && FNR - start > 85) { print FILENAME ":" start ": " FNR - start " lines"; bad = 1 } start = 0 }
	END { exit bad }' || note "these functions are longer than about 80 lines"
((status)) || echo "lint: nothing to complain of"
exit "$status"
