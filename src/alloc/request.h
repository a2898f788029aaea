/* A request, checked and with its defaults resolved: what the roof hands down to the allocation floor. */
#ifndef BDA_ALLOC_REQUEST_H
#define BDA_ALLOC_REQUEST_H

#include "memory/usage.h"

/* How the value is told that a reason is about. */
enum bda_wrong {
    BDA_WRONG_NONE,
    BDA_WRONG_VALUE,
    BDA_WRONG_OVER_BOUND, /* beside what it is larger than */
    BDA_WRONG_BITS,
    BDA_WRONG_PRIORITY,       /* the request's */
    BDA_WRONG_OTHER_INTENT,   /* its pool's, and the request's */
    BDA_WRONG_OTHER_PRIORITY, /* the same */
};

struct bda_request {
    VkDeviceSize size;      /* asked for, never 0 */
    VkDeviceSize room;      /* bytes that must be held: size, or what an own buffer requires */
    VkDeviceSize alignment; /* of the address; a power of two, at least 16 */
    uint64_t user;
    const char *name;
    BdaPool pool; /* or NULL */
    BdaIntent intent;
    BdaAllocFlags flags;
    float priority;
    enum bda_usage_class usage_class;
    uint32_t type_bits; /* memory types that can carry it */
    uint32_t record;    /* secured before anything else; 0: it needs none */
    /* own buffers only */
    const VkBufferCreateInfo *buffer_info; /* NULL: a range */
    VkBuffer made;                         /* by the short way already; or VK_NULL_HANDLE */
    VkExternalMemoryHandleTypeFlags handle_types;
    bool capture_replay;
    /* while it is tried */
    bool others_serve; /* memory types of other heaps, after the one that is being tried */
    bool passed_over;  /* some type's heap was believed to be full and not asked (refusal.h) */
    VkResult refused;  /* by what, where this is its last resort (attempts.h); else VK_SUCCESS */
    /* out */
    bool undone;   /* memory that was made for it, or what came before it in its batch, has gone again:
                    the figures are no longer those that it was refused by */
    uint32_t call; /* identifies the blocks opened for it, see bda_reclaim_call; 0: none */
    enum bda_wrong wrong_as;
    const char *reason; /* why it was refused, where the library knows */
    union {             /* all of it is zeroed for each plain request, so it is no larger than it must be */
        uint64_t wrong; /* of one that makes no sense, which goes to no pool: what its reason is about */
        struct bda_pool
            *full; /* the first pool that it tried, where it may take no new memory and a block would serve it */
    };
};

#endif
