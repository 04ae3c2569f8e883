// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * System calls; see filter.h. io_uring's operations do not pass here: loop.c restricts
 * its ring to three of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include "filter.h"
#include "log.h"

struct names {
	const char *const *at;
	size_t count;
};

#define NAMES(list)	{ list, sizeof(list) / sizeof((list)[0]) }

static const char *const common[] = {
	"poll", "ppoll", "recvmsg", "sendto", "sendmsg", "recvfrom", "read", "write", "writev",
	/* files that are read again */
	"close", "fstat", "stat", "lstat", "newfstatat", "statx", "lseek", "pread64", "readv",
	"access", "faccessat", "faccessat2", "readlink", "readlinkat", "getdents64", "fcntl",
	/* memory and threads, which all exist already */
	"brk", "munmap", "mremap", "madvise", "futex", "sched_yield", "sched_getaffinity",
	"membarrier", "exit", "exit_group", "gettid", "getpid", "tgkill",
	"set_robust_list", "rseq", "restart_syscall", "rt_sigaction", "rt_sigprocmask",
	"rt_sigreturn", "sigaltstack", "get_mempolicy",
	/* the keeper's end */
	"wait4",
	/* time, chance, who we are */
	"clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time",
	"getrandom", "getuid", "geteuid", "getgid", "getegid", "uname", "sysinfo", "prlimit64",
	"getrlimit",
};

/* the loop, and its end; files that change; counters */
static const char *const kseald[] = {
	"io_uring_enter", "io_uring_register", "kill", "inotify_init1", "inotify_add_watch",
	"inotify_rm_watch", "open", "openat", "rename", "renameat", "renameat2", "unlink",
	"unlinkat", "fchmod",
};

/* besides open and openat for reading */
static const char *const opener[] = {
	"inotify_init1", "inotify_add_watch", "inotify_rm_watch",
};

/* connections, names of hosts, key files */
static const char *const kseald_keys[] = {
	"connect", "getsockopt", "setsockopt", "getsockname", "sendmmsg", "fsync", "flock",
	"utimensat", "kill", "open", "openat", "rename", "renameat", "renameat2", "unlink",
	"unlinkat", "fchmod",
};

static const struct names of_program[] = {
	[FILTER_KSEALD] = NAMES(kseald),
	[FILTER_OPENER] = NAMES(opener),
	[FILTER_KSEALD_KEYS] = NAMES(kseald_keys),
};

static const char *const deadly[] = {
	"execve", "execveat", "ptrace", "process_vm_readv", "process_vm_writev", "io_uring_setup",
	"bpf", "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load",
	"pidfd_getfd", "userfaultfd", "perf_event_open", "setns", "unshare", "mount", "pivot_root",
};

static const struct names shared = NAMES(common), fatal = NAMES(deadly);

/* Those that a kernel or libseccomp does not know are not needed there. */
static int add(scmp_filter_ctx filter, uint32_t action, const struct names *names)
{
	int ret = 0;

	for (size_t i = 0; i < names->count && !ret; i++) {
		int number = seccomp_syscall_resolve_name(names->at[i]);

		if (number != __NR_SCMP_ERROR)
			ret = seccomp_rule_add(filter, action, number, 0);
	}
	return ret;
}

/* No memory that can be executed. */
static int add_memory(scmp_filter_ctx filter)
{
	const struct scmp_arg_cmp no_exec = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);

	return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, &no_exec) ?:
	       seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, &no_exec);
}

/* Of these families alone; and what glibc asks of a name server's answer. */
static int add_sockets(scmp_filter_ctx filter)
{
	static const uint64_t families[] = { AF_UNIX, AF_INET, AF_INET6 };
	const struct scmp_arg_cmp readable = SCMP_A1(SCMP_CMP_EQ, FIONREAD, 0);
	int ret = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, &readable);

	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]) && !ret; i++) {
		const struct scmp_arg_cmp family = SCMP_A0(SCMP_CMP_EQ, families[i], 0);

		ret = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, &family);
	}
	return ret;
}

static int add_reading(scmp_filter_ctx filter)
{
	const uint64_t writes = O_ACCMODE | O_CREAT | O_TRUNC;
	const struct scmp_arg_cmp of_open = SCMP_A1(SCMP_CMP_MASKED_EQ, writes, O_RDONLY);
	const struct scmp_arg_cmp of_openat = SCMP_A2(SCMP_CMP_MASKED_EQ, writes, O_RDONLY);
	int ret = 0;

	/* not every architecture has it */
	if (SCMP_SYS(open) >= 0)
		ret = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(open), 1, &of_open);
	return ret ?: seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1, &of_openat);
}

static void finish(scmp_filter_ctx filter, int ret, const char *who)
{
	if (!ret)
		ret = seccomp_load(filter);
	if (ret)
		log_warning("system calls could not be restricted (seccomp: %s): %s goes on without",
			    strerror(-ret), who);
	seccomp_release(filter);
}

void filter_install(enum filter_program program)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int ret = filter ? seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) : -ENOMEM;

	if (!ret)
		ret = add(filter, SCMP_ACT_ALLOW, &shared) ?:
		      add(filter, SCMP_ACT_ALLOW, &of_program[program]) ?:
		      add(filter, SCMP_ACT_KILL_PROCESS, &fatal) ?: add_memory(filter);
	if (!ret && program == FILTER_KSEALD_KEYS)
		ret = add_sockets(filter);
	if (!ret && program == FILTER_OPENER)
		ret = add_reading(filter);
	finish(filter, ret, "this program");
}

void filter_install_keeper(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int ret = filter ? add(filter, SCMP_ACT_ERRNO(EPERM), &fatal) : -ENOMEM;

	finish(filter, ret, "the signer");
}

void filter_install_signer(void)
{
	static const char *const names[] = { "fork", "vfork" };
	static const struct names processes = NAMES(names);
	/* the flags are the first argument, but for one architecture */
#ifdef __s390__
	const struct scmp_arg_cmp process = SCMP_A1(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0);
#else
	const struct scmp_arg_cmp process = SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0);
#endif
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int ret = -ENOMEM;

	/* clone3() has its flags in memory, where no filter sees them; libc then uses clone() */
	if (filter)
		ret = add(filter, SCMP_ACT_ERRNO(EPERM), &processes) ?:
		      seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
					     &process) ?:
		      seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	finish(filter, ret, "the signer");
}
