# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the shell tests share. They set work, a directory of their own, and print the plan themselves.
count=0
failed=0

# ok NAME COMMAND...: passes if the command does
ok() {
	local name=$1
	shift
	count=$((count + 1))
	if "$@" >"$work/out" 2>&1; then
		echo "ok $count - $name"
	else
		failed=$((failed + 1))
		echo "not ok $count - $name"
		sed 's/^/#   /' "$work/out" | head -n 20
	fi
}

# skip NAME WHY: instead of ok
skip() { count=$((count + 1)); echo "ok $count - $1 # SKIP $2"; }

# listens PORT: somebody does
listens() { ss -Hltn "sport = :$1" | grep -q .; }

# fails STATUS TEXT COMMAND...: the command ends with this status, within 30 s, and says so
fails() {
	local wanted=$1 text=$2 said
	shift 2
	said=$(timeout 30 "$@" 2>&1)
	is $? "$wanted" && echo "$said" && [[ $said == *"$text"* ]]
}

# is GOT WANTED
is() {
	[ "$1" = "$2" ] || { echo "got '$1', expected '$2'"; return 1; }
}

# eventually COMMAND...: it succeeds within ten seconds, tried again and again
eventually() {
	local try
	for ((try = 0; try < 200; try++)); do
		"$@" && return
		sleep 0.05
	done
	echo "never: $*"
	return 1
}
