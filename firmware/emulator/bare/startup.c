/* Start-up code for the Cortex-M machines of QEMU without a C library of its own: vectors, memory, the floating-point
 * and vector unit where there is one, then main(). */
#include <stdint.h>

extern uint32_t data_start[], data_end[], data_load[], bss_start[], bss_end[], stack_top[];

extern int main(void);
void leave(int code);
void Reset_Handler(void);
void Default_Handler(void);

#define ENTRY(handler) ((uintptr_t)(handler))
__attribute__((section(".vectors"), used)) static const uintptr_t vectors[16] = {
    ENTRY(stack_top),       ENTRY(Reset_Handler),   ENTRY(Default_Handler), ENTRY(Default_Handler),
    ENTRY(Default_Handler), ENTRY(Default_Handler), ENTRY(Default_Handler), ENTRY(Default_Handler),
    0,                      0,                      0,                      ENTRY(Default_Handler),
    ENTRY(Default_Handler), 0,                      ENTRY(Default_Handler), ENTRY(Default_Handler),
};

void Reset_Handler(void) {
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
  /* ARMv7-M Architecture Reference Manual, B3.2.20: full access to coprocessors 10 and 11. */
  *(volatile uint32_t *)0xE000ED88 |= 0xFu << 20;
  __asm volatile("dsb\nisb");
#endif
  const uint32_t *source = data_load;
  for (uint32_t *word = data_start; word < data_end; word++) *word = *source++;
  for (uint32_t *word = bss_start; word < bss_end; word++) *word = 0;
  leave(main());
}

/* A fault ends the program: who runs it then sees this code. */
void Default_Handler(void) { leave(99); }
