/* Logging events, see events.h. */
#include "debug/events.h"

#include "alloc/allocator.h"
#include "debug/text.h"

#include <inttypes.h>

enum { LINE = 512 };

static void add_allocation(struct bda_text *text, const struct bda_event *event) {
    bda_text_add(text, ", handle 0x%" PRIx64, (uint64_t)event->handle);
    if (event->name != NULL)
        bda_text_add(text, ", '%s'", event->name);
}

/* What a block is for is known while it has a pool, and of its memory afterwards, too. */
static void add_block(struct bda_text *text, BdaAllocator allocator, const struct bda_event *event) {
    const struct bda_pool *pool = event->pool;
    uint32_t type = event->block->backing.type;
    bda_text_add(text, ", memory type %" PRIu32 ", heap %" PRIu32, type, bda_device_heap_of(&allocator->device, type));
    if (event->block->dedicated_size != 0)
        bda_text_add(text, ", dedicated");
    else if (pool != NULL && pool->key.own_buffers)
        bda_text_add(text, ", for own buffers");
    if (pool != NULL && pool->user != NULL && pool->user->name != NULL)
        bda_text_add(text, ", pool '%s'", pool->user->name);
}

void bda_events_log(BdaAllocator allocator, const struct bda_event *event) {
    static const char *const verbs[] = {
        [BDA_EVENT_ALLOCATED] = "allocated",
        [BDA_EVENT_FREED] = "freed",
        [BDA_EVENT_BLOCK_OPENED] = "block opened",
        [BDA_EVENT_BLOCK_CLOSED] = "block closed",
    };
    char line[LINE];
    struct bda_text text;
    if (allocator->message == NULL)
        return;
    bda_text_begin(&text, sizeof line, line);
    bda_text_add(&text, "%s: %" PRIu64 " %s at address 0x%" PRIx64, verbs[event->kind], (uint64_t)event->size,
                 bda_bytes_word(event->size), (uint64_t)event->address);
    if (event->block != NULL)
        add_block(&text, allocator, event);
    else
        add_allocation(&text, event);
    (void)bda_text_end(&text);
    allocator->message(allocator->message_user, BDA_MESSAGE_INFO, line);
}
