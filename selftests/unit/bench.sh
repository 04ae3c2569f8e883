#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# kseal bench, as far as nothing is measured: its arguments, what it makes of files, how it compares them. TAP on stdout.
# KSEAL names the command.
# shellcheck disable=SC2317 # functions are called by ok()
set -u

here=$(cd "$(dirname "$0")" && pwd)
KSEAL=${KSEAL:-$here/../../tools/kseal}
work=$(mktemp -d "${TMPDIR:-/tmp}/kseal-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
# shellcheck source-path=SCRIPTDIR
. "$here/../ok.sh"
[ -x "$KSEAL" ] || { echo "1..0 # SKIP no $KSEAL: make -C tools"; exit 4; }

# fails STATUS TEXT ARGUMENT...: it ends so and says so
fails() {
	local wanted=$1 text=$2 said
	shift 2
	said=$(timeout 20 "$KSEAL" bench "$@" 2>&1)
	is $? "$wanted" && echo "$said" && [[ $said == *"$text"* ]]
}
# says PATTERN ARGUMENT...: it succeeds, and one line is like that
says() {
	local pattern=$1 said
	shift
	said=$(timeout 20 "$KSEAL" bench "$@" 2>"$work/err") || { cat "$work/err"; return 1; }
	grep -qE -- "$pattern" <<<"$said" || { echo "no line is like $pattern"; echo "$said"; return 1; }
}

# samples SECONDS...: a sample a round, of a GB moved in so many
samples() {
	local seconds round=0 gap=
	for seconds; do
		printf '%s{"round": %d, "seconds": %s, "own_seconds": %s, "bytes": 1000000000, "records": 61036}' \
			"$gap" $((++round)) "$seconds" "$seconds"
		gap=,
	done
}
# run FILE KSEAL TLS TCP: what a run would write; the seconds of each in one word. None: it could not be had
run() {
	local file=$1 name gap='' list
	shift
	{
		printf '{"what": "kseal bench", "format": 1, "machine": {"kind": "uml", "cpu": "A <CPU>", "kernel": "Linux 7.2", '
		printf '"gcm": "gcm-vaes", "gcm_fast": 1, "kseal": "0.1"}, "settings": {"rounds": 3, "seconds": 0.5},\n'
		printf '"results": [{"workload": "sendfile", "record": 16384, "version": "TLS 1.3", "cipher": "AES-128-GCM", '
		printf '"connections": 1, "response": 0, "stacks": {'
		for name in kseal tls tcp; do
			read -ra list <<<"$1"; shift
			printf '%s\n"%s": {"available": true, "samples": [%s]' "$gap" "$name" "$(samples "${list[@]}")"
			((${#list[@]})) || printf ', "why": "not \\u001b[1mhere"'
			printf '}'
			gap=,
		done
		printf ', "aes-gcm-openssl": {"available": true, "samples": [%s]}' "$(samples 0.25 0.25 0.25)"
		printf '}}]}\n'
	} >"$work/$file"
}
#    kseal           tls             tcp
run old  "0.50 0.51 0.52"   "1.0 1.0 1.1"   "0.24 0.25 0.26"
run same "0.51 0.50 0.52"   "1.1 1.0 1.0"   "0.25 0.25 0.25"
run fast "0.25 0.26 0.24"   "1.0 1.0 1.1"   "0.24 0.25 0.26"
run slow "1.0 1.1 1.0"   "1.0 1.0 1.1"   "0.24 0.25 0.26"
# everything, plain TCP too, half as fast: that was the machine
run loud "1.0 1.0 1.0"   "2.0 2.0 2.0"   "0.60 0.50 0.60"
run gone ""              "1.0 1.0 1.1"   "0.24 0.25 0.26"
echo '{"what": "something else"}' >"$work/other"

ok "--list" says '^[0-9]+ cases, about [0-9]+ s$' --list
ok "--list names each workload" says '^sessions, 16384-byte records, TLS 1.3, AES-128-GCM, 10000 sessions$' --list
ok "an axis: all combinations and no more" says '^8 cases' --list --workload sendfile,send --cipher aes128,aes256 --version 1.2,1.3
ok "connections are sessions where there are many" says '^sessions.* 77 sessions$' --list --workload sessions --connections 77
for bad in "--stack tcp,nonesuch" "--workload nonesuch" "--record 63" "--record 16385" "--cipher aes192" "--version 1.1" \
	"--rounds 0" "--seconds x" "--connections 0" "--cpu -1"; do
	read -ra words <<<"$bad"
	ok "kseal bench $bad" fails 2 "'${words[1]##*,}'" "${words[@]}"
done
ok "a word too many" fails 2 "what is 'x'?" x
ok "--compare with one file" fails 2 "--compare takes two files" --compare "$work/old"
ok "--compare with a file that is not there" fails 1 "$work/none" --compare "$work/old" "$work/none"
ok "--compare with something else" fails 1 "is not what kseal bench --json of this version writes" --compare "$work/old" "$work/other"
ok "emulation is refused" bash -c 'KSEAL_VM_ACCEL=tcg "$1" bench --stack tcp 2>&1 | grep "there are no figures from it"' - "$KSEAL"
ok "--html without gnuplot says what to install" bash -c 'PATH=/nonesuch "$1" bench --read "$2" --html "$2.html" 2>&1 | /bin/grep "apt-get install gnuplot-nox"' - "$KSEAL" "$work/old"

ok "--read: medians and quartiles" says '16384 .* 1\.96 \(1\.94-1\.98\) ' --read "$work/old"
ok "--read: a ratio" says ' 2\.00x \(1\.98-2\.06\) ' --read "$work/old"
ok "--read: the limit is plain TCP and AES-GCM" says ' 2\.00 \(1\.98-2\.02\) +98% \(98-98\)' --read "$work/old"
ok "--read: how quiet the machine was" says ' took 0% longer .* was quiet' --read "$work/old"
ok "--read: what could not be had, safely" says '^- kseal: not .x1b\[1mhere\.$' --read "$work/gone"
ok "no difference" says '^0 better, 0 worse, 2 within noise' --compare "$work/old" "$work/same"
ok "twice as fast" says 'kseal .* 2\.04x .* better$' --compare "$work/old" "$work/fast"
ok "half as fast" says 'kseal .* 0\.51x .* worse$' --compare "$work/old" "$work/slow"
ok "what is not in both" says '^0 better, 0 worse, 1 within noise, 1 in one' --compare "$work/old" "$work/gone"
ok "the machine was slow: plain TCP too" says '^0 better, 0 worse, 2 within noise' --compare "$work/old" "$work/loud"

echo "1..$count"
exit $((failed > 0))
