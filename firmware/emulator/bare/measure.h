/* The processor's clock (SysTick, which all Cortex-M have) and the depth of its stack. */
#ifndef MEASURE_H
#define MEASURE_H

#include <stdint.h>

#define CLOCK_MASK 0xFFFFFFu /* it counts 24 bits down */

static inline void start_clock(void) {
  volatile uint32_t *const systick = (volatile uint32_t *)0xE000E010;
  systick[1] = CLOCK_MASK;
  systick[2] = 0;
  systick[0] = 5; /* enabled, by the processor's clock, without interrupts */
}
static inline uint32_t clock_ticks(void) { return *(volatile uint32_t *)0xE000E018; }

#define PAINT 0xA5A5A5A5u
#define PAINTED 4096 /* words, where there are as many */

extern uint32_t stack_end[]; /* bare.ld: the lowest that it may come */

/* Paint the memory below the stack. The loops write no deeper than the frame of whoever calls them. */
static inline uint32_t *stack_now(void) {
  uint32_t *now;
  __asm volatile("mov %0, sp" : "=r"(now));
  return now;
}
static uint32_t *painted_from, *painted_to;
__attribute__((always_inline)) static inline void paint_stack(void) {
  painted_from = stack_now();
  painted_to = painted_from - stack_end > PAINTED ? painted_from - PAINTED : stack_end;
  for (volatile uint32_t *word = painted_to; word < painted_from; word++) *word = PAINT;
}

/* Bytes below the painting function's frame that were written since. */
__attribute__((always_inline)) static inline uint32_t stack_depth(void) {
  const volatile uint32_t *word = painted_to;
  while (word < painted_from && *word == PAINT) word++;
  return (uint32_t)((painted_from - word) * 4);
}

#endif
