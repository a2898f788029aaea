/* Every contender of this build, in the order of the tables. */
#include "contenders.h"

#include <stddef.h>

const struct contender *const bench_contenders[] = {
    &bench_core,          &bench_public,
    &bench_public_locked, &bench_public_buffer,
#ifdef BENCH_HAS_VMA
    &bench_vma,           &bench_vma_min_memory,
    &bench_vma_buffer,
#endif
    &bench_driver_share,  &bench_malloc,
#ifdef BENCH_MIMALLOC
    &bench_mimalloc,
#endif
    &bench_none,          NULL,
};
