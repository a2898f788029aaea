/* What libFuzzer wants of a target, and what tests/fuzz/replay.c calls where there is no libFuzzer. */
#ifndef BDA_TESTS_FUZZ_FUZZ_H
#define BDA_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* One input, from a fresh start to the very end; always 0. What is wrong ends the process. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
