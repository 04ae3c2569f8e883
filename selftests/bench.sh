#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# kseal bench, as far as it can be tested without looking at a speed: that it measures what it says, on the stacks that it
# says, and writes down all of it. Needs root in a guest that has kseal and mainline's TLS. TAP on stdout.
# shellcheck disable=SC2317 # functions are called by ok()
set -uo pipefail
cd "$(dirname "$0")" || exit 1
kseal=${KSEAL:-../tools/kseal}
work=$(mktemp -d)
. ./ok.sh
end() { rmmod tls 2>/dev/null; rm -rf "$work"; }
trap end EXIT
modprobe tls 2>/dev/null || { echo "1..0 # SKIP there is no mainline TLS to compare with"; exit 4; }

rounds=2
runs() {
	"$kseal" bench --quick --seconds 0.02 --rounds "$rounds" --stack kseal,tls,tcp --json "$work/bench.json" \
		>"$work/said" 2>"$work/err" || { cat "$work/err"; return 1; }
}
# about EXPRESSION: of every result r and the whole, all
about() {
	python3 - "$work/bench.json" "$1" <<-'END'
		import json, sys
		whole = json.load(open(sys.argv[1]))
		bulk = ("sendfile", "send")
		bad = [r for r in whole["results"] if not eval(sys.argv[2], {"r": r, "s": r["stacks"], "whole": whole, "bulk": bulk})]
		for r in bad:
		    print({k: v for k, v in r.items() if k != "stacks"}, {n: s.get("why") for n, s in r["stacks"].items()})
		sys.exit(bool(bad) or not whole["results"])
	END
}
three='for n in ("kseal", "tls", "tcp")'
says() { grep -qE -- "$1" "$work/table" || { cat "$work/table"; return 1; }; }
compares() { "$kseal" bench --compare "$work/bench.json" "$work/bench.json" >"$work/table" && says '^0 better, 0 worse'; }
reads() { "$kseal" bench --read "$work/bench.json" | diff - "$work/said"; }

ok "a quick run" runs
cp "$work/said" "$work/table"
ok "each workload is there" about '{x["workload"] for x in whole["results"]} >= {"sendfile", "send", "latency", "setup", "memory", "sessions"}'
ok "each stack could be had" about "all(s[n]['available'] $three)"
ok "each has a sample a round" about "all([x['round'] for x in s[n]['samples']] == list(range(1, $((rounds + 1)))) $three)"
ok "bytes were compared before" about "all(s[n]['verified']['bytes'] >= 1 << 20 $three)"
ok "records have the size asked for" about "all(s[n]['verified']['records'] == s[n]['verified']['bytes'] / r['record'] for n in ('kseal', 'tls'))"
ok "the kernel's counters moved" about "s['kseal']['verified']['moved'] >= s['kseal']['verified']['records'] and s['tls']['verified']['moved'] > 0"
ok "sending and receiving are told apart" about "r['workload'] not in bulk or all(x['send_seconds'] > 0 < x['receive_seconds'] $three for x in s[n]['samples'])"
ok "AES-GCM by itself, OpenSSL's" about "r['workload'] not in bulk or len(s['aes-gcm-openssl']['samples']) == $rounds"
ok "the table has a limit" says 'limit'
ok "the JSON read again gives the same table" reads
ok "a run compared with itself differs in nothing" compares
echo "1..$count"
((failed == 0))
