// Start-up code for QEMU's mps2-an386: vectors, memory, the floating-point unit, then main(). Input and output are
// files of the host, by semihosting (newlib's rdimon).
#include <stdint.h>
#include <stdlib.h>

extern uint32_t __data_start[], __data_end[], __data_load[], __bss_start[], __bss_end[], __stack_top[];
extern void (*__init_array_start[])(void);
extern void (*__init_array_end[])(void);

extern int main(void);
extern void initialise_monitor_handles(void);

void Reset_Handler(void);
void Default_Handler(void);
void SysTick_Handler(void) __attribute__((weak, alias("Default_Handler")));

#define ENTRY(handler) ((uintptr_t)(handler))
__attribute__((section(".vectors"), used)) static const uintptr_t vectors[16] = {
    ENTRY(__stack_top),     ENTRY(Reset_Handler),   ENTRY(Default_Handler), ENTRY(Default_Handler),
    ENTRY(Default_Handler), ENTRY(Default_Handler), ENTRY(Default_Handler), 0,
    0,                      0,                      0,                      ENTRY(Default_Handler),
    ENTRY(Default_Handler), 0,                      ENTRY(Default_Handler), ENTRY(SysTick_Handler),
};

// ARMv7-M Architecture Reference Manual, B3.2.20: full access to coprocessors 10 and 11, the floating-point unit.
#define CPACR (*(volatile uint32_t*)0xE000ED88)

void Reset_Handler(void) {
  CPACR |= 0xFu << 20;
  __asm volatile("dsb\nisb");
  const uint32_t* source = __data_load;
  for (uint32_t* word = __data_start; word < __data_end; ++word) *word = *source++;
  for (uint32_t* word = __bss_start; word < __bss_end; ++word) *word = 0;
  initialise_monitor_handles();
  for (void (**construct)(void) = __init_array_start; construct < __init_array_end; ++construct) (*construct)();
  exit(main());
}

// A fault ends the program: a test then sees its exit code.
void Default_Handler(void) { _Exit(99); }

// Called by newlib around main() in a usual start-up, which this one is not.
void _init(void) {}
void _fini(void) {}
