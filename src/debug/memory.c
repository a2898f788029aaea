/* See memory.h. */
#include "debug/memory.h"

#include "alloc/handle.h"
#include "debug/message.h"
#include "platform/marks.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PAST = 1024 }; /* freed ranges that still have their names */

struct past {
    const unsigned char *bytes;
    size_t size;
    uint32_t name; /* 0: none */
};

struct bda_memory_names {
    struct bda_mutex lock;  /* all below; taken last */
    struct bda_words live;  /* beside each node, the name of its allocation */
    struct past past[PAST]; /* a ring */
    uint32_t next;          /* the oldest of them */
};

/* ---- Names ---- */

/* No two names overlap, or the checker could print the wrong one. */
static void forget_past(struct bda_memory_names *names, const unsigned char *bytes, size_t size) {
    for (uint32_t i = 0; i < PAST; i++) {
        struct past *past = &names->past[i];
        if (past->name == 0 || past->bytes >= bytes + size || past->bytes + past->size <= bytes)
            continue;
        bda_marks_forget(past->name);
        past->name = 0;
    }
}

static void remember_past(struct bda_memory_names *names, struct past past) {
    bda_marks_forget(names->past[names->next].name);
    names->past[names->next] = past;
    names->next = (names->next + 1) % PAST;
}

static uint32_t give_name(const struct bda_event *event) {
    bool named = event->name != NULL, freed = event->kind == BDA_EVENT_FREED;
    char shown[81], text[128];
    bda_copy_text(shown, sizeof shown, named ? event->name : "unnamed allocation");
    (void)snprintf(text, sizeof text, "%s%s%s (%s%" PRIu64 " %s)", named ? "'" : "", shown, named ? "'" : "",
                   freed ? "freed, " : "", (uint64_t)event->size, bda_bytes_word(event->size));
    return bda_marks_name(event->mapped, (size_t)event->held, text);
}

static void name_live(struct bda_memory_names *names, const struct bda_event *event) {
    uint32_t index = bda_handle_index(event->handle);
    bda_mutex_lock(&names->lock);
    forget_past(names, event->mapped, (size_t)event->held);
    if (bda_words_secure(&names->live, index))
        atomic_store_explicit(bda_words_find(&names->live, index), give_name(event), memory_order_relaxed);
    bda_mutex_unlock(&names->lock);
}

static void name_freed(struct bda_memory_names *names, const struct bda_event *event) {
    uint32_t index = bda_handle_index(event->handle);
    bda_mutex_lock(&names->lock);
    bda_marks_forget((uint32_t)bda_words_read(&names->live, index));
    if (bda_words_find(&names->live, index) != NULL)
        atomic_store_explicit(bda_words_find(&names->live, index), 0, memory_order_relaxed);
    remember_past(names, (struct past){ event->mapped, (size_t)event->held, give_name(event) });
    bda_mutex_unlock(&names->lock);
}

static void name_nothing(struct bda_memory_names *names, const struct bda_event *event) {
    bda_mutex_lock(&names->lock);
    forget_past(names, event->mapped, (size_t)event->held);
    bda_mutex_unlock(&names->lock);
}

static void name(struct bda_memory_names *names, const struct bda_event *event) {
    if (event->kind == BDA_EVENT_ALLOCATED)
        name_live(names, event);
    else if (event->kind == BDA_EVENT_FREED)
        name_freed(names, event);
    else if (event->kind == BDA_EVENT_BLOCK_CLOSED)
        name_nothing(names, event);
}

/* ---- Marks ---- */

static void mark(BdaAllocator allocator, const struct bda_event *event) {
    switch (event->kind) {
    case BDA_EVENT_ALLOCATED:
        bda_marks_allow(event->mapped, (size_t)event->size, !allocator->sees_device);
        break;
    case BDA_EVENT_FREED:
    case BDA_EVENT_BLOCK_OPENED:
        bda_marks_forbid(event->mapped, (size_t)event->held);
        break;
    case BDA_EVENT_BLOCK_CLOSED: /* the driver's own from here on */
        bda_marks_allow(event->mapped, (size_t)event->held, true);
        break;
    }
}

void bda_memory_hear(BdaAllocator allocator, const struct bda_event *event) {
    if (event->mapped == NULL)
        return;
    mark(allocator, event);
    if (allocator->memory_names != NULL)
        name(allocator->memory_names, event);
}

/* ---- Beginning and end ---- */

/* Only on a software driver does the checker see what the device writes; elsewhere nothing may count as unwritten. */
static bool is_software(BdaAllocator allocator) {
    VkPhysicalDeviceProperties2 properties = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2 };
    allocator->device.vk.get_properties(allocator->device.physical, &properties);
    return properties.properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU;
}

static struct bda_memory_names *make_names(BdaAllocator allocator) {
    struct bda_memory_names *names =
        bda_host_allocate(&allocator->host, sizeof *names, _Alignof(struct bda_memory_names));
    if (names == NULL)
        return NULL;
    memset(names, 0, sizeof *names);
    bda_mutex_init(&names->lock, allocator->locks);
    bda_words_init(&names->live, &allocator->host);
    return names;
}

VkResult bda_memory_init(BdaAllocator allocator) {
    if (!bda_marks_exist())
        bda_message(allocator->message, allocator->message_user, BDA_MESSAGE_WARNING,
                    "BDA_CHECK_MEMORY_BIT does nothing: the library was built without valgrind's header (BDA_MEMCHECK) "
                    "and without the address sanitizer");
    if (!bda_marks_are_heard())
        return VK_SUCCESS;
    allocator->marks = true;
    allocator->sees_device = is_software(allocator);
    if (!bda_marks_have_names())
        return VK_SUCCESS;
    allocator->memory_names = make_names(allocator);
    return allocator->memory_names != NULL ? VK_SUCCESS : VK_ERROR_OUT_OF_HOST_MEMORY;
}

void bda_memory_finish(BdaAllocator allocator) {
    struct bda_memory_names *names = allocator->memory_names;
    if (names == NULL)
        return;
    for (uint32_t i = 0; i < PAST; i++)
        bda_marks_forget(names->past[i].name);
    bda_words_destroy(&names->live);
    bda_mutex_destroy(&names->lock);
    bda_host_release(&allocator->host, names, sizeof *names);
}
