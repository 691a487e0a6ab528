#include "semihosting.h"

/* End the emulator with an exit code (SYS_EXIT_EXTENDED). */
void leave(int code) {
  const uintptr_t block[2] = {0x20026, (uintptr_t)code};
  for (;;) semihosting(0x20, block);
}
