/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file of the source as text in the program: TEXT_OF(name, path) declares name[]. */
#ifndef KSEAL_EMBED_H
#define KSEAL_EMBED_H

#define TEXT_OF(name, path)						\
	__asm__(".pushsection .rodata\n" #name ": .incbin \"" path "\"\n"	\
		".byte 0\n.popsection\n");				\
	extern const char name[]

#endif
