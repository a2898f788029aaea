/*
 * core/store.h and core/host.h: each index has memory of its own, zeroed, that never moves; a refusal takes nothing
 * away; everything goes back. The directory begins with one chunk here and is doubled at once, see prove.sh.
 *
 * Addresses are compared as numbers: the store reckons with the address that element 0 would have, which a checker
 * does not follow as a pointer.
 */
#include "proof.h"

enum { CHUNK_LOG2 = 1, PER_CHUNK = 1 << CHUNK_LOG2, ELEMENT = 32, CHUNK = ELEMENT * PER_CHUNK };
enum { GROWTHS = 3, MOST_ELEMENTS = GROWTHS * PER_CHUNK };

static struct bda_host host;
static struct bda_store store;

/* ---- Host memory that may refuse ---- */

/* An object for each block that the store can ask for, of exactly its size: then a byte too far is seen. */
static _Alignas(64) unsigned char chunk_0[CHUNK], chunk_1[CHUNK], chunk_2[CHUNK];
static _Alignas(64) unsigned char directory_1[sizeof(struct bda_directory) + sizeof(uintptr_t)];
static _Alignas(64) unsigned char directory_2[sizeof(struct bda_directory) + 2 * sizeof(uintptr_t)];
static _Alignas(64) unsigned char directory_4[sizeof(struct bda_directory) + 4 * sizeof(uintptr_t)];

/* CBMC's own would copy as many bytes as a variable says; the store copies words, two at most. */
void *memcpy(void *to, const void *from, size_t size) {
    ENSURE(size % sizeof(uintptr_t) == 0 && size <= 2 * sizeof(uintptr_t));
    for (uint32_t i = 0; i < 2; i++)
        if (i < size / sizeof(uintptr_t))
            ((uintptr_t *)to)[i] = ((const uintptr_t *)from)[i];
    return to;
}

enum { MOST_BLOCKS = 6 };

static struct block {
    unsigned char *memory;
    size_t size;
    bool held;
} blocks[MOST_BLOCKS] = { { chunk_0, sizeof chunk_0, false },         { chunk_1, sizeof chunk_1, false },
                          { chunk_2, sizeof chunk_2, false },         { directory_1, sizeof directory_1, false },
                          { directory_2, sizeof directory_2, false }, { directory_4, sizeof directory_4, false } };

static void *may_allocate(void *user, size_t size, size_t alignment) {
    ENSURE(user == &host && (alignment == 64 || alignment == sizeof(void *)));
    uint32_t chosen = MOST_BLOCKS;
    for (uint32_t i = MOST_BLOCKS; i-- > 0;)
        chosen = blocks[i].size == size && !blocks[i].held ? i : chosen;
    ENSURE(chosen < MOST_BLOCKS);
    if (chosen == MOST_BLOCKS || nondet_bool())
        return NULL;
    blocks[chosen].held = true;
    void *memory = blocks[0].memory;
    for (uint32_t i = 1; i < MOST_BLOCKS; i++)
        memory = chosen == i ? blocks[i].memory : memory;
    return memory;
}

static void must_release(void *user, void *memory) {
    bool known = false;
    ENSURE(user == &host);
    for (uint32_t i = 0; i < MOST_BLOCKS; i++)
        if (blocks[i].held && blocks[i].memory == memory) {
            blocks[i].held = false;
            known = true;
        }
    ENSURE(known);
}

static uint64_t bytes_held(void) {
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < MOST_BLOCKS; i++)
        bytes += blocks[i].held ? blocks[i].size : 0;
    return bytes;
}

static void open(void) {
    host.allocate = may_allocate;
    host.release = must_release;
    host.user = &host;
    bda_store_init(&store, &host, ELEMENT, CHUNK_LOG2);
}

/* ---- The proofs ---- */

static uintptr_t address(uint32_t index) {
    return (uintptr_t)bda_store_at(&store, index);
}

/* The one block that the element lies in; MOST_BLOCKS is none. */
static uint32_t block_of(uint32_t index) {
    uint32_t found = MOST_BLOCKS;
    for (uint32_t i = 0; i < MOST_BLOCKS; i++) {
        uintptr_t from = (uintptr_t)blocks[i].memory;
        if (blocks[i].held && address(index) >= from && address(index) + ELEMENT <= from + blocks[i].size)
            found = i;
    }
    return found;
}

void growth_hands_out_new_memory_and_moves_none(void) {
    uintptr_t seen[MOST_ELEMENTS + PER_CHUNK];
    uint32_t length = 1;
    open();
    for (uint32_t round = 0; round < GROWTHS; round++) {
        uint32_t wanted = nondet_u32(), first = 0;
        GIVEN(wanted != 0);
        uint32_t added = bda_store_grow(&store, wanted, &first);
        ENSURE(added <= wanted && added <= PER_CHUNK);
        if (added == 0)
            continue;
        ENSURE(first == length && bda_store_has(&store, first) && !bda_store_has(&store, first + added));
        for (uint32_t i = 0; i < PER_CHUNK; i++)
            if (i < added)
                seen[first + i] = address(first + i);
        length += added;
    }
    ENSURE(!bda_store_has(&store, 0) && host.bytes == bytes_held());
    uint32_t index = nondet_u32(), other = nondet_u32();
    GIVEN(index < length && index != 0 && other < index && other != 0);
    ENSURE(address(index) == seen[index] && block_of(index) != MOST_BLOCKS);
    ENSURE(address(other) + ELEMENT <= address(index) || address(index) + ELEMENT <= address(other));
    ENSURE(address(index) % ELEMENT == 0);
    REACHES(length == MOST_ELEMENTS);
}

void elements_begin_as_zeros(void) {
    uint32_t first = 0;
    open();
    uint32_t added = bda_store_grow(&store, nondet_bool() ? 1 : 5, &first);
    GIVEN(added != 0);
    uint32_t byte = any_below(ELEMENT), block = block_of(first);
    ENSURE(block < MOST_BLOCKS);
    ENSURE(blocks[block].memory[address(first) - (uintptr_t)blocks[block].memory + byte] == 0);
}

void everything_goes_back(void) {
    uint32_t first = 0;
    open();
    for (uint32_t round = 0; round < GROWTHS; round++)
        (void)bda_store_grow(&store, PER_CHUNK, &first);
    REACHES(host.bytes == 3 * CHUNK + sizeof directory_1 + sizeof directory_2 + sizeof directory_4);
    bda_store_destroy(&store);
    ENSURE(bytes_held() == 0 && host.bytes == 0);
}

/* With chunks anywhere: a link that says of its neighbour whether it is free leads where the neighbour's index does. */
void a_link_leads_where_its_index_does(void) {
    const uintptr_t chunks[4] = { nondet_u64(), nondet_u64(), nondet_u64(), nondet_u64() };
    uint32_t index = any_below(4u << BDA_NODE_CHUNK_LOG2);
    bool is_free = nondet_bool();
    bda_link link = bda_link_to(index, is_free);
    ENSURE(bda_link_index(link) == index && bda_link_is_free(link) == is_free);
    ENSURE((uintptr_t)bda_node_behind(chunks, link, is_free) == (uintptr_t)bda_node_in(chunks, index));
    REACHES(index > 3u << BDA_NODE_CHUNK_LOG2);
}
