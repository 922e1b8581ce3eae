// The kernels of fp_kernels.h for x86-64 with BMI2 (mulx) and ADX (adcx, adox).
//
// mulx leaves the flags alone, and adcx and adox carry through different flags, so the low and the
// high halves of a row of products are added in two chains at once.
//
// Every product is summed row by row, the multiplier's lowest limb first, and after each row the
// lowest limb of the sum is made zero by a multiple of p and dropped (Montgomery). A sum of several
// products is reduced once: Longa, "Efficient algorithms for large prime characteristic fields and
// their application to bilinear pairings" (TCHES 2023/3), algorithm 2. Bound for n products of
// reduced numbers: the running sum stays below (n + 1) p 2^64 + (n + 1) p < 2^448, 7 limbs, and the
// result is below (n p^2 + p R) / R = (1 + n p / R) p < 2 p for n <= 8, so one subtraction is
// enough.
//
// No branch, no index and no instruction whose time depends on the operands.

#if defined(__x86_64__) && defined(__linux__)

    .section .rodata
    .balign 64
.Lp:
    .quad 0xb9feffffffffaaab
    .quad 0x1eabfffeb153ffff
    .quad 0x6730d2a0f6b0f624
    .quad 0x64774b84f38512bf
    .quad 0x4b1ba7b6434bacd7
    .quad 0x1a0111ea397fe69a
.Ln0:  // -1 / p mod 2^128.
    .quad 0x89f3fffcfffcfffd
.Ln1:
    .quad 0x286adb92d9d113e8

    .text

// ---- Rows. %rax and %rbx are scratch, %rdx is the multiplier, %rbp is 0. ----

// (t6 .. t0) = a * rdx, for a at `a`.
.macro FIRST_ROW a, off, t0, t1, t2, t3, t4, t5, t6
    mulxq \off+0(\a), \t0, \t1
    mulxq \off+8(\a), %rax, \t2
    addq %rax, \t1
    mulxq \off+16(\a), %rax, \t3
    adcq %rax, \t2
    mulxq \off+24(\a), %rax, \t4
    adcq %rax, \t3
    mulxq \off+32(\a), %rax, \t5
    adcq %rax, \t4
    mulxq \off+40(\a), %rax, \t6
    adcq %rax, \t5
    adcq $0, \t6
.endm

// (t6 .. t0) += a * rdx; the sum must fit.
.macro ADD_ROW a, off, t0, t1, t2, t3, t4, t5, t6
    xorl %ebp, %ebp
    mulxq \off+0(\a), %rax, %rbx
    adcxq %rax, \t0
    adoxq %rbx, \t1
    mulxq \off+8(\a), %rax, %rbx
    adcxq %rax, \t1
    adoxq %rbx, \t2
    mulxq \off+16(\a), %rax, %rbx
    adcxq %rax, \t2
    adoxq %rbx, \t3
    mulxq \off+24(\a), %rax, %rbx
    adcxq %rax, \t3
    adoxq %rbx, \t4
    mulxq \off+32(\a), %rax, %rbx
    adcxq %rax, \t4
    adoxq %rbx, \t5
    mulxq \off+40(\a), %rax, %rbx
    adcxq %rax, \t5
    adoxq %rbx, \t6
    adcxq %rbp, \t6
.endm

// (t6 .. t0) += p * rdx; the sum must fit.
.macro ADD_MODULUS_ROW t0, t1, t2, t3, t4, t5, t6
    xorl %ebp, %ebp
    mulxq .Lp+0(%rip), %rax, %rbx
    adcxq %rax, \t0
    adoxq %rbx, \t1
    mulxq .Lp+8(%rip), %rax, %rbx
    adcxq %rax, \t1
    adoxq %rbx, \t2
    mulxq .Lp+16(%rip), %rax, %rbx
    adcxq %rax, \t2
    adoxq %rbx, \t3
    mulxq .Lp+24(%rip), %rax, %rbx
    adcxq %rax, \t3
    adoxq %rbx, \t4
    mulxq .Lp+32(%rip), %rax, %rbx
    adcxq %rax, \t4
    adoxq %rbx, \t5
    mulxq .Lp+40(%rip), %rax, %rbx
    adcxq %rax, \t5
    adoxq %rbx, \t6
    adcxq %rbp, \t6
.endm

// Adds the multiple of p that makes t0 zero; (t6 .. t1) is the new sum, t0 is 0.
.macro REDUCE_ROW t0, t1, t2, t3, t4, t5, t6
    movq .Ln0(%rip), %rdx
    imulq \t0, %rdx
    ADD_MODULUS_ROW \t0, \t1, \t2, \t3, \t4, \t5, \t6
.endm

// Two such rows with both multiples found at once, from -1 / p mod 2^128, so that the second does
// not wait for the first; (t0 t6 .. t2) is the new sum, t1 is 0. %r15 is scratch.
.macro REDUCE_TWO_ROWS t0, t1, t2, t3, t4, t5, t6
    movq .Ln1(%rip), %r15
    imulq \t0, %r15
    movq .Ln0(%rip), %rdx
    mulxq \t0, %rax, %rbx
    imulq \t1, %rdx
    addq %rbx, %r15
    addq %rdx, %r15
    movq %rax, %rdx
    ADD_MODULUS_ROW \t0, \t1, \t2, \t3, \t4, \t5, \t6
    movq %r15, %rdx
    ADD_MODULUS_ROW \t1, \t2, \t3, \t4, \t5, \t6, \t0
.endm

// out[0..5] = t - p if t >= p, else t, for t = (t5 .. t0) < 2 p. The other registers named are
// scratch.
.macro SUBTRACT_ONCE_AND_STORE out, off, t0, t1, t2, t3, t4, t5, u0, u1, u2, u3, u4, u5
    movq \t0, \u0
    movq \t1, \u1
    movq \t2, \u2
    movq \t3, \u3
    movq \t4, \u4
    movq \t5, \u5
    subq .Lp+0(%rip), \u0
    sbbq .Lp+8(%rip), \u1
    sbbq .Lp+16(%rip), \u2
    sbbq .Lp+24(%rip), \u3
    sbbq .Lp+32(%rip), \u4
    sbbq .Lp+40(%rip), \u5
    cmovcq \t0, \u0
    cmovcq \t1, \u1
    cmovcq \t2, \u2
    cmovcq \t3, \u3
    cmovcq \t4, \u4
    cmovcq \t5, \u5
    movq \u0, \off+0(\out)
    movq \u1, \off+8(\out)
    movq \u2, \off+16(\out)
    movq \u3, \off+24(\out)
    movq \u4, \off+32(\out)
    movq \u5, \off+40(\out)
.endm

// out = a b / R for a at \a + \aoff and b at \b + \boff; uses %r8 to %r14 and the scratch.
.macro MULTIPLY out, ooff, a, aoff, b, boff
    movq \boff+0(\b), %rdx
    FIRST_ROW \a, \aoff, %r8, %r9, %r10, %r11, %r12, %r13, %r14
    REDUCE_ROW %r8, %r9, %r10, %r11, %r12, %r13, %r14
    movq \boff+8(\b), %rdx
    ADD_ROW \a, \aoff, %r9, %r10, %r11, %r12, %r13, %r14, %r8
    REDUCE_ROW %r9, %r10, %r11, %r12, %r13, %r14, %r8
    movq \boff+16(\b), %rdx
    ADD_ROW \a, \aoff, %r10, %r11, %r12, %r13, %r14, %r8, %r9
    REDUCE_ROW %r10, %r11, %r12, %r13, %r14, %r8, %r9
    movq \boff+24(\b), %rdx
    ADD_ROW \a, \aoff, %r11, %r12, %r13, %r14, %r8, %r9, %r10
    REDUCE_ROW %r11, %r12, %r13, %r14, %r8, %r9, %r10
    movq \boff+32(\b), %rdx
    ADD_ROW \a, \aoff, %r12, %r13, %r14, %r8, %r9, %r10, %r11
    REDUCE_ROW %r12, %r13, %r14, %r8, %r9, %r10, %r11
    movq \boff+40(\b), %rdx
    ADD_ROW \a, \aoff, %r13, %r14, %r8, %r9, %r10, %r11, %r12
    REDUCE_ROW %r13, %r14, %r8, %r9, %r10, %r11, %r12
    SUBTRACT_ONCE_AND_STORE \out, \ooff, %r14, %r8, %r9, %r10, %r11, %r12, %r13, %rax, %rbx, %rdx, %rbp, %r15
.endm

// out = (a b + c d) / R; d must not be addressed by %r15 if it is read after the last row (it is
// not).
.macro SUM_OF_TWO out, ooff, a, aoff, b, boff, c, coff, d, doff
    movq \boff+0(\b), %rdx
    FIRST_ROW \a, \aoff, %r8, %r9, %r10, %r11, %r12, %r13, %r14
    movq \doff+0(\d), %rdx
    ADD_ROW \c, \coff, %r8, %r9, %r10, %r11, %r12, %r13, %r14
    REDUCE_ROW %r8, %r9, %r10, %r11, %r12, %r13, %r14
    movq \boff+8(\b), %rdx
    ADD_ROW \a, \aoff, %r9, %r10, %r11, %r12, %r13, %r14, %r8
    movq \doff+8(\d), %rdx
    ADD_ROW \c, \coff, %r9, %r10, %r11, %r12, %r13, %r14, %r8
    REDUCE_ROW %r9, %r10, %r11, %r12, %r13, %r14, %r8
    movq \boff+16(\b), %rdx
    ADD_ROW \a, \aoff, %r10, %r11, %r12, %r13, %r14, %r8, %r9
    movq \doff+16(\d), %rdx
    ADD_ROW \c, \coff, %r10, %r11, %r12, %r13, %r14, %r8, %r9
    REDUCE_ROW %r10, %r11, %r12, %r13, %r14, %r8, %r9
    movq \boff+24(\b), %rdx
    ADD_ROW \a, \aoff, %r11, %r12, %r13, %r14, %r8, %r9, %r10
    movq \doff+24(\d), %rdx
    ADD_ROW \c, \coff, %r11, %r12, %r13, %r14, %r8, %r9, %r10
    REDUCE_ROW %r11, %r12, %r13, %r14, %r8, %r9, %r10
    movq \boff+32(\b), %rdx
    ADD_ROW \a, \aoff, %r12, %r13, %r14, %r8, %r9, %r10, %r11
    movq \doff+32(\d), %rdx
    ADD_ROW \c, \coff, %r12, %r13, %r14, %r8, %r9, %r10, %r11
    REDUCE_ROW %r12, %r13, %r14, %r8, %r9, %r10, %r11
    movq \boff+40(\b), %rdx
    ADD_ROW \a, \aoff, %r13, %r14, %r8, %r9, %r10, %r11, %r12
    movq \doff+40(\d), %rdx
    ADD_ROW \c, \coff, %r13, %r14, %r8, %r9, %r10, %r11, %r12
    REDUCE_ROW %r13, %r14, %r8, %r9, %r10, %r11, %r12
    SUBTRACT_ONCE_AND_STORE \out, \ooff, %r14, %r8, %r9, %r10, %r11, %r12, %r13, %rax, %rbx, %rdx, %rbp, %r15
.endm

// out[0..11] = a b; uses %r8 to %r14 and the scratch.
.macro MULTIPLY_WIDE out, ooff, a, aoff, b, boff
    movq \boff+0(\b), %rdx
    FIRST_ROW \a, \aoff, %r8, %r9, %r10, %r11, %r12, %r13, %r14
    movq %r8, \ooff+0(\out)
    movq \boff+8(\b), %rdx
    xorl %r8d, %r8d
    ADD_ROW \a, \aoff, %r9, %r10, %r11, %r12, %r13, %r14, %r8
    movq %r9, \ooff+8(\out)
    movq \boff+16(\b), %rdx
    xorl %r9d, %r9d
    ADD_ROW \a, \aoff, %r10, %r11, %r12, %r13, %r14, %r8, %r9
    movq %r10, \ooff+16(\out)
    movq \boff+24(\b), %rdx
    xorl %r10d, %r10d
    ADD_ROW \a, \aoff, %r11, %r12, %r13, %r14, %r8, %r9, %r10
    movq %r11, \ooff+24(\out)
    movq \boff+32(\b), %rdx
    xorl %r11d, %r11d
    ADD_ROW \a, \aoff, %r12, %r13, %r14, %r8, %r9, %r10, %r11
    movq %r12, \ooff+32(\out)
    movq \boff+40(\b), %rdx
    xorl %r12d, %r12d
    ADD_ROW \a, \aoff, %r13, %r14, %r8, %r9, %r10, %r11, %r12
    movq %r13, \ooff+40(\out)
    movq %r14, \ooff+48(\out)
    movq %r8, \ooff+56(\out)
    movq %r9, \ooff+64(\out)
    movq %r10, \ooff+72(\out)
    movq %r11, \ooff+80(\out)
    movq %r12, \ooff+88(\out)
.endm

// out = a / R mod p for the 12 limbs at a, below p R.
.macro REDUCE out, ooff, a, aoff
    movq \aoff+0(\a), %r8
    movq \aoff+8(\a), %r9
    movq \aoff+16(\a), %r10
    movq \aoff+24(\a), %r11
    movq \aoff+32(\a), %r12
    movq \aoff+40(\a), %r13
    xorl %r14d, %r14d
    REDUCE_TWO_ROWS %r8, %r9, %r10, %r11, %r12, %r13, %r14
    REDUCE_TWO_ROWS %r10, %r11, %r12, %r13, %r14, %r8, %r9
    REDUCE_TWO_ROWS %r12, %r13, %r14, %r8, %r9, %r10, %r11
    addq \aoff+48(\a), %r14
    adcq \aoff+56(\a), %r8
    adcq \aoff+64(\a), %r9
    adcq \aoff+72(\a), %r10
    adcq \aoff+80(\a), %r11
    adcq \aoff+88(\a), %r12
    SUBTRACT_ONCE_AND_STORE \out, \ooff, %r14, %r8, %r9, %r10, %r11, %r12, %r13, %rax, %rbx, %rdx, %rbp, %r15
.endm

.macro LOAD6 a, off
    movq \off+0(\a), %r8
    movq \off+8(\a), %r9
    movq \off+16(\a), %r10
    movq \off+24(\a), %r11
    movq \off+32(\a), %r12
    movq \off+40(\a), %r13
.endm
.macro STORE6 out, off
    movq %r8, \off+0(\out)
    movq %r9, \off+8(\out)
    movq %r10, \off+16(\out)
    movq %r11, \off+24(\out)
    movq %r12, \off+32(\out)
    movq %r13, \off+40(\out)
.endm

.macro PROLOGUE name
    .globl \name
    .hidden \name
    .type \name, @function
    .balign 64
\name:
    .cfi_startproc
    pushq %rbp
    .cfi_adjust_cfa_offset 8
    .cfi_offset %rbp, -16
    pushq %rbx
    .cfi_adjust_cfa_offset 8
    .cfi_offset %rbx, -24
    pushq %r12
    .cfi_adjust_cfa_offset 8
    .cfi_offset %r12, -32
    pushq %r13
    .cfi_adjust_cfa_offset 8
    .cfi_offset %r13, -40
    pushq %r14
    .cfi_adjust_cfa_offset 8
    .cfi_offset %r14, -48
    pushq %r15
    .cfi_adjust_cfa_offset 8
    .cfi_offset %r15, -56
.endm

.macro EPILOGUE name
    popq %r15
    .cfi_adjust_cfa_offset -8
    popq %r14
    .cfi_adjust_cfa_offset -8
    popq %r13
    .cfi_adjust_cfa_offset -8
    popq %r12
    .cfi_adjust_cfa_offset -8
    popq %rbx
    .cfi_adjust_cfa_offset -8
    popq %rbp
    .cfi_adjust_cfa_offset -8
    ret
    .cfi_endproc
    .size \name, . - \name
.endm

.macro ALLOCATE bytes
    subq $\bytes, %rsp
    .cfi_adjust_cfa_offset \bytes
.endm
.macro RELEASE bytes
    addq $\bytes, %rsp
    .cfi_adjust_cfa_offset -\bytes
.endm

// ---- Functions: out in %rdi, a in %rsi, b in %rdx. ----

PROLOGUE groat_bls_fp_multiply
    movq %rdx, %rcx
    MULTIPLY %rdi, 0, %rsi, 0, %rcx, 0
EPILOGUE groat_bls_fp_multiply

// The off-diagonal products once, then doubled (through adox) while the squares are added (through
// adcx). The limbs of the square from the second on are in %r8 .. %r15, %rbx, %rbp.
PROLOGUE groat_bls_fp_square
    ALLOCATE 56
    movq %rdi, 48(%rsp)
    movq 0(%rsi), %rdx
    mulxq 8(%rsi), %r8, %r9
    mulxq 16(%rsi), %rax, %r10
    addq %rax, %r9
    mulxq 24(%rsi), %rax, %r11
    adcq %rax, %r10
    mulxq 32(%rsi), %rax, %r12
    adcq %rax, %r11
    mulxq 40(%rsi), %rax, %r13
    adcq %rax, %r12
    adcq $0, %r13
    movq 8(%rsi), %rdx
    xorl %r14d, %r14d
    mulxq 16(%rsi), %rax, %rcx
    adcxq %rax, %r10
    adoxq %rcx, %r11
    mulxq 24(%rsi), %rax, %rcx
    adcxq %rax, %r11
    adoxq %rcx, %r12
    mulxq 32(%rsi), %rax, %rcx
    adcxq %rax, %r12
    adoxq %rcx, %r13
    mulxq 40(%rsi), %rax, %rcx
    adcxq %rax, %r13
    adoxq %rcx, %r14
    movl $0, %eax
    adcxq %rax, %r14
    movq 16(%rsi), %rdx
    xorl %r15d, %r15d
    mulxq 24(%rsi), %rax, %rcx
    adcxq %rax, %r12
    adoxq %rcx, %r13
    mulxq 32(%rsi), %rax, %rcx
    adcxq %rax, %r13
    adoxq %rcx, %r14
    mulxq 40(%rsi), %rax, %rcx
    adcxq %rax, %r14
    adoxq %rcx, %r15
    movl $0, %eax
    adcxq %rax, %r15
    movq 24(%rsi), %rdx
    xorl %ebx, %ebx
    mulxq 32(%rsi), %rax, %rcx
    adcxq %rax, %r14
    adoxq %rcx, %r15
    mulxq 40(%rsi), %rax, %rcx
    adcxq %rax, %r15
    adoxq %rcx, %rbx
    movl $0, %eax
    adcxq %rax, %rbx
    movq 32(%rsi), %rdx
    mulxq 40(%rsi), %rax, %rbp
    addq %rax, %rbx
    adcq $0, %rbp

    movq 0(%rsi), %rdx
    xorl %eax, %eax
    mulxq %rdx, %rdi, %rcx
    adoxq %r8, %r8
    adcxq %rcx, %r8
    movq 8(%rsi), %rdx
    mulxq %rdx, %rax, %rcx
    adoxq %r9, %r9
    adcxq %rax, %r9
    adoxq %r10, %r10
    adcxq %rcx, %r10
    movq 16(%rsi), %rdx
    mulxq %rdx, %rax, %rcx
    adoxq %r11, %r11
    adcxq %rax, %r11
    adoxq %r12, %r12
    adcxq %rcx, %r12
    movq 24(%rsi), %rdx
    mulxq %rdx, %rax, %rcx
    adoxq %r13, %r13
    adcxq %rax, %r13
    adoxq %r14, %r14
    adcxq %rcx, %r14
    movq 32(%rsi), %rdx
    mulxq %rdx, %rax, %rcx
    adoxq %r15, %r15
    adcxq %rax, %r15
    adoxq %rbx, %rbx
    adcxq %rcx, %rbx
    movq 40(%rsi), %rdx
    mulxq %rdx, %rax, %rcx
    adoxq %rbp, %rbp
    adcxq %rax, %rbp
    movl $0, %eax
    adoxq %rax, %rcx
    adcxq %rax, %rcx

    movq %r13, 0(%rsp)
    movq %r14, 8(%rsp)
    movq %r15, 16(%rsp)
    movq %rbx, 24(%rsp)
    movq %rbp, 32(%rsp)
    movq %rcx, 40(%rsp)
    xorl %r13d, %r13d
    REDUCE_TWO_ROWS %rdi, %r8, %r9, %r10, %r11, %r12, %r13
    REDUCE_TWO_ROWS %r9, %r10, %r11, %r12, %r13, %rdi, %r8
    REDUCE_TWO_ROWS %r11, %r12, %r13, %rdi, %r8, %r9, %r10
    movq 48(%rsp), %rsi
    addq 0(%rsp), %r13
    adcq 8(%rsp), %rdi
    adcq 16(%rsp), %r8
    adcq 24(%rsp), %r9
    adcq 32(%rsp), %r10
    adcq 40(%rsp), %r11
    SUBTRACT_ONCE_AND_STORE %rsi, 0, %r13, %rdi, %r8, %r9, %r10, %r11, %r12, %rax, %rbx, %rdx, %rbp, %r15
    RELEASE 56
EPILOGUE groat_bls_fp_square

PROLOGUE groat_bls_fp_multiply_wide
    movq %rdx, %rcx
    MULTIPLY_WIDE %rdi, 0, %rsi, 0, %rcx, 0
EPILOGUE groat_bls_fp_multiply_wide

PROLOGUE groat_bls_fp_reduce
    REDUCE %rdi, 0, %rsi, 0
EPILOGUE groat_bls_fp_reduce

// (a0 b0 + a1 (p - b1)) + (a0 b1 + a1 b0) u. p - b1 is p, not reduced, where b1 = 0: the bounds
// above hold for factors up to p.
PROLOGUE groat_bls_fp2_multiply
    ALLOCATE 104
    movq %rdx, %rcx
    movq .Lp+0(%rip), %r8
    movq .Lp+8(%rip), %r9
    movq .Lp+16(%rip), %r10
    movq .Lp+24(%rip), %r11
    movq .Lp+32(%rip), %r12
    movq .Lp+40(%rip), %r13
    subq 48(%rcx), %r8
    sbbq 56(%rcx), %r9
    sbbq 64(%rcx), %r10
    sbbq 72(%rcx), %r11
    sbbq 80(%rcx), %r12
    sbbq 88(%rcx), %r13
    movq %r8, 0(%rsp)
    movq %r9, 8(%rsp)
    movq %r10, 16(%rsp)
    movq %r11, 24(%rsp)
    movq %r12, 32(%rsp)
    movq %r13, 40(%rsp)
    SUM_OF_TWO %rsp, 48, %rsi, 0, %rcx, 0, %rsi, 48, %rsp, 0
    SUM_OF_TWO %rdi, 48, %rsi, 0, %rcx, 48, %rsi, 48, %rcx, 0
    movups 48(%rsp), %xmm0
    movups 64(%rsp), %xmm1
    movups 80(%rsp), %xmm2
    movups %xmm0, 0(%rdi)
    movups %xmm1, 16(%rdi)
    movups %xmm2, 32(%rdi)
    RELEASE 104
EPILOGUE groat_bls_fp2_multiply

// (a0 + a1)(a0 - a1 + p) + 2 a0 a1 u. The factors are below 2 p, so the products are below 4 p^2 and
// the results before the subtraction below (1 + 4 p / R) p < 2 p.
PROLOGUE groat_bls_fp2_square
    ALLOCATE 152
    movq 0(%rsi), %r8
    movq 8(%rsi), %r9
    movq 16(%rsi), %r10
    movq 24(%rsi), %r11
    movq 32(%rsi), %r12
    movq 40(%rsi), %r13
    addq %r8, %r8
    adcq %r9, %r9
    adcq %r10, %r10
    adcq %r11, %r11
    adcq %r12, %r12
    adcq %r13, %r13
    STORE6 %rsp, 0
    LOAD6 %rsi, 0
    addq 48(%rsi), %r8
    adcq 56(%rsi), %r9
    adcq 64(%rsi), %r10
    adcq 72(%rsi), %r11
    adcq 80(%rsi), %r12
    adcq 88(%rsi), %r13
    STORE6 %rsp, 48
    LOAD6 %rsi, 0
    addq .Lp+0(%rip), %r8
    adcq .Lp+8(%rip), %r9
    adcq .Lp+16(%rip), %r10
    adcq .Lp+24(%rip), %r11
    adcq .Lp+32(%rip), %r12
    adcq .Lp+40(%rip), %r13
    subq 48(%rsi), %r8
    sbbq 56(%rsi), %r9
    sbbq 64(%rsi), %r10
    sbbq 72(%rsi), %r11
    sbbq 80(%rsi), %r12
    sbbq 88(%rsi), %r13
    STORE6 %rsp, 96
    MULTIPLY %rdi, 48, %rsi, 48, %rsp, 0
    MULTIPLY %rdi, 0, %rsp, 48, %rsp, 96
    RELEASE 152
EPILOGUE groat_bls_fp2_square

// By Karatsuba's method; the bounds are those of Fp2MultiplyWide in fp_kernels.cc.
// Stack: a0 a1-sums at 0 and 48, a1 b1 at 96.
PROLOGUE groat_bls_fp2_multiply_wide
    ALLOCATE 200
    movq %rdx, %rcx
    LOAD6 %rsi, 0
    addq 48(%rsi), %r8
    adcq 56(%rsi), %r9
    adcq 64(%rsi), %r10
    adcq 72(%rsi), %r11
    adcq 80(%rsi), %r12
    adcq 88(%rsi), %r13
    STORE6 %rsp, 0
    LOAD6 %rcx, 0
    addq 48(%rcx), %r8
    adcq 56(%rcx), %r9
    adcq 64(%rcx), %r10
    adcq 72(%rcx), %r11
    adcq 80(%rcx), %r12
    adcq 88(%rcx), %r13
    STORE6 %rsp, 48
    MULTIPLY_WIDE %rdi, 0, %rsi, 0, %rcx, 0
    MULTIPLY_WIDE %rsp, 96, %rsi, 48, %rcx, 48
    MULTIPLY_WIDE %rdi, 96, %rsp, 0, %rsp, 48
    // c1 -= a0 b0 + a1 b1, a sum below 2 p^2 that fits 12 limbs.
    LOAD6 %rdi, 0
    addq 96(%rsp), %r8
    adcq 104(%rsp), %r9
    adcq 112(%rsp), %r10
    adcq 120(%rsp), %r11
    adcq 128(%rsp), %r12
    adcq 136(%rsp), %r13
    movq 48(%rdi), %r14
    movq 56(%rdi), %r15
    movq 64(%rdi), %rax
    movq 72(%rdi), %rbx
    movq 80(%rdi), %rdx
    movq 88(%rdi), %rbp
    adcq 144(%rsp), %r14
    adcq 152(%rsp), %r15
    adcq 160(%rsp), %rax
    adcq 168(%rsp), %rbx
    adcq 176(%rsp), %rdx
    adcq 184(%rsp), %rbp
    subq %r8, 96(%rdi)
    sbbq %r9, 104(%rdi)
    sbbq %r10, 112(%rdi)
    sbbq %r11, 120(%rdi)
    sbbq %r12, 128(%rdi)
    sbbq %r13, 136(%rdi)
    sbbq %r14, 144(%rdi)
    sbbq %r15, 152(%rdi)
    sbbq %rax, 160(%rdi)
    sbbq %rbx, 168(%rdi)
    sbbq %rdx, 176(%rdi)
    sbbq %rbp, 184(%rdi)
    // c0 -= a1 b1, plus p R where it was less.
    LOAD6 %rdi, 0
    subq 96(%rsp), %r8
    sbbq 104(%rsp), %r9
    sbbq 112(%rsp), %r10
    sbbq 120(%rsp), %r11
    sbbq 128(%rsp), %r12
    sbbq 136(%rsp), %r13
    STORE6 %rdi, 0
    movq 48(%rdi), %r8
    movq 56(%rdi), %r9
    movq 64(%rdi), %r10
    movq 72(%rdi), %r11
    movq 80(%rdi), %r12
    movq 88(%rdi), %r13
    sbbq 144(%rsp), %r8
    sbbq 152(%rsp), %r9
    sbbq 160(%rsp), %r10
    sbbq 168(%rsp), %r11
    sbbq 176(%rsp), %r12
    sbbq 184(%rsp), %r13
    movl $0, %eax
    sbbq %rax, %rax
    movq .Lp+0(%rip), %r14
    movq .Lp+8(%rip), %r15
    movq .Lp+16(%rip), %rbx
    movq .Lp+24(%rip), %rcx
    movq .Lp+32(%rip), %rdx
    movq .Lp+40(%rip), %rbp
    andq %rax, %r14
    andq %rax, %r15
    andq %rax, %rbx
    andq %rax, %rcx
    andq %rax, %rdx
    andq %rax, %rbp
    addq %r14, %r8
    adcq %r15, %r9
    adcq %rbx, %r10
    adcq %rcx, %r11
    adcq %rdx, %r12
    adcq %rbp, %r13
    STORE6 %rdi, 48
    RELEASE 200
EPILOGUE groat_bls_fp2_multiply_wide

    .section .note.GNU-stack, "", @progbits
#endif
