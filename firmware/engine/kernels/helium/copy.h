/* Bytes copied and set sixteen at a time, by loops that the hardware predicates: newlib's smallest memcpy takes four
 * instructions a byte. */
#ifndef ENGINE_HELIUM_COPY_H
#define ENGINE_HELIUM_COPY_H

#include <arm_mve.h>

#include "engine.h"

/* Both return the end of what they wrote. count: 0 is none. */
static inline int8_t *engine_helium_copy(int8_t *to, const int8_t *from, int32_t count) {
  int8_t *next = to;
  __asm volatile(
      "wlstp.8 lr, %[count], 2f\n"
      "1:\n"
      "vldrb.8 q0, [%[from]], #16\n"
      "vstrb.8 q0, [%[next]], #16\n"
      "letp lr, 1b\n"
      "2:\n"
      : [from] "+r"(from), [next] "+r"(next)
      : [count] "r"(count)
      : "lr", "q0", "memory");
  return to + count;
}

static inline int8_t *engine_helium_fill(int8_t *to, int32_t value, int32_t count) {
  int8_t *next = to;
  __asm volatile(
      "vdup.8 q0, %[value]\n"
      "wlstp.8 lr, %[count], 2f\n"
      "1:\n"
      "vstrb.8 q0, [%[next]], #16\n"
      "letp lr, 1b\n"
      "2:\n"
      : [next] "+r"(next)
      : [value] "r"(value), [count] "r"(count)
      : "lr", "q0", "memory");
  return to + count;
}

#endif
