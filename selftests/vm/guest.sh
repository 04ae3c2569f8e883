# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The host's side of a run: the work directory that host and guest share, and the guest's process.

# guest_make_work: put everything the guest needs to know into $work
guest_make_work() {
	mkdir -p "$cache/run"
	work=$(mktemp -d "$cache/run/$runner.XXXXXX")
	trap guest_clean_up EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	: >"$work/console"
	vm_module=
	if ((module)); then
		vm_module=$work/$(basename "$module_ko")
		cp "$module_ko" "$vm_module"
		if [[ -e $module_dir/kseal_test.ko ]]; then cp "$module_dir/kseal_test.ko" "$work/"; fi
	fi
	cp "$here/init.sh" "$work/"
	guest_environment >"$work/environment"
	printf '%q ' "${command[@]}" >"$work/command"
}
# What COMMAND finds in its environment
guest_environment() {
	local name
	export KSEAL_VM=$runner KSEAL_CHECKOUT=$checkout KSEAL_MODULE=$vm_module KSEAL_TEST_MODULE=$work/kseal_test.ko
	case $runner in
	uml) export KSEAL_VM_VARIANT=$variant KSEAL_VM_RELEASE=$release ;;
	qemu) export KSEAL_VM_RELEASE=$release ;;
	esac
	for name in $(compgen -e KSEAL_) "${pass_env[@]}"; do
		case $name in
		KSEAL_CACHE|KSEAL_SRC) ;;
		*=*) printf 'export %s=%q\n' "${name%%=*}" "${name#*=}" ;;
		*) [[ ${!name+set} ]] && printf 'export %s=%q\n' "$name" "${!name}" ;;
		esac
	done
}
# guest_init NAME=VALUE...: write the guest's first program, which knows these and goes on in init.sh
guest_init() {
	{
		echo '#!/bin/bash'
		local assignment
		for assignment in work="$work" cwd="$PWD" checkout="$checkout" vm_module="$vm_module" module_args="$module_args" "$@"; do
			printf '%s=%q\n' "${assignment%%=*}" "${assignment#*=}"
		done
		echo '. "$work/init.sh"'
	} >"$work/init"
	chmod +x "$work/init"
}

# guest_open_output: descriptors 3 and 4 for COMMAND's output and errors. A cat stands between, because the guest
# makes its end non-blocking, which would stick to the caller's terminal or pipe.
guest_open_output() {
	exec 3> >(exec cat 4>&-)
	cat_out=$!
	exec 4> >(exec cat >&2 3>&-)
	cat_err=$!
}
# Everything printed must be out before the verdict is
guest_close_output() {
	exec 3>&- 4>&-
	wait "$cat_out" "$cat_err" 2>/dev/null || true
}

guest='' timer=''
# guest_run COMMAND...: the guest as a process group of its own, for at most $limit seconds
guest_run() {
	guest_open_output
	setsid "$@" >>"$work/console" 2>&1 </dev/null &
	guest=$!
	sleep "$limit" 3>&- 4>&- &
	timer=$!
	local ended=
	# bash would print "Aborted" for a panic
	{ wait -n -p ended "$guest" "$timer" || true; } 2>/dev/null
	timed_out=0
	[[ $ended = "$timer" ]] && timed_out=1
	guest_kill
	guest_close_output
}
guest_kill() {
	{
		[[ ! $guest ]] || kill -KILL -- "-$guest" || true
		[[ ! $timer ]] || kill "$timer" || true
		wait $guest $timer || true
	} 2>/dev/null
	guest='' timer=''
}
guest_clean_up() {
	guest_kill
	if [[ ${KSEAL_KEEP-} ]]; then say "kept $work"; else rm -rf "$work"; fi
}
