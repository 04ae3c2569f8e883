#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs every program of bin/ against the loaded module, or those named. TAP as tap.sh prints it.
cd "$(dirname "$0")" || exit 1
if (($# == 0)); then
	# read off the Makefile, so that one that was not built fails
	read -ra programs <<<"$(sed -n 's/^PROGRAMS := //p' Makefile)"
	set -- "${programs[@]}"
fi
exec ./tap.sh "${@/#/bin/}"
