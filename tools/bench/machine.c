// SPDX-License-Identifier: GPL-2.0-or-later
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include <openssl/crypto.h>
#include "bench/machine.h"
#include "bench/watch.h"
#include "text.h"

#define SYSCALLS 500
#define TRIES 10

static const char *const kinds[MACHINE_KINDS] = {
	[MACHINE_REAL] = "real", [MACHINE_VIRTUAL] = "virtual", [MACHINE_UML] = "uml",
	[MACHINE_EMULATED] = "emulated",
};

static void set(char to[FACT_MAX], const char *text)
{
	snprintf(to, FACT_MAX, "%s", text);
}

/* The first line of a file, without its newline; "" if there is none. */
static void read_line(const char *path, char line[FACT_MAX])
{
	FILE *f = fopen(path, "r");

	line[0] = '\0';
	if (!f)
		return;
	if (fgets(line, FACT_MAX, f))
		line[strcspn(line, "\n")] = '\0';
	fclose(f);
}

/* The value of "key : value" in /proc/cpuinfo, or "". */
static void read_cpuinfo(const char *key, char value[FACT_MAX])
{
	FILE *f = fopen("/proc/cpuinfo", "r");
	char line[4096], *colon;

	value[0] = '\0';
	while (f && !value[0] && fgets(line, sizeof(line), f)) {
		colon = strchr(line, ':');
		if (!colon || strncmp(line, key, strlen(key)))
			continue;
		colon += strspn(colon, ": ");
		colon[strcspn(colon, "\n")] = '\0';
		set(value, colon);
	}
	if (f)
		fclose(f);
}

#if defined(__x86_64__)
/* The CPU itself is asked: User Mode Linux tells no model. */
static void read_cpu(struct machine *m)
{
	unsigned int a, b, c, d, leaf;
	char brand[49] = "", *start = brand;

	for (leaf = 0; leaf < 3; leaf++) {
		if (!__get_cpuid(0x80000002 + leaf, &a, &b, &c, &d))
			break;
		memcpy(brand + 16 * leaf, (unsigned int[]){ a, b, c, d }, 16);
	}
	start += strspn(start, " ");
	set(m->cpu, start);
	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c >> 31))
		return;
	__cpuid(0x40000000, a, b, c, d);
	memset(m->hypervisor, 0, sizeof(m->hypervisor));
	memcpy(m->hypervisor, (unsigned int[]){ b, c, d }, 12);
}
#else
static void read_cpu(struct machine *m)
{
	char vendor[FACT_MAX];

	read_cpuinfo("model name", m->cpu);
	read_line("/sys/hypervisor/type", m->hypervisor);
	read_line("/sys/class/dmi/id/sys_vendor", vendor);
	if (!m->hypervisor[0] && !strcmp(vendor, "QEMU"))
		set(m->hypervisor, "QEMU");
}
#endif

static void name_hypervisor(struct machine *m)
{
	static const struct { const char *id, *name; } known[] = {
		{ "KVMKVMKVM", "KVM" }, { "TCGTCGTCGTCG", "QEMU without KVM" },
		{ "Microsoft Hv", "Hyper-V" }, { "VMwareVMware", "VMware" },
		{ "XenVMMXenVMM", "Xen" }, { "bhyve bhyve ", "bhyve" },
	};
	const char *accel = getenv("KSEAL_VM_ACCEL");
	char vendor[FACT_MAX];
	size_t i;

	read_cpuinfo("vendor_id", vendor);
	m->kind = m->hypervisor[0] ? MACHINE_VIRTUAL : MACHINE_REAL;
	/* the guests' runner knows, whatever the emulated CPU says of itself */
	if (!strcmp(m->hypervisor, "TCGTCGTCGTCG") || (accel && !strcmp(accel, "tcg")))
		m->kind = MACHINE_EMULATED;
	else if (!strcmp(vendor, "User Mode Linux"))
		m->kind = MACHINE_UML;
	for (i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (!strcmp(m->hypervisor, known[i].id))
			set(m->hypervisor, known[i].name);
}

/* The least of some tries: what disturbs only adds. */
static double syscall_ns(void)
{
	double ns, least = 0;
	uint64_t start;
	int i, try;

	for (try = 0; try < TRIES; try++) {
		start = watch_ns();
		for (i = 0; i < SYSCALLS; i++)
			syscall(SYS_getppid);
		ns = (double)(watch_ns() - start) / SYSCALLS;
		if (!try || ns < least)
			least = ns;
	}
	return least;
}

void machine_read(struct machine *m)
{
	time_t now = time(NULL);
	struct utsname u;
	struct tm tm;

	memset(m, 0, sizeof(*m));
	if (!uname(&u))
		snprintf(m->kernel, FACT_MAX, "%.20s %.60s %.20s", u.sysname, u.release, u.machine);
	if (gmtime_r(&now, &tm))
		strftime(m->date, FACT_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm);
	read_cpu(m);
	name_hypervisor(m);
	read_line("/sys/module/kseal/version", m->kseal);
	read_line("/sys/module/kseal/parameters/gcm", m->kseal_gcm);
	set(m->openssl, OpenSSL_version(OPENSSL_VERSION));
	m->cpus = (double)sysconf(_SC_NPROCESSORS_ONLN);
	m->memory_bytes = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
	m->debugging = !access("/proc/lockdep_stats", F_OK) ||
		       !access("/sys/kernel/debug/kmemleak", F_OK);
	m->syscall_ns = syscall_ns();
	machine_read_gcm(m);
}

/* Plain C is forty times slower than what CPUs have instructions for. */
static bool by_instructions(const char *driver)
{
	static const char *const words[] = {
		"aesni", "vaes", "avx", "-ce", "neon", "s390", "p8", "p10", "zvk",
	};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strstr(driver, words[i]))
			return true;
	return false;
}

void machine_read_gcm(struct machine *m)
{
	FILE *f = fopen("/proc/crypto", "r");
	char line[256], name[FACT_MAX] = "", driver[FACT_MAX] = "", value[FACT_MAX];
	double priority;

	m->gcm_priority = -1;
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "name : %127s", value) == 1)
			set(name, value);
		else if (sscanf(line, "driver : %127s", value) == 1)
			set(driver, value);
		else if (sscanf(line, "priority : %lf", &priority) == 1 &&
			 !strcmp(name, "gcm(aes)") && priority > m->gcm_priority) {
			set(m->gcm, driver);
			m->gcm_priority = priority;
		}
	}
	if (f)
		fclose(f);
	m->gcm_fast = by_instructions(m->gcm);
}

const char *machine_where(const struct machine *m, char text[2 * FACT_MAX])
{
	const char *h = m->hypervisor;

	switch (m->kind) {
	case MACHINE_UML:
		snprintf(text, 2 * FACT_MAX, "User Mode Linux%s%s", h[0] ? " on " : "", h);
		break;
	case MACHINE_EMULATED:
		snprintf(text, 2 * FACT_MAX, "emulated in software%s%s%s", h[0] ? " (" : "", h,
			 h[0] ? ")" : "");
		break;
	case MACHINE_VIRTUAL:
		snprintf(text, 2 * FACT_MAX, "virtual machine (%s)", h);
		break;
	default:
		snprintf(text, 2 * FACT_MAX, "real hardware");
	}
	return text;
}

static const char *kind_note(const struct machine *m, char text[NOTE_MAX])
{
	switch (m->kind) {
	case MACHINE_UML:
		snprintf(text, NOTE_MAX, "The kernel runs as a process, its code at the CPU's own speed; a "
			 "system call costs %.1f µs, many times what it costs elsewhere. So the "
			 "figures of large calls hold; round trips and connections are mostly system "
			 "calls, and small differences in them vanish.", m->syscall_ns / 1e3);
		return text;
	case MACHINE_EMULATED:
		return "THE CPU IS EMULATED IN SOFTWARE: these figures say how well the emulator "
		       "imitates each instruction, and nothing about any of the stacks.";
	case MACHINE_VIRTUAL:
		return "A virtual machine: instructions run at the CPU's own speed; others on the same "
		       "host may disturb, which the spread shows.";
	default:
		return "Real hardware: turbo and other programs may disturb, which the spread shows.";
	}
}

const char *machine_note(const struct machine *m, size_t i, char text[NOTE_MAX])
{
	if (i-- == 0)
		return kind_note(m, text);
	if (m->debugging && i-- == 0)
		return "THIS KERNEL CHECKS ITSELF (lockdep, kmemleak or the like): the figures say "
		       "nothing about a production kernel.";
	if (m->gcm[0] && !m->gcm_fast && i-- == 0)
		return "THE KERNEL'S AES-GCM IS PLAIN C, so mainline's tls is not at its full strength: the "
		       "cipher is nearly all of its cost. Load the CPU's (modprobe aesni_intel).";
	return NULL;
}

/* ---- JSON ---- */

#define TEXT(name) { #name, true, offsetof(struct machine, name) }
#define NUMBER(name) { #name, false, offsetof(struct machine, name) }

static const struct fact {
	const char *key;
	bool text;
	size_t offset;
} facts[] = {
	TEXT(cpu), TEXT(hypervisor), TEXT(kernel), TEXT(date), TEXT(kseal), TEXT(openssl),
	TEXT(kseal_gcm), TEXT(gcm), NUMBER(gcm_priority), NUMBER(gcm_fast), NUMBER(cpus), NUMBER(memory_bytes),
	NUMBER(pinned), NUMBER(debugging), NUMBER(syscall_ns),
};

#define FACTS (sizeof(facts) / sizeof(*facts))

json_t *machine_save(const struct machine *m)
{
	json_t *object = json_pack("{s:s}", "kind", kinds[m->kind]);
	const void *at;
	size_t i;

	for (i = 0; i < FACTS; i++) {
		at = (const char *)m + facts[i].offset;
		json_object_set_new(object, facts[i].key,
				    facts[i].text ? json_string(at) :
						    json_real(*(const double *)at));
	}
	return object;
}

/* What a file says is shown on a terminal. */
static void set_safely(char to[FACT_MAX], const char *text)
{
	char *safe = text_escape(text);

	set(to, safe ? safe : "");
	free(safe);
}

void machine_load(struct machine *m, const json_t *object)
{
	const char *kind = json_string_value(json_object_get(object, "kind"));
	const json_t *value;
	size_t i;
	void *at;

	memset(m, 0, sizeof(*m));
	for (i = 0; kind && i < MACHINE_KINDS; i++)
		if (!strcmp(kinds[i], kind))
			m->kind = i;
	for (i = 0; i < FACTS; i++) {
		value = json_object_get(object, facts[i].key);
		at = (char *)m + facts[i].offset;
		if (facts[i].text && json_is_string(value))
			set_safely(at, json_string_value(value));
		else if (!facts[i].text && json_is_number(value))
			*(double *)at = json_number_value(value);
	}
}
