# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# After a run: what the kernel log and kmemleak have to say, and the exit status.

splats='BUG:|WARNING:|KASAN|UBSAN|Oops|ODEBUG|Kernel panic|possible (circular|recursive)|INFO: (possible|trying to register)'
splats+='|inconsistent lock state|suspicious RCU usage|unregister_netdevice: waiting|general protection|refcount_t:'
splats+='|DEBUG_LOCKS_WARN|sleeping function called|blocked for more than|rcu:.*stall|Bad page|kernel BUG|ref_tracker:'

# verdict: exit with the right status. The guest is gone; $work holds status, console, in-use, leaks.
verdict() {
	local status bad=0
	status=$(cat "$work/status" 2>/dev/null) || status=
	# Complaints from before the command, such as the host's CPU flaws, are not ours
	sed -e '1,/kseal-vm: start/d' -e '/kseal-vm: end/,$d' -e 's/\r$//' "$work/console" >"$work/log"
	if grep -q 'Kernel panic' "$work/console"; then
		show "the end of the console" tail -n 60 "$work/console"
		say "the guest's kernel panicked: the end of its console stands above."
		exit 71
	fi
	report_splats || bad=70
	report_in_use || bad=70
	report_leaks || bad=70
	if ((timed_out)) && [[ ! $status ]]; then
		say "stopped after the time limit of $limit s; -t SECONDS gives it more."
		exit 124
	fi
	[[ -s $work/failed ]] && { show "the end of the kernel log" tail -n 15 "$work/log"; die "kseal.ko could not be loaded: $(<"$work/failed")"; }
	if [[ ! $status ]]; then
		show "the end of the console" tail -n 40 "$work/console"
		die "the guest ended before the command did: the end of its console stands above. If it never booted, remove" \
			"$cache/$runner and run this again, so that it is built anew."
	fi
	if ((bad && ! allow_splat)); then
		say "failed (status 70): see the report above. The command itself ended with status $status."
		exit "$bad"
	fi
	exit "$status"
}

# show TITLE COMMAND...: a report between markers
show() { { echo "----- vm: $1 -----"; "${@:2}"; echo "----- vm: end -----"; } >&2; }

report_splats() {
	local first
	first=$(grep -nE -m1 "$splats" "$work/log") || return 0
	first=${first%%:*}
	show "the kernel complained" sed -n "$((first > 3 ? first - 3 : 1)),$((first + 80))p" "$work/log"
	return 1
}
report_in_use() {
	[[ -s $work/in-use ]] || return 0
	show "the module is still in use after the command: a session or a socket leaked" cat "$work/in-use"
	return 1
}
# A report is a line "unreferenced object" and what is indented below it. kmemleak.allow has a regular expression a
# line for those that are not ours.
report_leaks() {
	[[ -s $work/leaks ]] || return 0
	awk -v allow="$(sed '/^#/d; /^$/d' "$here/kmemleak.allow" | paste -sd'|')" '
		function flush() { if (block != "" && (allow == "" || block !~ allow)) printf "%s", block; block = "" }
		/^unreferenced object/ { flush() }
		{ block = block $0 "\n" }
		END { flush() }' "$work/leaks" | name_functions >"$work/leaks.ours"
	[[ -s $work/leaks.ours ]] || return 0
	show "memory leaked: $(grep -c ^unreferenced "$work/leaks.ours") objects" sed -n 1,200p "$work/leaks.ours"
	return 1
}
# Bare addresses in a backtrace are in our module, which was unloaded by then. Hexadecimal numbers of one length sort as
# words do.
name_functions() {
	touch "$work/symbols"
	awk 'NR == FNR { address[++n] = $1; name[n] = $3 " " $4; next }
		/^ +0x[0-9a-f]+$/ {
			wanted = substr($1, 3)
			while (length(wanted) < 16) wanted = "0" wanted
			for (i = n; i > 0 && address[i] "" > wanted; i--);
			if (i) $0 = $0 " in " name[i]
		}
		{ print }' "$work/symbols" -
}
