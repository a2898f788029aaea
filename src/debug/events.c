/* Logging events, see events.h. */
#include "debug/events.h"

#include "alloc/allocator.h"
#include "debug/message.h"

#include <inttypes.h>

void bda_events_log(BdaAllocator allocator, const struct bda_event *event) {
    static const char *const verbs[] = {
        [BDA_EVENT_ALLOCATED] = "allocated",
        [BDA_EVENT_FREED] = "freed",
        [BDA_EVENT_BLOCK_OPENED] = "block opened",
        [BDA_EVENT_BLOCK_CLOSED] = "block closed",
    };
    bda_message(allocator->message, allocator->message_user, BDA_MESSAGE_INFO,
                "%s: %" PRIu64 " %s at address 0x%" PRIx64 ", handle 0x%" PRIx64 "%s%s%s", verbs[event->kind],
                (uint64_t)event->size, bda_bytes_word(event->size), (uint64_t)event->address, (uint64_t)event->handle,
                event->name != NULL ? ", '" : "", event->name != NULL ? event->name : "",
                event->name != NULL ? "'" : "");
}
