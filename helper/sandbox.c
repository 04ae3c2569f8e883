// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Privileges and traces; see sandbox.h.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/capability.h>
#include "log.h"
#include "sandbox.h"

void sandbox_harden(void)
{
	const struct rlimit none = { 0, 0 };

	if (prctl(PR_SET_DUMPABLE, 0) || setrlimit(RLIMIT_CORE, &none))
		log_warning("core dumps could not be switched off: %s", strerror(errno));
	signal(SIGPIPE, SIG_IGN);
}

void sandbox_lock_memory(void)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };
	int flags = MCL_CURRENT | MCL_ONFAULT;

	/*
	 * Without CAP_IPC_LOCK, later, each allocation counts against the limit
	 * if MCL_FUTURE is set, and fails above it.
	 */
	if (setrlimit(RLIMIT_MEMLOCK, &limit) && getrlimit(RLIMIT_MEMLOCK, &limit))
		limit.rlim_cur = 0;
	if (limit.rlim_cur == RLIM_INFINITY)
		flags |= MCL_FUTURE;
	else
		log_warning("RLIMIT_MEMLOCK is limited: keys may reach swap; set LimitMEMLOCK=infinity");
	if (mlockall(flags))
		log_warning("memory could not be locked (%s): keys may reach swap",
			    strerror(errno));
}

int sandbox_find_user(const char *name, struct sandbox_user *user)
{
	const struct passwd *pw = getpwnam(name);

	if (!pw) {
		log_error("--user %s: there is no such user: create it, or leave the option out",
			  name);
		return -1;
	}
	user->name = name;
	user->uid = pw->pw_uid;
	user->gid = pw->pw_gid;
	return 0;
}

static int become(const struct sandbox_user *user)
{
	if (geteuid() == user->uid && getuid() == user->uid && getegid() == user->gid)
		return 0;
	if (setgroups(0, NULL) || setresgid(user->gid, user->gid, user->gid) ||
	    setresuid(user->uid, user->uid, user->uid)) {
		log_error("--user %s: %s: kseald must be started as root for this", user->name,
			  strerror(errno));
		return -1;
	}
	return 0;
}

void sandbox_give_runtime_directory(const struct sandbox_user *user)
{
	const char *directory = getenv("RUNTIME_DIRECTORY");

	if (directory && lchown(directory, user->uid, user->gid))
		log_warning("%s could not be given to %s: %s", directory, user->name,
			    strerror(errno));
}

/* capabilities: of the first 32, what is left */
static int drop(const struct sandbox_user *user, uint32_t capabilities)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	const struct __user_cap_data_struct left[_LINUX_CAPABILITY_U32S_3] = {
		{ .effective = capabilities, .permitted = capabilities },
	};

	if (prctl(PR_SET_KEEPCAPS, capabilities != 0, 0, 0, 0) || (user && become(user)))
		return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(SYS_capset, &header, left)) {
		log_error("capabilities could not be dropped: %s", strerror(errno));
		return -1;
	}
	/* Changing the user resets it (prctl(2)). */
	if (prctl(PR_SET_DUMPABLE, 0)) {
		log_error("core dumps could not be switched off: %s", strerror(errno));
		return -1;
	}
	return 0;
}

int sandbox_drop(const struct sandbox_user *user)
{
	return drop(user, 0);
}

int sandbox_drop_to_reading(const struct sandbox_user *user)
{
	return drop(user, 1 << CAP_DAC_READ_SEARCH);
}
