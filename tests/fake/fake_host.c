/*
 * Counting host memory behind VkAllocationCallbacks.
 *
 * Live allocations are found through a table of their addresses, so that a foreign pointer or a double free is told
 * without looking behind the pointer. What is handed out is aligned to what was asked for and to no more, so that code
 * that relies on malloc's alignment is found out by sanitizers.
 */
#include "fake_internal.h"

/* Rubbish in fresh and freed memory, and what must still stand behind the end. */
#define FRESH_BYTE 0xCD
#define FREED_BYTE 0xDD
#define TAIL_BYTE  0x5A
#define TAIL_SIZE  16

#define BUCKETS 4096u

/* One live allocation. */
struct record {
    struct record *next;
    unsigned char *memory;
    void *raw;
    size_t size;
};

struct host_state {
    struct fake_lock lock;
    struct record *buckets[BUCKETS];
};

static void problem(struct fake_host *host, const char *what) {
    if (host->problems++ == 0) {
        (void)fprintf(stderr, "fake host: %s\n", what);
    }
}

/* The link that leads to the record of `memory`, or to the NULL at the end of its bucket. */
static struct record **find_link(struct host_state *state, const void *memory) {
    uintptr_t place = (uintptr_t)memory;
    struct record **link = &state->buckets[(place >> 4 ^ place >> 16) % BUCKETS];
    while (*link != NULL && (*link)->memory != memory) {
        link = &(*link)->next;
    }
    return link;
}

static bool refused(struct fake_host *host) {
    host->calls++;
    if (host->fail_at == 0) {
        return false;
    }
    if (host->fail_at > 1) {
        host->fail_at--;
        return false;
    }
    host->fail_at = host->sticky ? 1 : 0;
    host->failed++;
    return true;
}

/* An address in `raw` that is an odd multiple of the alignment. */
static unsigned char *place_in(unsigned char *raw, size_t alignment) {
    uintptr_t odd = (uintptr_t)fake_round_up((uintptr_t)raw, 2 * alignment) + alignment;
    return raw + (odd - (uintptr_t)raw);
}

static void count_in(struct fake_host *host, size_t size) {
    host->live_count++;
    host->live_bytes += size;
    host->peak_bytes = host->live_bytes > host->peak_bytes ? host->live_bytes : host->peak_bytes;
}

static void *take(struct fake_host *host, size_t size, size_t alignment) {
    size_t extra = 3 * alignment + TAIL_SIZE;
    struct record *record = calloc(1, sizeof *record);
    unsigned char *raw = record != NULL && size <= SIZE_MAX - extra ? malloc(size + extra) : NULL;
    if (raw == NULL) {
        free(record);
        return NULL;
    }
    record->raw = raw;
    record->memory = place_in(raw, alignment);
    record->size = size;
    memset(record->memory, FRESH_BYTE, size);
    memset(record->memory + size, TAIL_BYTE, TAIL_SIZE);
    *find_link(host->state, record->memory) = record;
    count_in(host, size);
    return record->memory;
}

static void check_tail(struct fake_host *host, const struct record *record) {
    for (size_t i = 0; i < TAIL_SIZE; i++) {
        if (record->memory[record->size + i] != TAIL_BYTE) {
            problem(host, "bytes past the end were written");
            return;
        }
    }
}

static void leave(struct fake_host *host, void *memory) {
    struct record **link = find_link(host->state, memory);
    struct record *record = *link;
    if (record == NULL) {
        problem(host, "freed what is not live");
        return;
    }
    check_tail(host, record);
    *link = record->next;
    host->live_count--;
    host->live_bytes -= record->size;
    memset(record->memory, FREED_BYTE, record->size);
    free(record->raw);
    free(record);
}

static void check_request(struct fake_host *host, size_t size, size_t alignment, VkSystemAllocationScope scope) {
    if (size == 0) {
        problem(host, "an allocation of 0 bytes");
    }
    if (alignment == 0 || (alignment & (alignment - 1)) != 0) {
        problem(host, "the alignment is no power of two");
    }
    if (scope < VK_SYSTEM_ALLOCATION_SCOPE_COMMAND || scope > VK_SYSTEM_ALLOCATION_SCOPE_INSTANCE) {
        problem(host, "the scope is unknown");
    }
}

static VKAPI_ATTR void *VKAPI_CALL host_allocate(void *user, size_t size, size_t alignment,
                                                 VkSystemAllocationScope scope) {
    struct fake_host *host = user;
    struct host_state *state = host->state;
    fake_lock_take(&state->lock);
    unsigned before = host->problems;
    check_request(host, size, alignment, scope);
    void *memory = !refused(host) && host->problems == before ? take(host, size, alignment) : NULL;
    fake_lock_leave(&state->lock);
    return memory;
}

static VKAPI_ATTR void VKAPI_CALL host_free(void *user, void *memory) {
    struct fake_host *host = user;
    struct host_state *state = host->state;
    if (memory != NULL) {
        fake_lock_take(&state->lock);
        leave(host, memory);
        fake_lock_leave(&state->lock);
    }
}

static bool size_of_live(struct fake_host *host, const void *memory, size_t *size) {
    struct host_state *state = host->state;
    fake_lock_take(&state->lock);
    const struct record *record = *find_link(state, memory);
    if (record != NULL) {
        *size = record->size;
    } else {
        problem(host, "reallocated what is not live");
    }
    fake_lock_leave(&state->lock);
    return record != NULL;
}

/* Always moves, so that a pointer kept across a reallocation is stale. */
static VKAPI_ATTR void *VKAPI_CALL host_reallocate(void *user, void *original, size_t size, size_t alignment,
                                                   VkSystemAllocationScope scope) {
    if (original == NULL) {
        return host_allocate(user, size, alignment, scope);
    }
    if (size == 0) {
        host_free(user, original);
        return NULL;
    }
    size_t old = 0;
    if (!size_of_live(user, original, &old)) {
        return NULL;
    }
    void *memory = host_allocate(user, size, alignment, scope);
    if (memory != NULL) {
        memcpy(memory, original, old < size ? old : size);
        host_free(user, original);
    }
    return memory;
}

void fake_host_init(struct fake_host *host) {
    struct host_state *state = calloc(1, sizeof *state);
    if (state == NULL) {
        abort(); /* a test that has no memory for this can test nothing */
    }
    *host = (struct fake_host){ .state = state };
    fake_lock_init(&state->lock);
}

VkAllocationCallbacks fake_host_callbacks(struct fake_host *host) {
    return (VkAllocationCallbacks){
        .pUserData = host,
        .pfnAllocation = host_allocate,
        .pfnReallocation = host_reallocate,
        .pfnFree = host_free,
    };
}

void fake_host_fail(struct fake_host *host, size_t nth, bool sticky) {
    struct host_state *state = host->state;
    fake_lock_take(&state->lock);
    host->fail_at = nth;
    host->sticky = sticky;
    host->failed = 0;
    fake_lock_leave(&state->lock);
}

static void free_bucket(struct record *record) {
    while (record != NULL) {
        struct record *next = record->next;
        free(record->raw);
        free(record);
        record = next;
    }
}

unsigned fake_host_done(struct fake_host *host) {
    struct host_state *state = host->state;
    unsigned problems = host->problems + (unsigned)host->live_count;
    if (host->live_count != 0) {
        (void)fprintf(stderr, "fake host: %zu allocation(s) of %zu bytes leaked\n", host->live_count, host->live_bytes);
    }
    for (size_t i = 0; i < BUCKETS; i++) {
        free_bucket(state->buckets[i]);
    }
    fake_lock_done(&state->lock);
    free(state);
    host->state = NULL;
    return problems;
}
