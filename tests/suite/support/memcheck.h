/* What valgrind's memcheck has reported so far; nothing, where it does not run the program or its header is not here.
 */
#ifndef SUITE_SUPPORT_MEMCHECK_H
#define SUITE_SUPPORT_MEMCHECK_H

#include <stdbool.h>

#ifdef BDA_MEMCHECK
#include <valgrind/memcheck.h>
#endif

static inline bool memcheck_runs(void) {
#ifdef BDA_MEMCHECK
    return RUNNING_ON_VALGRIND != 0;
#else
    return false;
#endif
}

static inline unsigned memcheck_errors(void) {
#ifdef BDA_MEMCHECK
    return (unsigned)VALGRIND_COUNT_ERRORS;
#else
    return 0;
#endif
}

#endif
