/* See shadow.h. */
#include "debug/shadow.h"

#include <string.h>

_Static_assert(BDA_SHADOW_PAGE_LOG2 - BDA_SHADOW_GRANULE_LOG2 == BDA_PIECE_LOG2, "a page's piece has a byte a granule");
_Static_assert(BDA_SHADOW_WORDS * 4 == BDA_PIECE_BYTES, "a table is a piece");
_Static_assert(BDA_RECORDS *BDA_RECORD_WORDS == BDA_PIECE_WORDS, "the records are a piece");
_Static_assert(sizeof(_Atomic uint32_t) == 4, "a word of the device's");

#define PAGE_BYTES ((VkDeviceAddress)1 << BDA_SHADOW_PAGE_LOG2)

/* Addresses may be sign-extended from bit 47: shaders look at the lowest 48 bits. */
static uint32_t page_of(VkDeviceAddress address) {
    return (uint32_t)((address & (((VkDeviceAddress)1 << BDA_SHADOW_TOP_LOG2) - 1)) >> BDA_SHADOW_PAGE_LOG2);
}

static uint32_t leaf_of(uint32_t page) {
    return page / BDA_SHADOW_WORDS;
}

static void store_word(struct bda_shadow *shadow, uint32_t piece, uint32_t word, uint32_t value) {
    atomic_store_explicit(bda_piece_word(shadow, piece, word), value, memory_order_release);
}

/* ---- What is not coherent ---- */

static VkResult sync(struct bda_shadow *shadow, uint32_t piece, uint32_t first, uint32_t count, enum bda_sync how) {
    const struct bda_piece *p = bda_piece_at(shadow, piece);
    VkDeviceSize offset = p->chunk->memory_offset + (VkDeviceSize)(p->mapped - p->chunk->mapped) + 4 * (uint64_t)first;
    return bda_backing_sync(&shadow->allocator->device, &p->chunk->backing, how, offset, 4 * (uint64_t)count);
}

void bda_shadow_flush(struct bda_shadow *shadow, uint32_t piece, uint32_t first, uint32_t count) {
    (void)sync(shadow, piece, first, count, BDA_SYNC_FLUSH); /* a lost device shows in the calls that follow */
}

VkResult bda_shadow_invalidate(struct bda_shadow *shadow, uint32_t piece, uint32_t first, uint32_t count) {
    return sync(shadow, piece, first, count, BDA_SYNC_INVALIDATE);
}

/* ---- Chunks ---- */

static VkResult open_in(struct bda_device *device, uint32_t type, VkDeviceSize size, struct bda_block *chunk,
                        const char **reason) {
    const VkBufferCreateInfo buffer_info =
        bda_block_buffer_info(device, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, size, false);
    VkBuffer buffer;
    VkResult result = device->vk.create_buffer(device->handle, &buffer_info, device->driver_callbacks, &buffer);
    if (result != VK_SUCCESS)
        return result;
    struct bda_requirements requirements;
    bda_block_requirements(device, buffer, &requirements);
    if ((requirements.type_bits >> type & 1u) == 0) {
        device->vk.destroy_buffer(device->handle, buffer, device->driver_callbacks);
        return VK_ERROR_FEATURE_NOT_PRESENT;
    }
    const struct bda_backing_info info = { .size = requirements.size, .type = type, .priority = BDA_DEFAULT_PRIORITY };
    return bda_block_open_dedicated(device, &info, &buffer_info, buffer, &requirements, 1, 0, chunk, reason);
}

/* In the GPU's own memory where the CPU can reach that, else in the host's. */
static VkResult open_chunk(struct bda_shadow *shadow, VkDeviceSize size, struct bda_block *chunk, const char **reason) {
    static const BdaIntent intents[] = { BDA_INTENT_SHARED, BDA_INTENT_UPLOAD };
    VkResult result = VK_ERROR_FEATURE_NOT_PRESENT;
    *reason = "no memory type serves the tables of checked pointers";
    for (uint32_t i = 0; i < sizeof intents / sizeof intents[0]; i++) {
        const struct bda_type_order *order = bda_order_of(shadow->allocator, intents[i], 0);
        for (uint32_t type = 0; type < order->count; type++) {
            *reason = NULL;
            result = open_in(&shadow->allocator->device, order->types[type], size, chunk, reason);
            if (result == VK_SUCCESS)
                return result;
        }
    }
    return result;
}

/* A spare piece more; false when host memory is refused. The lock is held. */
static bool add_piece(struct bda_shadow *shadow, const struct bda_block *chunk, VkDeviceSize offset) {
    uint32_t index;
    if (bda_store_grow(&shadow->pieces, 1, &index) == 0)
        return false;
    *bda_piece_at(shadow, index) = (struct bda_piece){ .mapped = chunk->mapped + offset,
                                                       .chunk = chunk,
                                                       .word = (uint32_t)((chunk->region.base + offset) >> 16),
                                                       .next = shadow->spare };
    shadow->spare = index;
    shadow->spare_count++;
    return true;
}

/* All that shaders read lies where one half-word is the same: the first chunk's. */
static bool lies_well(struct bda_shadow *shadow, const struct bda_block *chunk) {
    return shadow->chunk_count == 0 || chunk->region.base >> 48 == shadow->chunks[0]->region.base >> 48;
}

/* Cuts a chunk; how many pieces came of it. */
static uint32_t add_chunk(struct bda_shadow *shadow, struct bda_block *chunk) {
    uint32_t count = 0;
    VkDeviceSize size = chunk->dedicated_size;
    VkDeviceSize offset = (0 - chunk->region.base) & (BDA_PIECE_BYTES - 1);
    bda_mutex_lock(&shadow->lock);
    if (shadow->chunk_count < BDA_CHUNKS && lies_well(shadow, chunk)) {
        for (; offset + BDA_PIECE_BYTES <= size && add_piece(shadow, chunk, offset); offset += BDA_PIECE_BYTES)
            count++;
        if (count != 0)
            shadow->chunks[shadow->chunk_count++] = chunk;
    }
    bda_mutex_unlock(&shadow->lock);
    return count;
}

static VkDeviceSize next_chunk_size(struct bda_shadow *shadow) {
    bda_mutex_lock(&shadow->lock);
    uint32_t log2 = BDA_CHUNK_FIRST_LOG2 + shadow->chunk_count;
    bda_mutex_unlock(&shadow->lock);
    return (VkDeviceSize)1 << (log2 < BDA_CHUNK_MOST_LOG2 ? log2 : BDA_CHUNK_MOST_LOG2);
}

/* As large as its turn is; where that is refused, no larger than is wanted now. */
static VkResult open_some_chunk(struct bda_shadow *shadow, uint32_t wanted, struct bda_block *chunk,
                                const char **reason) {
    VkDeviceSize turn = next_chunk_size(shadow);
    VkDeviceSize least = ((VkDeviceSize)wanted + 1) << BDA_PIECE_LOG2; /* a base that is not aligned costs a piece */
    VkResult result = open_chunk(shadow, bda_max(turn, least), chunk, reason);
    return result != VK_SUCCESS && least < turn ? open_chunk(shadow, least, chunk, reason) : result;
}

static VkResult grow(struct bda_shadow *shadow, uint32_t wanted, const char **reason) {
    struct bda_device *device = &shadow->allocator->device;
    struct bda_block *chunk = bda_host_allocate(&shadow->allocator->host, sizeof *chunk, _Alignof(struct bda_block));
    if (chunk == NULL)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    memset(chunk, 0, sizeof *chunk);
    VkResult result = open_some_chunk(shadow, wanted, chunk, reason);
    if (result == VK_SUCCESS) {
        memset(chunk->mapped, 0, (size_t)chunk->dedicated_size);
        (void)bda_backing_sync(device, &chunk->backing, BDA_SYNC_FLUSH, chunk->memory_offset, chunk->dedicated_size);
        VkDeviceSize bytes = chunk->backing.size;
        if (add_chunk(shadow, chunk) != 0) {
            atomic_fetch_add_explicit(&shadow->bytes, bytes, memory_order_relaxed);
            return VK_SUCCESS;
        }
        bda_block_close(device, chunk);
        result = VK_ERROR_OUT_OF_HOST_MEMORY;
    }
    bda_host_release(&shadow->allocator->host, chunk, sizeof *chunk);
    return result;
}

/* Sees to it that there are so many spare pieces, unless other threads are faster to take them. */
static VkResult secure(struct bda_shadow *shadow, uint32_t wanted, const char **reason) {
    bda_mutex_lock(&shadow->lock);
    uint32_t lacking = wanted > shadow->spare_count ? wanted - shadow->spare_count : 0;
    bda_mutex_unlock(&shadow->lock);
    return lacking != 0 ? grow(shadow, lacking, reason) : VK_SUCCESS;
}

/* ---- Pieces and leaves; the lock is held ---- */

static uint32_t take_piece(struct bda_shadow *shadow) {
    uint32_t index = shadow->spare;
    if (index != 0) {
        shadow->spare = bda_piece_at(shadow, index)->next;
        shadow->spare_count--;
    }
    return index;
}

static void give_piece(struct bda_shadow *shadow, uint32_t index) {
    bda_piece_at(shadow, index)->next = shadow->spare;
    shadow->spare = index;
    shadow->spare_count++;
}

static struct bda_leaf *find_leaf(struct bda_shadow *shadow, uint32_t number) {
    struct bda_leaf *leaf = shadow->leaves;
    while (leaf != NULL && leaf->number != number)
        leaf = leaf->next;
    return leaf;
}

static bool is_given_up(const struct bda_shadow *shadow, uint32_t number) {
    return (shadow->given_up[number / 32] >> number % 32 & 1u) != 0;
}

/* What covers pages of a leaf that was lacking is counted now, and not known yet. */
static void count_gaps(struct bda_shadow *shadow, struct bda_leaf *leaf) {
    uint32_t base = leaf->number * BDA_SHADOW_WORDS;
    for (uint32_t i = 0; i < shadow->gap_count; i++) {
        const struct bda_gap *gap = &shadow->gaps[i];
        for (uint32_t at = gap->first > base ? gap->first - base : 0; at < BDA_SHADOW_WORDS && base + at <= gap->last;
             at++) {
            leaf->pages[at].users++;
            store_word(shadow, leaf->piece, at, BDA_SHADOW_UNKNOWN);
        }
    }
}

/* NULL, and nothing has changed, where there is no memory for it. */
static struct bda_leaf *make_leaf(struct bda_shadow *shadow, uint32_t number) {
    struct bda_host *host = &shadow->allocator->host;
    uint32_t piece = take_piece(shadow);
    struct bda_leaf *leaf = piece != 0 ? bda_host_allocate(host, sizeof *leaf, _Alignof(struct bda_leaf)) : NULL;
    if (leaf == NULL) {
        if (piece != 0)
            give_piece(shadow, piece);
        return NULL;
    }
    memset(leaf, 0, sizeof *leaf);
    leaf->next = shadow->leaves;
    leaf->number = number;
    leaf->piece = piece;
    count_gaps(shadow, leaf);
    shadow->leaves = leaf;
    store_word(shadow, shadow->top, number, bda_piece_at(shadow, piece)->word);
    return leaf;
}

/* NULL where there is none and none can be made. */
static struct bda_leaf *leaf_for(struct bda_shadow *shadow, uint32_t number) {
    struct bda_leaf *leaf = find_leaf(shadow, number);
    if (leaf == NULL && !is_given_up(shadow, number))
        leaf = make_leaf(shadow, number);
    return leaf;
}

/* ---- Pages; the lock is held ---- */

/* Whether the page is known now. */
static bool cover_page(struct bda_shadow *shadow, uint32_t number) {
    struct bda_leaf *leaf = leaf_for(shadow, leaf_of(number));
    if (leaf == NULL) {
        store_word(shadow, shadow->top, leaf_of(number), BDA_SHADOW_UNKNOWN);
        return false;
    }
    struct bda_page *page = &leaf->pages[number % BDA_SHADOW_WORDS];
    if (page->users++ == 0) {
        page->piece = take_piece(shadow);
        uint32_t word = page->piece != 0 ? bda_piece_at(shadow, page->piece)->word : BDA_SHADOW_UNKNOWN;
        store_word(shadow, leaf->piece, number % BDA_SHADOW_WORDS, word);
    }
    return page->piece != 0;
}

/* A piece that is worn is put in front of `*worn`: it is wiped before it is spare. */
static void uncover_page(struct bda_shadow *shadow, uint32_t number, uint32_t *worn) {
    struct bda_leaf *leaf = find_leaf(shadow, leaf_of(number));
    if (leaf == NULL)
        return;
    struct bda_page *page = &leaf->pages[number % BDA_SHADOW_WORDS];
    if (page->users == 0)
        return;
    page->users--;
    if (page->users != 0)
        return;
    store_word(shadow, leaf->piece, number % BDA_SHADOW_WORDS, BDA_SHADOW_NOTHING);
    if (page->piece != 0 && page->worn) {
        bda_piece_at(shadow, page->piece)->next = *worn;
        *worn = page->piece;
    } else if (page->piece != 0) {
        give_piece(shadow, page->piece);
    }
    page->piece = 0;
    page->worn = 0;
}

/* Shaders look it up: it has a piece, and its word says so. */
static bool is_known(struct bda_shadow *shadow, uint32_t number) {
    const struct bda_leaf *leaf = find_leaf(shadow, leaf_of(number));
    return leaf != NULL && atomic_load_explicit(bda_piece_word(shadow, leaf->piece, number % BDA_SHADOW_WORDS),
                                                memory_order_relaxed) != BDA_SHADOW_UNKNOWN;
}

/* Some of these pages are not known. Where no more gaps can be remembered, leaves that are lacking stay so. */
static void remember_gap(struct bda_shadow *shadow, uint32_t first, uint32_t last) {
    if (shadow->gap_count < BDA_GAPS_MOST) {
        shadow->gaps[shadow->gap_count++] = (struct bda_gap){ first, last };
        return;
    }
    for (uint32_t leaf = leaf_of(first); leaf <= leaf_of(last); leaf++)
        if (find_leaf(shadow, leaf) == NULL)
            shadow->given_up[leaf / 32] |= 1u << leaf % 32;
}

static void remove_gap(struct bda_shadow *shadow, uint32_t index) {
    shadow->gaps[index] = shadow->gaps[--shadow->gap_count];
}

/* A leaf that is lacking, where nothing is covered any more. */
static void forget_leaf(struct bda_shadow *shadow, uint32_t number) {
    bool lacks = find_leaf(shadow, number) == NULL && !is_given_up(shadow, number);
    for (uint32_t i = 0; i < shadow->gap_count && lacks; i++)
        lacks = leaf_of(shadow->gaps[i].first) > number || leaf_of(shadow->gaps[i].last) < number;
    if (lacks)
        store_word(shadow, shadow->top, number, BDA_SHADOW_NOTHING);
}

/* Two that have the same pages have one page, and are alike. */
static void forget_gap(struct bda_shadow *shadow, uint32_t first, uint32_t last) {
    uint32_t i = 0;
    while (i < shadow->gap_count && (shadow->gaps[i].first != first || shadow->gaps[i].last != last))
        i++;
    if (i == shadow->gap_count)
        return;
    remove_gap(shadow, i);
    for (uint32_t leaf = leaf_of(first); leaf <= leaf_of(last); leaf++)
        forget_leaf(shadow, leaf);
}

/* ---- Covering; the lock is not held ---- */

/* With whatever else a leaf that was made says. */
static void flush_pages(struct bda_shadow *shadow, uint32_t first, uint32_t last) {
    for (uint32_t number = leaf_of(first); number <= leaf_of(last); number++) {
        bda_mutex_lock(&shadow->lock);
        const struct bda_leaf *leaf = find_leaf(shadow, number);
        bda_mutex_unlock(&shadow->lock);
        if (leaf != NULL) /* leaves stay */
            bda_shadow_flush(shadow, leaf->piece, 0, BDA_PIECE_WORDS);
        bda_shadow_flush(shadow, shadow->top, number, 1);
    }
}

/* Whether there is a leaf for each of these pages now. */
static bool have_leaves(struct bda_shadow *shadow, uint32_t first, uint32_t last) {
    bool all = true;
    bda_mutex_lock(&shadow->lock);
    for (uint32_t leaf = leaf_of(first); leaf <= leaf_of(last) && all; leaf++)
        all = leaf_for(shadow, leaf) != NULL;
    bda_mutex_unlock(&shadow->lock);
    return all;
}

/* Pieces for so many pages and their leaves. */
static VkResult secure_pages(struct bda_shadow *shadow, uint32_t first, uint32_t last, const char **reason) {
    return secure(shadow, last - first + 1 + leaf_of(last) - leaf_of(first) + 1, reason);
}

VkResult bda_shadow_secure(struct bda_shadow *shadow, VkDeviceAddress address, VkDeviceSize size, const char **reason) {
    uint32_t first = page_of(address), last = page_of(address + size - 1);
    VkResult result = secure_pages(shadow, first, last, reason);
    if (result != VK_SUCCESS || have_leaves(shadow, first, last))
        return result;
    *reason = NULL;
    return VK_ERROR_OUT_OF_HOST_MEMORY;
}

VkResult bda_shadow_cover(struct bda_shadow *shadow, VkDeviceAddress address, VkDeviceSize size) {
    uint32_t first = page_of(address), last = page_of(address + size - 1);
    const char *reason;
    VkResult refused = secure_pages(shadow, first, last, &reason);
    bool all = true;
    bda_mutex_lock(&shadow->lock); /* once, since a leaf that is made counts what is remembered */
    for (uint32_t number = first; number <= last; number++)
        all = cover_page(shadow, number) && all;
    if (!all)
        remember_gap(shadow, first, last);
    bda_mutex_unlock(&shadow->lock);
    flush_pages(shadow, first, last);
    if (all) /* what was refused was not needed: some pages were there */
        return VK_SUCCESS;
    return refused != VK_SUCCESS ? refused : VK_ERROR_OUT_OF_HOST_MEMORY;
}

/* Pieces in a list of their own, which nobody else knows. */
static void wipe(struct bda_shadow *shadow, uint32_t worn) {
    while (worn != 0) {
        uint32_t next = bda_piece_at(shadow, worn)->next;
        memset(bda_piece_at(shadow, worn)->mapped, 0, BDA_PIECE_BYTES);
        bda_shadow_flush(shadow, worn, 0, BDA_PIECE_WORDS);
        bda_mutex_lock(&shadow->lock);
        give_piece(shadow, worn);
        bda_mutex_unlock(&shadow->lock);
        worn = next;
    }
}

void bda_shadow_uncover(struct bda_shadow *shadow, VkDeviceAddress address, VkDeviceSize size) {
    uint32_t first = page_of(address), last = page_of(address + size - 1), worn = 0;
    bda_mutex_lock(&shadow->lock);
    forget_gap(shadow, first, last);
    for (uint32_t number = first; number <= last; number++)
        uncover_page(shadow, number, &worn);
    bda_mutex_unlock(&shadow->lock);
    flush_pages(shadow, first, last);
    wipe(shadow, worn);
}

/* ---- What is live ---- */

/* The piece of a page, or 0. */
static uint32_t find_page(struct bda_shadow *shadow, uint32_t number) {
    bda_mutex_lock(&shadow->lock);
    const struct bda_leaf *leaf = find_leaf(shadow, leaf_of(number));
    uint32_t piece = leaf != NULL ? leaf->pages[number % BDA_SHADOW_WORDS].piece : 0;
    bda_mutex_unlock(&shadow->lock);
    return piece;
}

/* In place of a colour. */
#define DEAD UINT32_MAX

/* What stands for a granule with so many live bytes. */
static unsigned char byte_for(size_t live, uint32_t colour) {
    return colour == DEAD ? 0 : (unsigned char)(live + 16 * (size_t)colour);
}

/* Of a page's piece, whose bytes beside these may be written by other threads at the same time. */
static void set_bytes(unsigned char *bytes, VkDeviceSize size, uint32_t colour) {
    enum { GRANULE = 1 << BDA_SHADOW_GRANULE_LOG2 };
    size_t whole = (size_t)size / GRANULE, rest = (size_t)size % GRANULE;
    memset(bytes, byte_for(GRANULE, colour), whole);
    if (rest != 0)
        bytes[whole] = byte_for(rest, colour);
}

static void fill(struct bda_shadow *shadow, VkDeviceAddress address, VkDeviceSize size, uint32_t colour) {
    VkDeviceAddress end = address + size, at = bda_align_down(address, 1 << BDA_SHADOW_GRANULE_LOG2);
    while (at != end) {
        VkDeviceSize part = bda_min(end - at, PAGE_BYTES - at % PAGE_BYTES);
        uint32_t piece = find_page(shadow, page_of(at));
        uint32_t granule = (uint32_t)(at % PAGE_BYTES) >> BDA_SHADOW_GRANULE_LOG2;
        if (piece != 0) {
            set_bytes(bda_piece_at(shadow, piece)->mapped + granule, part, colour);
            uint32_t last = granule + ((uint32_t)(part - 1) >> BDA_SHADOW_GRANULE_LOG2);
            bda_shadow_flush(shadow, piece, granule / 4, last / 4 - granule / 4 + 1);
        }
        at += part;
    }
}

void bda_shadow_set(struct bda_shadow *shadow, VkDeviceAddress address, VkDeviceSize size, uint32_t colour) {
    fill(shadow, address, size, colour % BDA_SHADOW_COLOURS);
}

void bda_shadow_clear(struct bda_shadow *shadow, VkDeviceAddress address, VkDeviceSize size) {
    fill(shadow, address, size, DEAD);
}

/* ---- Gaps ---- */

/* The first page of a gap from `number` on that is not known, or one behind its last. The lock is held. */
static uint32_t next_unknown(struct bda_shadow *shadow, const struct bda_gap *gap, uint32_t number) {
    number = number > gap->first ? number : gap->first;
    while (number <= gap->last && is_known(shadow, number))
        number++;
    return number;
}

VkDeviceSize bda_shadow_unknown(struct bda_shadow *shadow) {
    VkDeviceSize pages = 0;
    bda_mutex_lock(&shadow->lock);
    for (uint32_t i = 0; i < shadow->gap_count; i++)
        for (uint32_t number = shadow->gaps[i].first; number <= shadow->gaps[i].last; number++)
            pages += !is_known(shadow, number);
    bda_mutex_unlock(&shadow->lock);
    return pages << BDA_SHADOW_PAGE_LOG2;
}

void bda_shadow_secure_gaps(struct bda_shadow *shadow) {
    const char *reason;
    uint32_t leaves = 0;
    uint64_t pages = bda_shadow_unknown(shadow) >> BDA_SHADOW_PAGE_LOG2;
    bda_mutex_lock(&shadow->lock);
    for (uint32_t i = 0; i < shadow->gap_count; i++)
        leaves += leaf_of(shadow->gaps[i].last) - leaf_of(shadow->gaps[i].first) + 1;
    bda_mutex_unlock(&shadow->lock);
    (void)secure(shadow, (uint32_t)bda_min(pages + leaves, UINT32_MAX >> 1), &reason);
}

bool bda_shadow_open_page(struct bda_shadow *shadow, uint32_t *number, uint32_t *piece) {
    uint32_t nearest = UINT32_MAX;
    *piece = 0;
    bda_mutex_lock(&shadow->lock);
    for (uint32_t i = 0; i < shadow->gap_count; i++) {
        uint32_t next = next_unknown(shadow, &shadow->gaps[i], *number);
        if (next <= shadow->gaps[i].last && next < nearest)
            nearest = next;
    }
    struct bda_leaf *leaf = nearest != UINT32_MAX ? leaf_for(shadow, leaf_of(nearest)) : NULL;
    if (leaf != NULL) {
        struct bda_page *page = &leaf->pages[nearest % BDA_SHADOW_WORDS];
        page->piece = page->piece != 0 ? page->piece : take_piece(shadow);
        page->worn = 1;
        *piece = page->piece;
    }
    bda_mutex_unlock(&shadow->lock);
    *number = nearest;
    return *piece != 0;
}

void bda_shadow_fill(struct bda_shadow *shadow, uint32_t number, uint32_t piece, VkDeviceAddress address,
                     VkDeviceSize size, uint32_t colour) {
    VkDeviceAddress begin = (VkDeviceAddress)number << BDA_SHADOW_PAGE_LOG2;
    const VkDeviceAddress low = ((VkDeviceAddress)1 << BDA_SHADOW_TOP_LOG2) - 1;
    VkDeviceAddress from = bda_max(address & low, begin);
    VkDeviceAddress to = bda_min((address & low) + size, begin + PAGE_BYTES);
    unsigned char *bytes = bda_piece_at(shadow, piece)->mapped + ((from - begin) >> BDA_SHADOW_GRANULE_LOG2);
    if (from < to && bytes[0] == 0)
        set_bytes(bytes, to - from, colour % BDA_SHADOW_COLOURS);
}

void bda_shadow_publish(struct bda_shadow *shadow, uint32_t number, uint32_t piece) {
    bda_shadow_flush(shadow, piece, 0, BDA_PIECE_WORDS);
    bda_mutex_lock(&shadow->lock);
    const struct bda_leaf *leaf = find_leaf(shadow, leaf_of(number));
    const struct bda_page *page = &leaf->pages[number % BDA_SHADOW_WORDS];
    if (page->users != 0 && page->piece == piece)
        store_word(shadow, leaf->piece, number % BDA_SHADOW_WORDS, bda_piece_at(shadow, piece)->word);
    bda_mutex_unlock(&shadow->lock);
    flush_pages(shadow, number, number);
}

int bda_shadow_colour(struct bda_shadow *shadow, VkDeviceAddress address) {
    uint32_t piece = find_page(shadow, page_of(address));
    if (piece == 0)
        return -1;
    unsigned char byte = bda_piece_at(shadow, piece)->mapped[(address % PAGE_BYTES) >> BDA_SHADOW_GRANULE_LOG2];
    return byte != 0 ? (byte - 1) / 16 : -1;
}

void bda_shadow_settle(struct bda_shadow *shadow) {
    bda_mutex_lock(&shadow->lock);
    for (uint32_t i = shadow->gap_count; i-- > 0;)
        if (next_unknown(shadow, &shadow->gaps[i], 0) > shadow->gaps[i].last)
            remove_gap(shadow, i);
    bda_mutex_unlock(&shadow->lock);
}

/* ---- Beginning and end ---- */

static void write_front(struct bda_shadow *shadow) {
    const struct bda_piece *front = bda_piece_at(shadow, shadow->front);
    store_word(shadow, shadow->front, BDA_FRONT_TOP, bda_piece_at(shadow, shadow->top)->word);
    store_word(shadow, shadow->front, BDA_FRONT_RECORDS, bda_piece_at(shadow, shadow->records)->word);
    store_word(shadow, shadow->front, BDA_FRONT_HIGH, (uint32_t)(front->chunk->region.base >> 48));
    bda_shadow_flush(shadow, shadow->front, 0, BDA_FRONT_TAKEN + 1);
}

VkResult bda_shadow_init(struct bda_shadow *shadow, BdaAllocator allocator, const char **reason) {
    enum { PIECES = 3, PIECES_CHUNK_LOG2 = 6 };
    memset(shadow, 0, sizeof *shadow);
    shadow->allocator = allocator;
    bda_mutex_init(&shadow->lock, allocator->locks);
    bda_store_init(&shadow->pieces, &allocator->host, sizeof(struct bda_piece), PIECES_CHUNK_LOG2);
    VkResult result = secure(shadow, PIECES, reason);
    if (result == VK_SUCCESS && shadow->spare_count < PIECES)
        result = VK_ERROR_OUT_OF_HOST_MEMORY;
    if (result != VK_SUCCESS) {
        bda_shadow_finish(shadow);
        return result;
    }
    shadow->front = take_piece(shadow);
    shadow->top = take_piece(shadow);
    shadow->records = take_piece(shadow);
    write_front(shadow);
    return VK_SUCCESS;
}

void bda_shadow_finish(struct bda_shadow *shadow) {
    struct bda_host *host = &shadow->allocator->host;
    while (shadow->leaves != NULL) {
        struct bda_leaf *next = shadow->leaves->next;
        bda_host_release(host, shadow->leaves, sizeof *shadow->leaves);
        shadow->leaves = next;
    }
    while (shadow->chunk_count > 0) {
        struct bda_block *chunk = shadow->chunks[--shadow->chunk_count];
        bda_block_close(&shadow->allocator->device, chunk);
        bda_host_release(host, chunk, sizeof *chunk);
    }
    bda_store_destroy(&shadow->pieces);
    bda_mutex_destroy(&shadow->lock);
}

VkDeviceAddress bda_shadow_address(struct bda_shadow *shadow) {
    const struct bda_piece *front = bda_piece_at(shadow, shadow->front);
    return front->chunk->region.base + (VkDeviceSize)(front->mapped - front->chunk->mapped);
}
