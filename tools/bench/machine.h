/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where it was measured, and what that does to the figures. */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <jansson.h>

#define FACT_MAX 128
#define NOTE_MAX 1024

enum machine_kind {
	MACHINE_REAL,
	MACHINE_VIRTUAL,	/* a hypervisor that runs instructions as they are */
	MACHINE_UML,		/* User Mode Linux */
	MACHINE_EMULATED,	/* software that imitates a CPU */
	MACHINE_KINDS,
};

struct machine {
	enum machine_kind kind;
	char hypervisor[FACT_MAX];	/* "" on real hardware */
	char cpu[FACT_MAX], kernel[FACT_MAX], date[FACT_MAX];
	char kseal[FACT_MAX];		/* the module's version, "" not loaded */
	char openssl[FACT_MAX];
	char kseal_gcm[FACT_MAX];	/* what it does AES-GCM with: its parameter gcm */
	char gcm[FACT_MAX];		/* the kernel's fastest gcm(aes), "" not known yet */
	double gcm_priority;
	double gcm_fast;		/* 1: by the CPU's own instructions */
	double cpus, memory_bytes;
	double pinned;			/* the CPU that everything ran on */
	double debugging;		/* 1: the kernel checks itself */
	double syscall_ns;		/* what a system call costs that does nothing */
};

void machine_read(struct machine *m);

/* What /proc/crypto has for gcm(aes) now: the kernel makes some of it when it is first used. */
void machine_read_gcm(struct machine *m);

/* "User Mode Linux on KVM". Returns text. */
const char *machine_where(const struct machine *m, char text[2 * FACT_MAX]);

/*
 * One of the things that a reader of the figures has to know, or NULL when i is past the
 * last one. Returns text.
 */
const char *machine_note(const struct machine *m, size_t i, char text[NOTE_MAX]);

/* As a JSON object, and from one; what is missing stays empty. */
json_t *machine_save(const struct machine *m);
void machine_load(struct machine *m, const json_t *object);

#endif
