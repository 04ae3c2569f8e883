// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * System calls; see filter.h. io_uring's operations do not pass here: loop.c restricts
 * its ring to three of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include "filter.h"
#include "log.h"

static const char *const needed[] = {
	/* the loop, and its way without io_uring */
	"io_uring_enter", "io_uring_register", "poll", "ppoll", "recvmsg", "sendto", "sendmsg",
	"recvfrom", "read", "write", "writev",
	/* files that are read again, and counters */
	"open", "openat", "close", "fstat", "stat", "lstat", "newfstatat", "statx", "lseek",
	"pread64", "readv", "access", "faccessat", "faccessat2", "readlink", "readlinkat",
	"getdents64", "fcntl", "rename", "renameat", "renameat2", "unlink", "unlinkat", "fchmod",
	"inotify_init1", "inotify_add_watch", "inotify_rm_watch",
	/* memory and threads, which all exist already */
	"brk", "munmap", "mremap", "madvise", "futex", "sched_yield", "sched_getaffinity",
	"membarrier", "exit", "exit_group", "gettid", "getpid", "tgkill", "kill",
	"set_robust_list", "rseq", "restart_syscall", "rt_sigaction", "rt_sigprocmask",
	"rt_sigreturn", "sigaltstack", "get_mempolicy",
	/* time, chance, who we are */
	"clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time",
	"getrandom", "getuid", "geteuid", "getgid", "getegid", "uname", "sysinfo", "prlimit64",
	"getrlimit",
};

/* of the opener, besides open and openat */
static const char *const for_reading[] = {
	"sendmsg", "recvmsg", "poll", "ppoll", "read", "pread64", "readv", "write", "writev",
	"close", "fstat", "stat", "lstat", "newfstatat", "statx", "lseek", "getdents64", "fcntl",
	"readlink", "readlinkat", "access", "faccessat", "faccessat2",
	"inotify_init1", "inotify_add_watch", "inotify_rm_watch",
	"brk", "munmap", "mremap", "madvise", "futex", "exit", "exit_group", "getpid", "gettid",
	"restart_syscall", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn",
	"clock_gettime", "gettimeofday", "time", "getrandom",
};

static const char *const deadly[] = {
	"execve", "execveat", "ptrace", "process_vm_readv", "process_vm_writev", "io_uring_setup",
	"bpf", "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load",
	"pidfd_getfd", "userfaultfd", "perf_event_open", "setns", "unshare", "mount", "pivot_root",
};

/* Those that a kernel or libseccomp does not know are not needed there. */
static int add(scmp_filter_ctx filter, uint32_t action, const char *const *names, size_t n)
{
	int ret = 0;

	for (size_t i = 0; i < n && !ret; i++) {
		int number = seccomp_syscall_resolve_name(names[i]);

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

static int add_reading(scmp_filter_ctx filter)
{
	const struct scmp_arg_cmp of_open =
		SCMP_A1(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY);
	const struct scmp_arg_cmp of_openat =
		SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY);

	return add(filter, SCMP_ACT_ALLOW, for_reading,
		   sizeof(for_reading) / sizeof(for_reading[0])) ?:
	       /* not every architecture has it */
	       (SCMP_SYS(open) < 0 ? 0 :
		seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(open), 1, &of_open)) ?:
	       seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1, &of_openat);
}

static int add_needed(scmp_filter_ctx filter)
{
	return add(filter, SCMP_ACT_ALLOW, needed, sizeof(needed) / sizeof(needed[0]));
}

static void install(int (*allow)(scmp_filter_ctx filter))
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int ret = filter ? seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) : -ENOMEM;

	if (!ret)
		ret = allow(filter) ?:
		      add(filter, SCMP_ACT_KILL_PROCESS, deadly,
			  sizeof(deadly) / sizeof(deadly[0])) ?:
		      add_memory(filter) ?: seccomp_load(filter);
	if (ret)
		log_warning("system calls could not be restricted (seccomp: %s): kseald goes on without",
			    strerror(-ret));
	seccomp_release(filter);
}

void filter_install(void)
{
	install(add_needed);
}

void filter_install_opener(void)
{
	install(add_reading);
}
