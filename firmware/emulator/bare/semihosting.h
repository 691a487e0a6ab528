/* Files of the host and the end of the program, by semihosting (ARM IHI "Semihosting for AArch32 and AArch64"). */
#ifndef SEMIHOSTING_H
#define SEMIHOSTING_H

#include <stdint.h>

static inline intptr_t semihosting(intptr_t operation, const void *block) {
  register intptr_t r0 __asm("r0") = operation;
  register const void *r1 __asm("r1") = block;
  __asm volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

/* mode: 1 to read bytes, 5 to write them (C's "rb", "wb"). Returns a handle, or -1. */
static inline intptr_t open_file(const char *name, uint32_t length, intptr_t mode) {
  const uintptr_t block[3] = {(uintptr_t)name, (uintptr_t)mode, length};
  return semihosting(0x01, block);
}

/* Returns how many bytes could not be written, or read. */
static inline intptr_t write_file(intptr_t handle, const void *from, uint32_t count) {
  const uintptr_t block[3] = {(uintptr_t)handle, (uintptr_t)from, count};
  return semihosting(0x05, block);
}
static inline intptr_t read_file(intptr_t handle, void *to, uint32_t count) {
  const uintptr_t block[3] = {(uintptr_t)handle, (uintptr_t)to, count};
  return semihosting(0x06, block);
}

#endif
