// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * helper/filter.c: what each program may still ask of the kernel once its filter is there,
 * and what becomes of it. Each call is tried in a process of its own, with arguments that do
 * nothing; without a filter too, to see that it is the filter who refuses.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include "filter.h"
#include "place.h"
#include "tap.h"

static const char *const programs[] = {
	"kseald", "the opener", "kseald-keys", "the keeper", "the signer", "who has no filter",
};

enum { NOBODY = sizeof(programs) / sizeof(programs[0]) - 1 };

/* of a try: the errno, or these; that of another signal is THE_SIGNAL and its number */
#define WENT		0
#define THE_SIGNAL	1000
#define KILLED		(THE_SIGNAL + SIGSYS)
/* anything but EPERM or a signal */
#define NOT_REFUSED	-1

static void confine(int program)
{
	switch (program) {
	case 0:
		filter_install(FILTER_KSEALD);
		break;
	case 1:
		filter_install(FILTER_OPENER);
		break;
	case 2:
		filter_install(FILTER_KSEALD_KEYS);
		break;
	case 3:
		filter_install_keeper();
		break;
	case 4:
		/* one behind the other, as they come to it */
		filter_install_keeper();
		filter_install_signer();
		break;
	}
}

/* prepare: before the filter; what it returns is what call() is given then. */
static int try(int program, long (*prepare)(void), long (*call)(const long *with), const long *with)
{
	const struct rlimit none = { 0, 0 };
	pid_t pid = fork(), self;
	int status;

	if (!pid) {
		long prepared = prepare ? prepare() : 0, ret;

		self = getpid();
		alarm(20);
		setrlimit(RLIMIT_CORE, &none);
		confine(program);
		ret = call(prepare ? &prepared : with);
		/* of a child of a child nothing is expected */
		if (syscall(SYS_getpid) != self)
			_exit(0);
		_exit(ret < 0 ? errno : 0);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFSIGNALED(status) ? THE_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status);
}

static int wanted_of(char letter)
{
	switch (letter) {
	case '-':
		return EPERM;
	case 'x':
		return KILLED;
	case 'n':
		return ENOSYS;
	default:
		return NOT_REFUSED;
	}
}

static bool is_as(int got, int wanted)
{
	return wanted == NOT_REFUSED ? got != EPERM && got < THE_SIGNAL : got == wanted;
}

/* ---- calls by their number ---- */

struct probe {
	const char *name;
	/*
	 * A letter for each program: + goes, - is refused, x is the end of it, n is unknown.
	 * ? in the end: the kernel itself may refuse it to who has no rights.
	 */
	const char *wanted;
	long number;
	long with[6];
};

/* no file of that name, no descriptor of that number, or no memory there */
#define NONE	((long)"/nonexistent/none")
#define BAD	-1L
#define RW	(PROT_READ | PROT_WRITE)
#define OWN	(MAP_PRIVATE | MAP_ANONYMOUS)

#define P(name, wanted, call, ...)	{ name, wanted, SYS_##call, { __VA_ARGS__ } }

static const struct probe probes[] = {
	/* other programs, other processes' memory, the kernel */
	P("execve()", "xxx--", execve, 0, 0, 0),
	P("execveat()", "xxx--", execveat, BAD, 0, 0, 0, 0),
	P("ptrace()", "xxx--", ptrace, PTRACE_DETACH, INT_MAX),
	P("process_vm_readv()", "xxx--", process_vm_readv, INT_MAX),
	P("process_vm_writev()", "xxx--", process_vm_writev, INT_MAX),
	P("io_uring_setup()", "xxx--?", io_uring_setup, 0, 0),
	P("bpf()", "xxx--?", bpf, BAD, 0, 0),
	P("init_module()", "xxx--?", init_module, 0, 0, 0),
	P("finit_module()", "xxx--?", finit_module, BAD, 0, 0),
	P("delete_module()", "xxx--?", delete_module, 0, 0),
	P("kexec_load()", "xxx--?", kexec_load, 0, 0, 0, BAD),
	P("pidfd_getfd()", "xxx--", pidfd_getfd, BAD, 0, 0),
	P("userfaultfd()", "xxx--?", userfaultfd, BAD),
	P("perf_event_open()", "xxx--?", perf_event_open, 0, 0, 0, BAD, 0),
	P("setns()", "xxx--", setns, BAD, 0),
	P("unshare()", "xxx--", unshare, 0),
	P("mount()", "xxx--?", mount, 0, 0, 0, 0, 0),
	P("pivot_root()", "xxx--?", pivot_root, 0, 0),
	/* processes */
	P("clone(), of a process", "---+-", clone, SIGCHLD, 0, 0, 0, 0),
	P("clone3()", "---+n", clone3, 0, 0),
#ifdef SYS_fork
	P("fork()", "---+-", fork),
#endif
	P("kill()", "+-+++", kill, INT_MAX, 0),
	P("prctl()", "---++", prctl, PR_GET_DUMPABLE),
	P("setresuid()", "---++", setresuid, -1, -1, -1),
	P("setgroups()", "---++?", setgroups, INT_MAX, 0),
	P("capset()", "---++", capset, 0, 0),
	P("chroot()", "---++?", chroot, NONE),
	P("keyctl()", "---++", keyctl, INT_MAX),
	P("personality()", "---++", personality, 0xffffffff),
	/* memory */
	P("mmap()", "+++++", mmap, 0, 4096, RW, OWN, BAD, 0),
	P("mmap() to execute", "---++", mmap, 0, 4096, PROT_READ | PROT_EXEC, OWN, BAD, 0),
	P("mmap() to write and execute", "---++", mmap, 0, 4096, RW | PROT_EXEC, OWN, BAD, 0),
	P("mprotect()", "+++++", mprotect, 4096, 4096, PROT_READ),
	P("mprotect() to execute", "---++", mprotect, 4096, 4096, PROT_READ | PROT_EXEC),
	P("pkey_mprotect()", "---++", pkey_mprotect, 4096, 4096, PROT_EXEC, BAD),
	P("memfd_create()", "---++", memfd_create, 0, 0),
	P("shmat()", "---++", shmat, BAD, 0, SHM_EXEC),
	P("munlockall()", "---++", munlockall),
	P("brk()", "+++++", brk, 0),
	/* sockets */
	P("a socket of unix", "--+++", socket, AF_UNIX, SOCK_STREAM, 0),
	P("a socket of IPv4", "--+++", socket, AF_INET, SOCK_STREAM, 0),
	P("a socket of IPv6", "--+++", socket, AF_INET6, SOCK_STREAM, 0),
	P("a socket of netlink", "---++", socket, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE),
	P("a socket of packets", "---++?", socket, AF_PACKET, SOCK_RAW, 0),
	P("a pair of sockets", "---++", socketpair, AF_UNIX, SOCK_STREAM, 0, 0),
	P("connect()", "--+++", connect, BAD, 0, 0),
	P("setsockopt()", "--+++", setsockopt, BAD, 0, 0, 0, 0),
	P("bind()", "---++", bind, BAD, 0, 0),
	P("listen()", "---++", listen, BAD, 0),
	P("accept4()", "---++", accept4, BAD, 0, 0, 0),
	P("sendmsg()", "+++++", sendmsg, BAD, 0, 0),
	P("recvmsg()", "+++++", recvmsg, BAD, 0, 0),
	P("ioctl() for what can be read", "--+++", ioctl, BAD, FIONREAD, 0),
	P("ioctl() for another's terminal", "---++", ioctl, BAD, TIOCSTI, 0),
	/* files */
	P("a file to read", "+++++", openat, BAD, NONE, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW),
	P("a file to write", "+-+++", openat, BAD, NONE, O_WRONLY),
	P("a file to read and write", "+-+++", openat, BAD, NONE, O_RDWR),
	P("a file with both bits", "+-+++", openat, BAD, NONE, O_ACCMODE),
	P("a file that is made", "+-+++", openat, BAD, NONE, O_RDONLY | O_CREAT, 0600),
	P("a file that is emptied", "+-+++", openat, BAD, NONE, O_RDONLY | O_TRUNC),
#ifdef SYS_open
	P("open() to read", "+++++", open, NONE, O_RDONLY | O_CLOEXEC),
	P("open() to write", "+-+++", open, NONE, O_WRONLY),
	P("open() that makes", "+-+++", open, NONE, O_RDONLY | O_CREAT, 0600),
	P("creat()", "---++", creat, NONE, 0600),
#endif
	P("openat2()", "---++", openat2, BAD, 0, 0, 0),
	P("open_by_handle_at()", "---++?", open_by_handle_at, BAD, 0, 0),
	P("truncate()", "---++", truncate, NONE, 0),
	P("ftruncate()", "---++", ftruncate, BAD, 0),
	P("renameat2()", "+-+++", renameat2, BAD, NONE, BAD, NONE, 0),
	P("unlinkat()", "+-+++", unlinkat, BAD, NONE, 0),
	P("fchmod()", "+-+++", fchmod, BAD, 0),
	P("fchmodat()", "---++", fchmodat, BAD, NONE, 0),
	P("fchownat()", "---++", fchownat, BAD, NONE, 0, 0, 0),
	P("mkdirat()", "---++", mkdirat, BAD, NONE, 0),
	P("linkat()", "---++", linkat, BAD, NONE, BAD, NONE, 0),
	P("symlinkat()", "---++", symlinkat, NONE, BAD, NONE),
	P("mknodat()", "---++", mknodat, BAD, NONE, S_IFIFO, 0),
	P("fsync()", "--+++", fsync, BAD),
	P("flock()", "--+++", flock, BAD, 0),
	P("inotify_add_watch()", "++-++", inotify_add_watch, BAD, NONE, 0),
	P("getdents64()", "+++++", getdents64, BAD, 0, 0),
	/* the loop */
	P("io_uring_enter()", "+--++", io_uring_enter, BAD, 0, 0, 0, 0, 0),
	P("io_uring_register()", "+--++", io_uring_register, BAD, 0, 0, 0),
	P("poll()", "+++++", ppoll, 0, INT_MAX, 0, 0, 0),
	P("futex()", "+++++", futex, 0, INT_MAX),
#ifdef __x86_64__
	/* the same number is another call there */
	{ "a call of x32", "xxxxx", 0x40000000 | 39, { 0 } },
#endif
};

static const struct probe *probe;

static long by_number(const long *with)
{
	return syscall(probe->number, with[0], with[1], with[2], with[3], with[4], with[5]);
}

/* As wanted, by each of the programs; without a filter it is not what a filter does. */
static void each(const char *name, const char *wanted, long (*prepare)(void),
		 long (*call)(const long *with), const long *with)
{
	bool may_be_refused = strchr(wanted, '?') && geteuid(), good = true;

	for (int i = 0; i <= NOBODY; i++) {
		int want = wanted_of(i < NOBODY ? wanted[i] : '+'), got = try(i, prepare, call, with);

		if (is_as(got, want) || (want == NOT_REFUSED && got == EPERM && may_be_refused))
			continue;
		good = false;
		note("%s: %s got %s%d", name, programs[i], got > THE_SIGNAL ? "signal " : "errno ",
		     got % THE_SIGNAL);
	}
	ok(good, "%s: %.5s", name, wanted);
}

/* ---- calls that need more ---- */

static void *nothing(void *arg)
{
	return arg;
}

static long thread(const long *with)
{
	pthread_t id;

	(void)with;
	errno = pthread_create(&id, NULL, nothing, NULL);
	return errno ? -1 : pthread_join(id, NULL);
}

/* One that was there before the filter: how it got on goes through the pipes. */
static int to_thread[2], from_thread[2];

static void *forbidden(void *arg)
{
	char error = 0;

	if (read(to_thread[0], &error, 1) != 1)
		return NULL;
	error = syscall(SYS_memfd_create, 0, 0) < 0 ? (char)errno : 0;
	return write(from_thread[1], &error, 1) == 1 ? NULL : arg;
}

static long start_thread(void)
{
	pthread_t id;

	if (pipe(to_thread) || pipe(from_thread) || pthread_create(&id, NULL, forbidden, NULL))
		abort();
	return 0;
}

static long in_thread(const long *with)
{
	char error = 0;

	if (write(to_thread[1], &error, 1) != 1 || read(from_thread[0], &error, 1) != 1)
		return 0;
	errno = error;
	return *with - (error != 0);
}

/* A netlink socket that is there already: nothing is asked of it but an answer. */
static long open_netlink(void)
{
	return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
}

static long use_netlink(const long *fd)
{
	const struct nlmsghdr ask = {
		.nlmsg_len = sizeof(ask), .nlmsg_type = NLMSG_NOOP, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
	};
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
	} got = { 0 };
	struct iovec iov = { &got, sizeof(got) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (send((int)*fd, &ask, sizeof(ask), 0) < 0 || recvmsg((int)*fd, &msg, 0) < 0)
		return -1;
	/* which no try expects */
	errno = THE_SIGNAL;
	return got.header.nlmsg_type == NLMSG_ERROR && !got.error.error ? 0 : -1;
}

static long read_file(const long *with)
{
	char got[8] = "";
	int fd = open(path_of("file"), O_RDONLY | O_CLOEXEC);

	(void)with;
	if (fd < 0 || read(fd, got, sizeof(got)) < 0 || close(fd))
		return -1;
	errno = EPERM;
	return strcmp(got, "text") ? -1 : 0;
}

static long write_and_rename(const long *with)
{
	int fd = open(path_of("new"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	(void)with;
	return fd < 0 || write(fd, "text", 4) != 4 || close(fd) ?
	       -1 : rename(path_of("new"), path_of("file"));
}

#ifdef __x86_64__
/* getpid() as i386 has it; where the kernel has no i386, the processor has no such gate */
static long of_i386(const long *with)
{
	long number = 20;

	(void)with;
	__asm__ volatile ("int $0x80" : "+a"(number) : : "memory", "r8", "r9", "r10", "r11");
	return number;
}
#endif

int main(void)
{
	const unsigned int action = SECCOMP_RET_KILL_PROCESS;

	if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action)) {
		printf("1..0 # SKIP the kernel has no filters\n");
		return 4;
	}
	if (!mkdtemp(dir))
		return 1;
	write_file("file", "text");
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
		probe = &probes[i];
		each(probe->name, probe->wanted, NULL, by_number, probe->with);
	}
	each("a thread", "---++", NULL, thread, NULL);
	each("a thread that was there before", "---++", start_thread, in_thread, NULL);
	each("a message by netlink, and its answer", "+++++", open_netlink, use_netlink, NULL);
	each("a file is read", "+++++", NULL, read_file, NULL);
	each("a file is written and renamed", "+-+++", NULL, write_and_rename, NULL);
#ifdef __x86_64__
	if (try(NOBODY, NULL, of_i386, NULL) == WENT)
		each("a call of i386", "xxxxx", NULL, of_i386, NULL);
#endif
	remove(path_of("new"));
	remove(path_of("file"));
	return rmdir(dir) || done_testing();
}
