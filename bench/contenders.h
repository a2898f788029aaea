/* The contenders by name; which of them a build has is decided by CMake. */
#ifndef BENCH_CONTENDERS_H
#define BENCH_CONTENDERS_H

#include "contender.h"

#ifdef __cplusplus
extern "C" {
#endif

extern const struct contender bench_none;                 /* the loop alone */
extern const struct contender bench_core;                 /* struct bda_tlsf */
extern const struct contender bench_public;               /* bda_alloc and bda_free, externally synchronised */
extern const struct contender bench_public_locked;        /* the same, safe for threads */
extern const struct contender bench_public_named;         /* with a name each (threads only) */
extern const struct contender bench_public_buffer;        /* bda_alloc_buffer and bda_free */
extern const struct contender bench_core_mutex;           /* struct bda_tlsf behind a mutex */
extern const struct contender bench_public_buffer_locked; /* bda_alloc_buffer and bda_free, safe for threads */
extern const struct contender bench_driver_share;         /* the driver's own part of a buffer */
extern const struct contender bench_vma;                  /* VMA's virtual block */
extern const struct contender bench_vma_min_memory;       /* the same with its strategy for fit */
extern const struct contender bench_vma_buffer;           /* vmaCreateBuffer and its address */
extern const struct contender bench_vma_mutex;            /* VMA's virtual block behind a mutex */
extern const struct contender bench_vma_buffer_locked;    /* vmaCreateBuffer, safe for threads */

/* Of the contenders made of the public functions: the allocator behind one. */
struct BdaAllocator_T *bench_public_allocator(void *self);

extern const struct contender bench_malloc;
extern const struct contender bench_mimalloc;

#ifdef __cplusplus
}
#endif

#endif
