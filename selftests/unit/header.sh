#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# kseal.h as the compilers of others see it: C and C++, without a warning; and with one where a result is ignored that
# decides whether the socket is TLS. TAP on stdout.
# shellcheck disable=SC2317 # functions are called by ok()
set -u

here=$(cd "$(dirname "$0")" && pwd)
include=$here/../../include
work=$(mktemp -d "${TMPDIR:-/tmp}/kseal-header.XXXXXX")
trap 'rm -rf "$work"' EXIT
# shellcheck source-path=SCRIPTDIR
. "$here/../ok.sh"

compile() { # COMPILER LANGUAGE, the program on stdin
	"$1" -x "$2" -Wall -Wextra -Werror -I"$include" -I"$include/uapi" -c -o /dev/null -
}

checked() {
	compile "$1" "$2" <<-'END'
		#include <kseal.h>
		int main(void) { return kseal_server(3, NULL) || kseal_wait(3, 0); }
	END
}

# the warning, and no other
ignored() { # COMPILER CALL
	local said
	said=$(compile "$1" c <<<"#include <kseal.h>
		int main(void) { $2; return 0; }" 2>&1) && { echo "no warning"; return 1; }
	echo "$said"
	is "$(grep -c 'error:' <<<"$said")" 1 && grep -q 'unused.result' <<<"$said"
}

# README's server, with what it leaves out filled in
snippet() {
	{
		printf '#include <%s>\n' err.h string.h netinet/in.h sys/socket.h kseal.h
		echo 'int main(void) { struct sockaddr_in a = { 0 };'
		sed -n '/^    int fd = socket/,/^$/p' "$here/../../README.md" |
			sed 's/bind(fd, \.\.\.)/if (bind(fd, (void *)\&a, sizeof(a))) return 1/'
		echo 'return 0; }'
	} >"$work/snippet.c"
	cat "$work/snippet.c"
	grep -q kseal_server "$work/snippet.c" && compile "$1" c <"$work/snippet.c"
}

compilers=(gcc g++ clang clang++)
for compiler in "${compilers[@]}"; do
	if ! command -v "$compiler" >/dev/null; then
		count=$((count + 1))
		echo "ok $count - $compiler # SKIP there is no $compiler"
		continue
	fi
	case $compiler in
	*++) ok "$compiler: no warnings" checked "$compiler" c++; continue ;;
	esac
	ok "$compiler: no warnings" checked "$compiler" c
	ok "$compiler: README's server" snippet "$compiler"
	ok "$compiler: kseal_server() ignored" ignored "$compiler" "kseal_server(3, NULL)"
	ok "$compiler: kseal_connect() ignored" ignored "$compiler" 'kseal_connect(3, "x", NULL)'
	ok "$compiler: kseal_wait() ignored" ignored "$compiler" "kseal_wait(3, -1)"
	ok "$compiler: kseal_install() ignored" ignored "$compiler" "kseal_install(3, NULL, NULL, 0)"
done

echo "1..$count"
exit $((failed > 0))
