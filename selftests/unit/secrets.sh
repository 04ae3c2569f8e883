#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Handshakes under openssl.cnf that prefers or demands a provider: secrets come one way or the other. TAP.
cd "$(dirname "$0")" || exit 1
cnf=$(mktemp)
trap 'rm -f "$cnf"' EXIT
count=0 failed=0
for properties in "" "?provider=default" "provider=default" "?fips=yes" "?provider=none"; do
	cat >"$cnf" <<-END
		openssl_conf = init
		[init]
		providers = all
		alg_section = algorithms
		[all]
		default = default_provider
		[default_provider]
		activate = 1
		[algorithms]
		default_properties = $properties
	END
	for program in profile resume; do
		count=$((count + 1))
		if OPENSSL_CONF=$cnf "build/$program" >"$cnf.out" 2>&1; then
			echo "ok $count - $program with default_properties = '$properties'"
		else
			failed=$((failed + 1))
			echo "not ok $count - $program with default_properties = '$properties'"
			grep '^not ok' "$cnf.out" | head -n 5 | sed 's/^/# /'
		fi
	done
done
rm -f "$cnf.out"
echo "1..$count"
((failed == 0))
