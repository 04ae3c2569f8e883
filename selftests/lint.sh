#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# make lint: sparse on the module, the kernel's own checkpatch, shellcheck, sizes of files and functions. A line for
# each, behind what it complains of; the last line is "N passed, N failed, N skipped".
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
cache=${KSEAL_CACHE:-$HOME/.cache/kseal} passed=0 failed=0 skipped=0

# lint NAME TOOL FUNCTION: passes if FUNCTION prints nothing and ends well
lint() {
	local said
	if ! command -v "$2" >/dev/null; then
		skipped=$((skipped + 1)); echo "ok - lint: $1 # SKIP there is no $2"
	elif said=$("$3" 2>&1) && [[ -z $said ]]; then
		passed=$((passed + 1)); echo "ok - lint: $1"
	else
		failed=$((failed + 1)); echo "$said"; echo "not ok - lint: $1"
	fi
}

# Sparse and checkpatch need a configured kernel: the uml one that the tests use anyhow
selftests/vm/run -r uml -v perf --no-module --prepare || exit 1
src=$(find "$cache/src" -maxdepth 1 -type d -name 'linux-source-*' | sort -V | tail -n 1)
build=$(find "$cache/uml" -maxdepth 2 -type d -path '*/perf-*/build' | tail -n 1)
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT

sparse_module() {
	cp -r Kbuild VERSION kmod include "$tmp/"
	make -s -C "$src" ARCH=um O="$build" M="$tmp" C=2 CF=-D__CHECK_ENDIAN__ W=1 modules >"$tmp/log" 2>&1 ||
		{ tail -n 20 "$tmp/log"; return 1; }
	# what sparse says of the kernel's own headers is not ours to mend
	grep -E "(^|$tmp/)kmod/.*(warning|error)" "$tmp/log" | sed "s|$tmp/||"
	true
}

# Not ours: file paths; one table made twice by an X macro; kzalloc_obj, which older kernels lack; a proto_ops that is
# filled in at run time; __has_include
ignore=FILE_PATH_CHANGES,SPDX_LICENSE_TAG,LINUX_VERSION_CODE,CONSTANT_COMPARISON,MACRO_ARG_REUSE,EMBEDDED_FILENAME,ALLOC_WITH_SIZEOF,CONST_STRUCT,BRACKET_SPACE,COMPLEX_MACRO,MACRO_ARG_UNUSED,SPACING
checkpatch_module() {
	perl "$src/scripts/checkpatch.pl" --no-tree --terse --show-types --no-summary --ignore "$ignore" \
		-f kmod/*.[ch] kmod/compat/*.[ch] include/uapi/linux/*.h
}

shell_scripts() {
	git ls-files '*.sh' selftests/vm/run .ci/run |
		xargs shellcheck -S warning -x -e SC1090,SC1091,SC2034,SC2054,SC2154,SC2187
}

long_files() {
	git ls-files '*.c' '*.h' '*.sh' | xargs wc -l | awk '$2 != "total" && $1 > 640'
}

# a function: from a line that starts a body to the closing brace in the first column
long_functions() {
	git ls-files '*.c' | xargs awk '
		FNR == 1 { start = 0 }
		/^{/ { start = FNR }
		/^}/ { if (start && FNR - start > 85) print FILENAME ":" start ": " FNR - start " lines"; start = 0 }'
}

lint "sparse and W=1, the module" sparse sparse_module
lint "checkpatch, the module and its header" perl checkpatch_module
lint "shellcheck" shellcheck shell_scripts
lint "files of no more than about 600 lines" awk long_files
lint "functions of no more than about 80 lines" awk long_functions
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0))
