// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/perf_event.h>
#include "bench/watch.h"

#define CALIBRATION_NS 50000000u
#define NS 1e9

double watch_tick_ns(void)
{
	static double tick;
	uint64_t ns, ticks, now;

	if (tick > 0)
		return tick;
	ns = watch_ns();
	ticks = watch_ticks();
	do
		now = watch_ns();
	while (now - ns < CALIBRATION_NS);
	tick = (double)(now - ns) / (double)(watch_ticks() - ticks);
	return tick;
}

uint64_t watch_ticks_in(double seconds)
{
	return (uint64_t)(seconds * NS / watch_tick_ns());
}

int watch_pin(int cpu)
{
	cpu_set_t set;
	int i;

	if (cpu < 0) {
		if (sched_getaffinity(0, sizeof(set), &set))
			return -errno;
		for (i = 0; i < CPU_SETSIZE; i++)
			if (CPU_ISSET(i, &set))
				cpu = i;
	}
	if (cpu >= CPU_SETSIZE)
		return -EINVAL;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) ? -errno : cpu;
}

/* Nanoseconds in which the CPU had nothing to do. */
static uint64_t idle_ns(int cpu)
{
	unsigned long long user, nice, system, idle, wait;
	FILE *f = fopen("/proc/stat", "r");
	char line[512], format[64];
	uint64_t ns = 0;

	if (!f)
		return 0;
	snprintf(format, sizeof(format), "cpu%d %%llu %%llu %%llu %%llu %%llu", cpu);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, format, &user, &nice, &system, &idle, &wait) == 5)
			ns = (idle + wait) * (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK));
	fclose(f);
	return ns;
}

static uint64_t own_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Cycles that the CPU spent on this thread, the kernel's part included; 0: nobody counts them. */
static uint64_t cycles(void)
{
	static int fd = -2;
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE, .size = sizeof(attr),
		.config = PERF_COUNT_HW_CPU_CYCLES, .exclude_hv = 1, .inherit = 1,
	};
	uint64_t value;

	if (fd == -2)
		fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0 || read(fd, &value, sizeof(value)) != sizeof(value))
		return 0;
	return value;
}

void watch_start(struct watch *w, int cpu)
{
	w->cpu = cpu;
	w->cycles = cycles();
	w->idle = idle_ns(cpu);
	w->own_ns = own_ns();
	w->ns = watch_ns();
}

void watch_stop(const struct watch *w, struct sample *s)
{
	uint64_t ns = watch_ns(), own = own_ns(), idle = idle_ns(w->cpu), now = cycles();

	s->seconds = (double)(ns - w->ns) / NS;
	s->own_seconds = (double)(own - w->own_ns) / NS;
	s->idle_seconds = (double)(idle - w->idle) / NS;
	/* the two clocks differ by some ticks */
	if (s->idle_seconds > s->seconds)
		s->idle_seconds = s->seconds;
	s->cycles = (double)(now - w->cycles);
}
