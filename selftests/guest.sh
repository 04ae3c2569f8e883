#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# All tests that need the module, in a guest that has it loaded; or those that are named: programs of bin/, scripts.
cd "$(dirname "$0")" || exit 1
# read off the Makefile, so that one that was not built fails
read -ra programs <<<"${*:-$(sed -n 's/^PROGRAMS := //p' Makefile)}"
# read_sock can only be called in the kernel
lsmod | grep -q '^kseal_test ' || insmod "$KSEAL_TEST_MODULE" || echo "guest.sh: kseal_test.ko could not be loaded"
# These change the module's parameters, or the module: nobody beside them
alone=" explain handshake finished helper keyupdate rekey module "
tests=() parallel=()
for program in "${programs[@]}"; do
	if [[ $program = *.sh ]]; then tests+=("./$program")
	elif [[ $program = fallback ]]; then tests+=("./without.sh tls bin/$program")
	elif [[ $alone = *" $program "* ]]; then tests+=("bin/$program")
	else parallel+=("bin/$program"); fi
done
(($#)) || tests+=(./tools.sh ./interop.sh ./peers.sh ./opener.sh ./confined.sh ./signer.sh ./wrap.sh ./run.sh ./examples.sh ./systemd.sh ./many.sh ./dropin.sh "./with.sh dropin=1 bin/dropin" ./mainline.sh ./ktls.sh)
((!$#)) && grep -q tracefs /proc/filesystems && tests+=(./trace.sh)
# 7.2's TLS is what kseal imitates; that of older kernels has other bugs
if ((!$#)) && [[ ${KSEAL_VM:-} = uml && ! ${KSEAL_VM_RELEASE:-} ]]; then
	tests+=("./differ.sh 1 $([[ ${KSEAL_VM_VARIANT:-} = debug ]] && echo 50 || echo 700)")
	tests+=(./programs.sh ./bench.sh)
fi
# where instructions are emulated tests do not wait, they work
jobs=4; [[ ${KSEAL_VM_ACCEL:-} = tcg ]] && jobs=1
exec ./tap.sh -j "$jobs" "${parallel[@]}" -- "${tests[@]}"
