/* Every contender of this build, in the order of the tables. */
#include "contenders.h"

#include <stddef.h>

const struct contender *const bench_contenders[] = {
    &bench_core,
    &bench_core_mutex,
    &bench_public,
    &bench_public_locked,
    &bench_public_named,
    &bench_public_buffer,
    &bench_public_buffer_locked,
#ifdef BENCH_HAS_VMA
    &bench_vma,
    &bench_vma_min_memory,
    &bench_vma_mutex,
    &bench_vma_buffer,
    &bench_vma_buffer_locked,
#endif
    &bench_driver_share,
    &bench_malloc,
#ifdef BENCH_MIMALLOC
    &bench_mimalloc,
#endif
    &bench_none,
    NULL,
};
