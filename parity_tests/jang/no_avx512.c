/* Preloaded, this hides AVX-512 and AMX from whoever asks the processor by CPUID.
 *
 * XLA's library of Float32 matrix products takes the widest kernels that the processor has, and no
 * flag of XLA's forbids it that. The recordings were made on a processor with AVX2 and FMA; on a
 * wider one their Float32 bits come back only behind this. Linux, on processors with CPUID faulting.
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define ARCH_SET_CPUID 0x1012

static void allow(unsigned long yes) { syscall(SYS_arch_prctl, ARCH_SET_CPUID, yes); }

static void answer(int signal_number, siginfo_t *info, void *context)
{
    greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
    unsigned char *at = (unsigned char *)r[REG_RIP];
    unsigned a, b, c, d, leaf = (unsigned)r[REG_RAX], part = (unsigned)r[REG_RCX];
    (void)info;
    if (at[0] != 0x0f || at[1] != 0xa2) { /* a fault of its own: die of it */
        signal(signal_number, SIG_DFL);
        return;
    }
    allow(1);
    __cpuid_count(leaf, part, a, b, c, d);
    allow(0);
    if (leaf == 7 && part == 0) {
        b &= ~0xdc230000u;
        c &= ~0x00005842u;
        d &= ~0x03c0010cu;
    }
    if (leaf == 7 && part == 1) {
        a &= ~0x00a00030u;
        d = 0;
    }
    r[REG_RAX] = a;
    r[REG_RBX] = b;
    r[REG_RCX] = c;
    r[REG_RDX] = d;
    r[REG_RIP] += 2;
}

__attribute__((constructor)) static void hide(void)
{
    struct sigaction action = {.sa_sigaction = answer, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigaction(SIGSEGV, &action, NULL);
    if (syscall(SYS_arch_prctl, ARCH_SET_CPUID, 0UL)) {
        perror("this processor cannot be made to ask first for CPUID");
        exit(3);
    }
}
