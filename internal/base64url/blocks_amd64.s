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

// The tables of encodeBlocks.

// spread copies three bytes abc to bacb, for each of the four words. A word then has
// the four sextets at places from which one multiplication each brings two of them
// down to a byte of their own.
DATA spread<>+0(SB)/8, $0x0405030401020001
DATA spread<>+8(SB)/8, $0x0a0b090a07080607
GLOBL spread<>(SB), RODATA|NOPTR, $16

DATA odd<>+0(SB)/8, $0x0fc0fc000fc0fc00 // the first and the third sextet
DATA odd<>+8(SB)/8, $0x0fc0fc000fc0fc00
GLOBL odd<>(SB), RODATA|NOPTR, $16

DATA down<>+0(SB)/8, $0x0400004004000040 // times 2^6 and 2^10, of which the upper half counts
DATA down<>+8(SB)/8, $0x0400004004000040
GLOBL down<>(SB), RODATA|NOPTR, $16

DATA even<>+0(SB)/8, $0x003f03f0003f03f0 // the second and the fourth
DATA even<>+8(SB)/8, $0x003f03f0003f03f0
GLOBL even<>(SB), RODATA|NOPTR, $16

DATA up<>+0(SB)/8, $0x0100001001000010 // times 2^4 and 2^8
DATA up<>+8(SB)/8, $0x0100001001000010
GLOBL up<>(SB), RODATA|NOPTR, $16

DATA letters<>+0(SB)/8, $0x3333333333333333 // 51, the last that is a letter
DATA letters<>+8(SB)/8, $0x3333333333333333
GLOBL letters<>(SB), RODATA|NOPTR, $16

DATA small<>+0(SB)/8, $0x1a1a1a1a1a1a1a1a // 26, the first that is a small letter
DATA small<>+8(SB)/8, $0x1a1a1a1a1a1a1a1a
GLOBL small<>(SB), RODATA|NOPTR, $16

DATA capitals<>+0(SB)/8, $0x0d0d0d0d0d0d0d0d // 13, where characters has the capitals
DATA capitals<>+8(SB)/8, $0x0d0d0d0d0d0d0d0d
GLOBL capitals<>(SB), RODATA|NOPTR, $16

// characters says what to add to a sextet to get its character: 71 for small letters
// (0), -4 for digits (1 to 10), -17 for '-' (11), 32 for '_' (12) and 65 for capitals
// (13).
DATA characters<>+0(SB)/8, $0xfcfcfcfcfcfcfc47
DATA characters<>+8(SB)/8, $0x00004120effcfcfc
GLOBL characters<>(SB), RODATA|NOPTR, $16

// func encodeBlocks(dst, src *byte, n int)
TEXT ·encodeBlocks(SB), NOSPLIT, $0-24
	MOVQ  dst+0(FP), DI
	MOVQ  src+8(FP), SI
	MOVQ  n+16(FP), CX
	MOVOU spread<>(SB), X6
	MOVOU odd<>(SB), X7
	MOVOU down<>(SB), X8
	MOVOU even<>(SB), X9
	MOVOU up<>(SB), X10
	MOVOU letters<>(SB), X11
	MOVOU small<>(SB), X12
	MOVOU capitals<>(SB), X13
	MOVOU characters<>(SB), X14

block:
	MOVOU   (SI), X0
	PSHUFB  X6, X0
	MOVO    X0, X1
	PAND    X7, X0
	PMULHUW X8, X0
	PAND    X9, X1
	PMULLW  X10, X1
	POR     X1, X0          // 16 sextets
	MOVO    X0, X2
	PSUBUSB X11, X2         // 0 for letters, 1 to 12 for the others
	MOVO    X12, X3
	PCMPGTB X0, X3
	PAND    X13, X3
	POR     X3, X2          // 13 for capitals
	MOVO    X14, X4
	PSHUFB  X2, X4
	PADDB   X4, X0          // 16 characters
	MOVOU   X0, (DI)
	ADDQ    $12, SI
	ADDQ    $16, DI
	DECQ    CX
	JNZ     block
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
