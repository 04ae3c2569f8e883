#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The kseal command's arguments, as far as they do not need the module. TAP on stdout. KSEAL names the command.
# shellcheck disable=SC2317 # functions are called by ok()
set -u

here=$(cd "$(dirname "$0")" && pwd)
KSEAL=${KSEAL:-$here/../../tools/kseal}
work=$(mktemp -d "${TMPDIR:-/tmp}/kseal-command.XXXXXX")
trap 'rm -rf "$work"' EXIT
# shellcheck source-path=SCRIPTDIR
. "$here/../ok.sh"

# fails STATUS TEXT COMMAND...: the command exits so and says so
[ -x "$KSEAL" ] || { echo "1..0 # SKIP no $KSEAL: make -C tools"; exit 4; }

for port in 99999 65536 -1; do
	ok "serve -p $port" fails 2 "there is no port $port" "$KSEAL" serve --plain -p "$port" "$work"
	ok "connect to port $port" fails 2 "there is no port $port" "$KSEAL" connect "localhost:$port"
done
ok "connect to port 0" fails 2 "there is no port 0" "$KSEAL" connect "localhost:0"
ok "serve -p with no service's name" fails 1 "there is no port nonesuch" \
	"$KSEAL" serve --plain -p nonesuch "$work"

# show is the default command: not "there is no command"
shows() { # ARGUMENT...
	if [ -e /sys/module/kseal ]; then
		is "$("$KSEAL" "$@" 2>&1)" "$("$KSEAL" show "$@" 2>&1)"
	else
		fails 1 "kseal.ko is not loaded" "$KSEAL" "$@"
	fi
}

for arguments in 7 --json -j --stats -s "-s 7" "--json --stats 7" --; do
	read -ra words <<<"$arguments"
	ok "kseal $arguments" shows "${words[@]}"
done
ok "kseal --frob" fails 2 "unrecognized option '--frob'" "$KSEAL" --frob
ok "kseal 7x" fails 2 "one number: '7x'" "$KSEAL" 7x
ok "kseal shw" fails 2 "Did you mean: kseal show" "$KSEAL" shw
ok "kseal --version" "$KSEAL" --version
ok "kseal --help" bash -c "'$KSEAL' --help | grep -q '^Usage: kseal'"

echo "1..$count"
exit $((failed > 0))
