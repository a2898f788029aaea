/*
 * The shadow: which bytes of device memory are live, as shaders look them up (docs/design.md, "Checked pointers").
 *
 * Words
 *   piece   64 KiB of device memory at a multiple of 64 KiB, so that a 32-bit word names it. A piece never goes back to
 *           the driver before the shadow ends, since a shader may follow a word that is not there any more.
 *   page    a MiB of addresses; its piece has a byte for each granule of 16 bytes: 0, nothing of it is live, or how
 *           many bytes from its beginning are, plus 16 times the colour of what is live there.
 *   leaf    the pages of 16 GiB of addresses: a piece with a word for each, and a mirror of it on the host.
 *   colour  0 to 14, of an allocation: an index that leads from one into another is seen where their colours differ.
 *   gap     addresses that are covered and not known, since there was no memory for a piece or a leaf: all is allowed
 *           there. Each is remembered until it has been filled (refill.h) or is no longer covered.
 *
 * Each function takes the lock itself, and none calls the driver under it.
 */
#ifndef BDA_DEBUG_SHADOW_H
#define BDA_DEBUG_SHADOW_H

#include "alloc/allocator.h"

/* bdaalloc.glsl has the same numbers; a test compares them. */
enum {
    BDA_SHADOW_GRANULE_LOG2 = 4,
    BDA_SHADOW_PAGE_LOG2 = 20,
    BDA_SHADOW_TOP_LOG2 = 48,
    BDA_PIECE_LOG2 = 16,
    BDA_SHADOW_NULL_END = 1 << 16, /* an address below is a null pointer, with an offset perhaps */
    BDA_SHADOW_WORDS = 1 << 14,    /* of a top or leaf table */
    /* words of a table that name no piece */
    BDA_SHADOW_NOTHING = 0,
    BDA_SHADOW_UNKNOWN = 1, /* what there is could not be written down: allowed */
    BDA_SHADOW_COLOURS = 15,
    /* the front piece, in words; those that the device writes lie 256 bytes and more from those that the host writes,
     * which is the largest nonCoherentAtomSize */
    BDA_FRONT_TOP = 0,       /* the piece that is the top table */
    BDA_FRONT_RECORDS = 1,   /* the piece with the records */
    BDA_FRONT_HIGH = 2,      /* the highest 16 bits of the address of each piece */
    BDA_FRONT_TAKEN = 64,    /* records that the host has taken, modulo 2^32 */
    BDA_FRONT_WRITTEN = 128, /* and that shaders wanted to write */
    BDA_FRONT_ZEROS = 256,   /* from here on all is 0, and nobody writes it */
    /* the records, of 16 words each */
    BDA_RECORDS = 1024,
    BDA_RECORD_WORDS = 16,
    BDA_RECORD_NUMBER = 0, /* counted from 1 */
    BDA_RECORD_KIND = 1,
    BDA_RECORD_REASON = 2,
    BDA_RECORD_BYTES = 3,
    BDA_RECORD_ADDRESS = 4, /* low, high */
    BDA_RECORD_BAD = 6,     /* from the address to the first byte that is not live */
    BDA_RECORD_TAG = 7,
    BDA_RECORD_INVOCATION = 8, /* x, y, z */
    BDA_RECORD_BASE = 11,      /* low, high: what an index was added to */
    BDA_RECORD_SUM = 13,       /* of all words before: the record is whole */
};

enum { BDA_PIECE_BYTES = 1 << BDA_PIECE_LOG2, BDA_PIECE_WORDS = BDA_PIECE_BYTES / 4 };

struct bda_piece {
    unsigned char *mapped;
    const struct bda_block *chunk;
    uint32_t word; /* names it */
    uint32_t next; /* of the spare ones */
};

/* Each further one is twice as large, up to 256 MiB, where that is to be had: all of them serve 220 GiB of blocks. */
enum { BDA_CHUNKS = 64, BDA_CHUNK_FIRST_LOG2 = 20, BDA_CHUNK_MOST_LOG2 = 28 };

struct bda_page {
    uint32_t piece;      /* 0: none, and if somebody covers it, it is unknown */
    uint32_t users : 31; /* blocks and ranges that cover it */
    uint32_t worn : 1;   /* the piece was filled afterwards, so not all that is in it may go as it came */
};

/* More blocks than most drivers allow at once; further ones stay unknown until the blocks in their MiB have gone, where
 * a leaf is lacking for good. */
enum { BDA_GAPS_MOST = 4096 };

/* What was covered, and is not wholly known. */
struct bda_gap {
    uint32_t first, last; /* pages */
};

struct bda_leaf {
    struct bda_leaf *next;
    uint32_t number; /* its word in the top table */
    uint32_t piece;
    struct bda_page pages[BDA_SHADOW_WORDS];
};

struct bda_shadow {
    BdaAllocator allocator;
    struct bda_mutex lock;
    struct bda_store pieces;
    uint32_t spare;       /* pieces, all zero */
    uint32_t spare_count; /* of them */
    uint32_t chunk_count;
    struct bda_block *chunks[BDA_CHUNKS]; /* device memory that is cut into pieces, in no pool and in no map */
    _Atomic uint64_t bytes;               /* of device memory */
    struct bda_leaf *leaves;
    uint32_t front, top, records; /* pieces */
    /* All that covers addresses of a leaf that could not be made is among the gaps, so that its pages' users can be
     * counted when it is; where one found no room, the leaf is given up: a bit each. */
    uint32_t given_up[BDA_SHADOW_WORDS / 32];
    _Atomic uint32_t gap_count;
    struct bda_gap gaps[BDA_GAPS_MOST];
};

/* Makes the front, an empty table and the records. What fails leaves nothing behind. */
VkResult bda_shadow_init(struct bda_shadow *shadow, BdaAllocator allocator, const char **reason);
void bda_shadow_finish(struct bda_shadow *shadow);

/* What shaders are given: the address of the front. */
VkDeviceAddress bda_shadow_address(struct bda_shadow *shadow);

/* Sees to it that tables for these addresses can be had; if not nothing has changed. For who can do without. */
VkResult bda_shadow_secure(struct bda_shadow *shadow, VkDeviceAddress address, VkDeviceSize size, const char **reason);

/* Addresses come into being, with nothing live in them. VK_SUCCESS, or why some of them are not known now, which is no
 * error to a shader; bda_shadow_uncover is due in any case. */
VkResult bda_shadow_cover(struct bda_shadow *shadow, VkDeviceAddress address, VkDeviceSize size);
void bda_shadow_uncover(struct bda_shadow *shadow, VkDeviceAddress address, VkDeviceSize size);

/* ---- Gaps ---- */

/* Whether there are any. */
static inline bool bda_shadow_has_gaps(const struct bda_shadow *shadow) {
    return atomic_load_explicit(&shadow->gap_count, memory_order_relaxed) != 0;
}

/* Bytes of addresses in them that are not known, in whole pages. */
VkDeviceSize bda_shadow_unknown(struct bda_shadow *shadow);

/* Sees to it that there is memory for what is not known, as far as it is to be had. */
void bda_shadow_secure_gaps(struct bda_shadow *shadow);

/* The first page from `*number` on that is not known gets a piece, in which what becomes live from now on is written;
 * false: there is none, or no memory for it. bda_shadow_fill writes what was live before, where nothing is written yet,
 * and calls no driver function. Then bda_shadow_publish: shaders see it. One thread at a time does these. */
bool bda_shadow_open_page(struct bda_shadow *shadow, uint32_t *number, uint32_t *piece);
void bda_shadow_fill(struct bda_shadow *shadow, uint32_t number, uint32_t piece, VkDeviceAddress address,
                     VkDeviceSize size, uint32_t colour);
void bda_shadow_publish(struct bda_shadow *shadow, uint32_t number, uint32_t piece);

/* The colour of what is live at an address; -1: nothing is, or it is not known. */
int bda_shadow_colour(struct bda_shadow *shadow, VkDeviceAddress address);

/* Forgets the gaps that are filled. */
void bda_shadow_settle(struct bda_shadow *shadow);

/* Bytes become live, of a colour (modulo their number), or are no longer; what lies in no page is left out. `address`
 * is rounded down to a granule. */
void bda_shadow_set(struct bda_shadow *shadow, VkDeviceAddress address, VkDeviceSize size, uint32_t colour);
void bda_shadow_clear(struct bda_shadow *shadow, VkDeviceAddress address, VkDeviceSize size);

/* Makes what the host wrote to words of a piece visible to the device, and the other way around; no lock is held. */
void bda_shadow_flush(struct bda_shadow *shadow, uint32_t piece, uint32_t first, uint32_t count);
VkResult bda_shadow_invalidate(struct bda_shadow *shadow, uint32_t piece, uint32_t first, uint32_t count);

static inline struct bda_piece *bda_piece_at(struct bda_shadow *shadow, uint32_t index) {
    return bda_store_at(&shadow->pieces, index);
}

/* A word that the device may be reading or writing. */
static inline _Atomic uint32_t *bda_piece_word(struct bda_shadow *shadow, uint32_t piece, uint32_t word) {
    return (_Atomic uint32_t *)(void *)bda_piece_at(shadow, piece)->mapped + word;
}

#endif
