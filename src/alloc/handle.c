/* Tags, and what is wrong with a handle, see handle.h. */
#include "alloc/handle.h"

enum { TAGS = 255 }; /* 0 is none */

static _Atomic uint32_t tags_given;

BdaHandle bda_handle_new_tag(void) {
    return (BdaHandle)(atomic_fetch_add_explicit(&tags_given, 1, memory_order_relaxed) % TAGS + 1) << 56;
}

bool bda_handle_has_tag(BdaHandle handle) {
    uint32_t tag = (uint32_t)(handle >> 56);
    return tag != 0 && tag <= atomic_load_explicit(&tags_given, memory_order_relaxed);
}

const char bda_handle_is_dead[] = "the handle names no live allocation";
