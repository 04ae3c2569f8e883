#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Would mainline's test notice if nothing were encrypted? Both ends of its connections are ours, so a module whose cipher
# only copies talks to itself without trouble. This boots the uml guest with such a module, built from a changed copy of
# the source, and wants tests to fail: those where a tag is changed on the way, and those whose records were sealed
# elsewhere. On this machine, not in a guest. TAP on stdout.
# shellcheck disable=SC2317 # functions are called by ok()
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
. selftests/ok.sh
# in one place, so that the build finds what it made the last time
work=${KSEAL_CACHE:-$HOME/.cache/kseal}/nocipher
mkdir -p "$work"
rm -rf "$work/src" && mkdir "$work/src"
cp -rp Kbuild VERSION kmod include "$work/src"

change() { # FROM TO: one line of aead.c
	local file=$work/src/kmod/aead.c
	is "$(grep -cF "$1" "$file")" 1 || return
	sed -i "s|$1|$2|" "$file"
}
copies() {
	change '#include "record.h"' '&\
static int copy_instead(const struct kseal_body *t, bool open)\
{\
	size_t len = t->len - !!t->last, i;\
	u8 byte;\
	for (i = 0; i < len; i++) {\
		kseal_pieces_read(t->src, i, \&byte, 1);\
		kseal_pieces_write(t->dst, i, \&byte, 1);\
	}\
	if (t->last \&\& open)\
		kseal_pieces_read(t->src, len, t->last, 1);\
	else if (t->last)\
		kseal_pieces_write(t->dst, len, t->last, 1);\
	return 0;\
}' &&
		change 'return crypt(a->req);' 'return crypt ? copy_instead(t, false) : 0;' &&
		change 'kseal_gcm_record(level, &a->own, false, nonce, aad, aad_len, t, tag);' 'copy_instead(t, false);' &&
		change 'kseal_gcm_record(level, &a->own, true, nonce, aad, aad_len, t, tag);' 'copy_instead(t, true);' &&
		change 'if (likely(!crypto_memneq(tag, came, sizeof(tag))))' 'if (came[0] < 256)'
}
runs() {
	KSEAL_SRC=$work/src selftests/vm/run -r uml -v perf --module-args dropin=1 -- selftests/bin/mainline-tls \
		-f zero_len -f tls_basic -f tls_err >"$work/said" 2>"$work/err" </dev/null
	is "$? $(grep -cE '^(not )?ok ' "$work/said")" "1 35" || { cat "$work/err"; tail -n 20 "$work/said"; return 1; }
}
red() { sed -nE 's/^not ok [0-9]+ ([^ ]*).*/\1/p' "$work/said"; }
finds() { red | grep -qx "$1" || { red; return 1; }; }
else_green() { red; is "$(red | grep -cv 'tls_err\..*\.bad_\|zero_len\.')" 0; }

echo 1..6
ok "the source was changed to copy where it sealed and opened" copies
ok "35 of mainline's tests run with it, and some fail" runs
ok "TLS 1.2: a changed tag is taken for good, and noticed" finds tls_err.12_aes_gcm.bad_auth
ok "TLS 1.3: a changed tag is taken for good, and noticed" finds tls_err.13_aes_gcm.bad_auth
ok "records that were sealed elsewhere do not open, and it is noticed" finds zero_len.data_data_data.test
ok "and nothing else is red" else_green
((failed == 0))
