# SPDX-License-Identifier: GPL-2.0-or-later
#
# make              the module (for the running kernel, or KDIR=), kseald, kseal
# make demo         a real file over TLS, sealed in a guest kernel, with curl
# make check        lint and all tests, in guests; the last line says how many passed
# make check-long   what takes too long for that: mainline's own test as a whole, in all guests
# make bench        kseal, mainline's TLS and plain TCP in turns, in one guest: bench/bench.json, bench/bench.html
#                   (BENCH= has options of kseal bench, as in BENCH=--quick; BENCH_VM="-r host" another kernel)
# make lint         sparse, checkpatch, shellcheck, sizes of files and functions
# make install      programs, library, man pages, unit, and the module by DKMS
#
# Debian packages that any of these needs are installed first where we are root;
# AUTO_INSTALL=0 only names them.

KDIR ?= /lib/modules/$(shell uname -r)/build
PREFIX ?= /usr/local
VERSION := $(shell cat VERSION)
GIT_VERSION := $(shell git describe --tags --dirty --always 2>/dev/null || echo $(VERSION))
export PREFIX DESTDIR
MODULE_FILES := Kbuild kmod include dkms.conf VERSION
DKMS_DIR := $(DESTDIR)/usr/src/kseal-$(VERSION)

all: module programs

module: build-packages
	@test -e $(KDIR)/Makefile || { \
		echo "make: no headers of a kernel in $(KDIR), so the module cannot be built."; \
		echo "make: install linux-headers-$(shell uname -r), or name a build tree with KDIR=,"; \
		echo "make: or build the programs alone: make programs"; exit 1; } >&2
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules

# on all CPUs, unless make was told otherwise
JOBS = $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))
programs: build-packages
	$(MAKE) $(JOBS) -C helper VERSION='$(GIT_VERSION)'
	$(MAKE) $(JOBS) -C tools KSEAL_VERSION='$(GIT_VERSION)'

helper tools: build-packages
	$(MAKE) -C $@

build-packages demo-packages check-packages bench-packages:
	@selftests/packages.sh $@

demo: demo-packages programs
	@selftests/demo-guest.sh

check: check-packages programs
	@selftests/check.sh

check-long: check-packages programs
	@selftests/check-long.sh

bench: bench-packages programs
	@selftests/bench-guest.sh

lint: check-packages
	@selftests/lint.sh

install: programs
	$(MAKE) -C helper install VERSION='$(GIT_VERSION)'
	$(MAKE) -C tools install KSEAL_VERSION='$(GIT_VERSION)'
	@# nothing of an older version, nothing that was built here, for another kernel
	rm -rf $(DKMS_DIR)
	install -d $(DKMS_DIR)
	tar -c --exclude='*.o' --exclude='.*' $(MODULE_FILES) | tar -x -C $(DKMS_DIR)
	@echo
	@echo "The programs are in $(DESTDIR)$(PREFIX), the module's source in $(DKMS_DIR). Now:"
	@echo "  apt-get install dkms linux-headers-$(shell uname -r)"
	@echo "  dkms install kseal/$(VERSION) && modprobe kseal"
	@echo "If DKMS has kseal/$(VERSION) already, first: dkms remove kseal/$(VERSION) --all"

modules_install:
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules_install

clean:
	$(MAKE) -C helper clean
	$(MAKE) -C tools clean
	-$(MAKE) -C selftests/unit clean
	-$(MAKE) -C selftests clean
	find kmod -name '*.o' -o -name '.*.cmd' | xargs rm -f
	rm -f kseal.ko kseal.mod kseal.mod.c *.o .*.o .*.cmd modules.order Module.symvers

.PHONY: all module programs helper tools build-packages demo-packages check-packages bench-packages demo check check-long bench \
	lint install modules_install clean
