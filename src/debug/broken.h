/* What was found broken: bytes that are nobody's, and were written to all the same. It is told to the message callback,
 * counted, and remembered for fault reports. */
#ifndef BDA_DEBUG_BROKEN_H
#define BDA_DEBUG_BROKEN_H

#include "alloc/allocator.h"

enum bda_breakage_kind {
    BDA_BROKEN_BEHIND, /* the red zone of an allocation */
    BDA_BROKEN_BEFORE, /* in front of one */
    BDA_BROKEN_FREED,  /* of nobody */
};

enum { BDA_DAMAGE_BYTES = 8 };

/* What a stretch of bytes holds that it should not. */
struct bda_damage {
    VkDeviceSize first, last, count; /* offsets in the stretch, and how many are wrong */
    unsigned char wanted;
    unsigned char bytes[BDA_DAMAGE_BYTES]; /* from the first one on */
};

struct bda_breakage {
    enum bda_breakage_kind kind;
    const char *when;        /* as it was found */
    VkDeviceAddress address; /* of the stretch */
    VkDeviceSize size;
    struct bda_damage damage;
    /* whose range it is, or was; a size of 0: nobody's that is known */
    VkDeviceAddress owner;
    VkDeviceSize owner_size;
    char name[BDA_FOUND_NAME_SIZE]; /* empty: none */
};

enum { BDA_BROKEN_KEPT = 16, BDA_BROKEN_TEXT = 320 };

struct bda_broken {
    struct bda_mutex lock; /* taken alone; covers the last ones */
    _Atomic uint64_t count;
    struct bda_broken_place {
        VkDeviceAddress first, last;
        char text[BDA_BROKEN_TEXT];
    } last[BDA_BROKEN_KEPT];
};

void bda_broken_init(BdaAllocator allocator, struct bda_broken *broken);

/* Tells and remembers it. No lock is held. */
void bda_broken_tell(BdaAllocator allocator, const struct bda_breakage *breakage);

/* Copies what was said of the last ones that touch [first, last], the newest first; returns how many. Nothing without
 * modes. */
uint32_t bda_broken_find(BdaAllocator allocator, VkDeviceAddress first, VkDeviceAddress last, uint32_t room,
                         char texts[][BDA_BROKEN_TEXT]);

#endif
