//go:build amd64 && !purego

#include "textflag.h"

// The tables of decodeBlocks. Each is one vector of 16 bytes, the first byte
// lowest. TestBlocks runs every character through every place.

// A character is judged by its two halves. classes maps the upper half to its
// class, a bit: 2_ is 01, 3_ is 02, 4_ and 6_ are 04, 5_ is 08, 7_ is 10, and all
// others are 20. refused maps the lower half to the classes in which it isn't a
// character of the alphabet. If the two have a bit in common, the character is wrong.
DATA classes<>+0(SB)/8, $0x1004080402012020
DATA classes<>+8(SB)/8, $0x2020202020202020
GLOBL classes<>(SB), RODATA|NOPTR, $16

DATA refused<>+0(SB)/8, $0x2121212121212125
DATA refused<>+8(SB)/8, $0x333b3a3b3b232121
GLOBL refused<>(SB), RODATA|NOPTR, $16

// offsets says what to add to a character to get its six bits, by its upper half:
// 17 for 2_ ('-'), 4 for 3_ (digits), -65 for 4_ and 5_ (A to Z), -71 for 6_ and 7_
// (a to z). '_' is among the capitals and gets 33 more.
DATA offsets<>+0(SB)/8, $0xb9b9bfbf04110000
DATA offsets<>+8(SB)/8, $0x0000000000000000
GLOBL offsets<>(SB), RODATA|NOPTR, $16

DATA halves<>+0(SB)/8, $0x0f0f0f0f0f0f0f0f
DATA halves<>+8(SB)/8, $0x0f0f0f0f0f0f0f0f
GLOBL halves<>(SB), RODATA|NOPTR, $16

DATA line<>+0(SB)/8, $0x5f5f5f5f5f5f5f5f // '_'
DATA line<>+8(SB)/8, $0x5f5f5f5f5f5f5f5f
GLOBL line<>(SB), RODATA|NOPTR, $16

DATA more<>+0(SB)/8, $0x2121212121212121 // 33
DATA more<>+8(SB)/8, $0x2121212121212121
GLOBL more<>(SB), RODATA|NOPTR, $16

// To join pairs: the first of two sextets counts 64 times, then the first of two
// words 4096 times.
DATA sextets<>+0(SB)/8, $0x0140014001400140
DATA sextets<>+8(SB)/8, $0x0140014001400140
GLOBL sextets<>(SB), RODATA|NOPTR, $16

DATA words<>+0(SB)/8, $0x0001100000011000
DATA words<>+8(SB)/8, $0x0001100000011000
GLOBL words<>(SB), RODATA|NOPTR, $16

// order turns four numbers of 24 bits, low byte first, into twelve bytes, high byte
// first.
DATA order<>+0(SB)/8, $0x090a040506000102
DATA order<>+8(SB)/8, $0x808080800c0d0e08
GLOBL order<>(SB), RODATA|NOPTR, $16

// func decodeBlocks(dst, src *byte, n int) bool
TEXT ·decodeBlocks(SB), NOSPLIT, $0-25
	MOVQ  dst+0(FP), DI
	MOVQ  src+8(FP), SI
	MOVQ  n+16(FP), CX
	MOVOU classes<>(SB), X6
	MOVOU refused<>(SB), X7
	MOVOU offsets<>(SB), X8
	MOVOU halves<>(SB), X9
	MOVOU line<>(SB), X10
	MOVOU more<>(SB), X11
	MOVOU sextets<>(SB), X12
	MOVOU words<>(SB), X13
	MOVOU order<>(SB), X14
	PXOR  X15, X15            // what was wrong so far

loop:
	MOVOU     (SI), X0
	MOVO      X0, X1
	PSRLL     $4, X1
	PAND      X9, X1          // upper halves
	MOVO      X0, X2
	PAND      X9, X2          // lower halves
	MOVO      X6, X3
	PSHUFB    X1, X3          // classes
	MOVO      X7, X4
	PSHUFB    X2, X4          // refused
	PAND      X4, X3
	POR       X3, X15
	MOVO      X8, X5
	PSHUFB    X1, X5          // offsets
	MOVO      X0, X4
	PCMPEQB   X10, X4
	PAND      X11, X4         // 33 where there is a '_'
	PADDB     X5, X0
	PADDB     X4, X0          // 16 sextets
	PMADDUBSW X12, X0         // 8 times 12 bits
	PMADDWL   X13, X0         // 4 times 24 bits
	PSHUFB    X14, X0         // 12 bytes, and 4 of zero
	MOVOU     X0, (DI)
	ADDQ      $16, SI
	ADDQ      $12, DI
	DECQ      CX
	JNZ       loop

	PXOR     X0, X0
	PCMPEQB  X15, X0
	PMOVMSKB X0, AX
	CMPL     AX, $0xffff
	SETEQ    ret+24(FP)
	RET

// func hasSSSE3() bool
TEXT ·hasSSSE3(SB), NOSPLIT, $0-1
	MOVL $1, AX
	XORL CX, CX
	CPUID
	SHRL $9, CX
	ANDL $1, CX
	MOVB CX, ret+0(FP)
	RET
