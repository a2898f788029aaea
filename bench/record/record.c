/* Writing the trace, see record.h. Where the recorder's own memory runs out an object is simply not known. */
#include "record.h"

#include "trace.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum kind { MEMORY, BUFFER, PLACE };

/* What names an object. Handles are counted per device. A place is named by the serial of its memory, since a handle of
 * memory may be used again while buffers bound to what it named before are still there. */
struct name {
    VkDevice device;
    enum kind kind;
    uint64_t handle;
    VkDeviceSize offset; /* of places */
};

struct object {
    struct object *next;
    struct name name;
    union {
        struct {
            uint64_t serial;
            VkMemoryPropertyFlags properties;
        } memory;
        struct {
            VkDeviceSize size;
            VkBufferUsageFlags usage;
            struct name place; /* its device is NULL while the buffer is in no place */
        } buffer;
        struct {
            uint32_t id; /* in the trace */
            uint32_t buffer_count;
        } place;
    } as;
};

enum { BUCKET_COUNT = 4096 };

static struct {
    pthread_mutex_t lock; /* covers everything here */
    FILE *file;           /* NULL: not recording */
    uint32_t last_id;
    uint64_t last_serial;
    uint64_t events_left;
    uint32_t usage_count;
    VkBufferUsageFlags usages[TRACE_MAX_USAGES];
    struct object *buckets[BUCKET_COUNT];
} recorder = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void acquire(void) {
    (void)pthread_mutex_lock(&recorder.lock);
}

static void release(void) {
    (void)pthread_mutex_unlock(&recorder.lock);
}

/* ---- What is known of objects; the lock is held ---- */

static bool same_name(const struct name *a, const struct name *b) {
    return a->handle == b->handle && a->offset == b->offset && a->kind == b->kind && a->device == b->device;
}

/* Handles are often addresses, and offsets aligned: their low bits say nothing. */
static uint32_t bucket_of(const struct name *name) {
    uint64_t mixed = (name->handle ^ (name->offset << 20)) * 0x9E3779B97F4A7C15u;
    return (uint32_t)(mixed >> 32) % BUCKET_COUNT;
}

/* The link that points to the object, or to the end of its bucket. */
static struct object **find(const struct name *name) {
    struct object **link = &recorder.buckets[bucket_of(name)];
    while (*link != NULL && !same_name(&(*link)->name, name))
        link = &(*link)->next;
    return link;
}

static void take_out(struct object **link) {
    struct object *object = *link;
    if (object != NULL) {
        *link = object->next;
        free(object);
    }
}

static void put_in(const struct object *object) {
    take_out(find(&object->name)); /* its end was not seen, its handle is used again */
    struct object **link = find(&object->name), *new = malloc(sizeof *new);
    if (new == NULL)
        return;
    *new = *object;
    new->next = *link;
    *link = new;
}

static struct name memory_name(VkDevice device, VkDeviceMemory memory) {
    return (struct name){ .device = device, .kind = MEMORY, .handle = (uint64_t)memory };
}

static struct name buffer_name(VkDevice device, VkBuffer buffer) {
    return (struct name){ .device = device, .kind = BUFFER, .handle = (uint64_t)buffer };
}

/* ---- Events; the lock is held ---- */

static bool may_write(void) {
    return recorder.file != NULL && recorder.events_left > 0;
}

/* The number of a usage, declared in the trace at its first use; 0 when there are too many. */
static uint32_t usage_number(VkBufferUsageFlags usage) {
    for (uint32_t i = 0; i < recorder.usage_count; i++)
        if (recorder.usages[i] == usage)
            return i + 1;
    if (recorder.usage_count == TRACE_MAX_USAGES)
        return 0;
    recorder.usages[recorder.usage_count++] = usage;
    char text[TRACE_MAX_USAGE_TEXT];
    trace_print_usage(usage, text);
    (void)fprintf(recorder.file, "u %" PRIu32 " %s\n", recorder.usage_count, text);
    return recorder.usage_count;
}

static enum trace_intent intent_of(VkMemoryPropertyFlags properties) {
    if ((properties & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) == 0)
        return TRACE_DEVICE;
    if ((properties & VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT) != 0)
        return TRACE_SHARED;
    return (properties & VK_MEMORY_PROPERTY_HOST_CACHED_BIT) != 0 ? TRACE_READBACK : TRACE_UPLOAD;
}

/* The id in the trace; 0: it was not written. */
static uint32_t write_alloc(const struct object *buffer, VkMemoryPropertyFlags properties, VkDeviceSize alignment) {
    uint32_t usage = may_write() ? usage_number(buffer->as.buffer.usage) : 0;
    if (usage == 0 || recorder.last_id + 1 == TRACE_MAX_IDS)
        return 0;
    recorder.events_left--;
    (void)fprintf(recorder.file, "a %" PRIu32 " %" PRIu64 " %" PRIu64 " %s %" PRIu32 "\n", ++recorder.last_id,
                  buffer->as.buffer.size, alignment, trace_intent_name(intent_of(properties)), usage);
    return recorder.last_id;
}

static void write_free(uint32_t id) {
    if (!may_write())
        return;
    recorder.events_left--;
    (void)fprintf(recorder.file, "f %" PRIu32 "\n", id);
}

/* A buffer comes to a place, which is an event if it is the first one there. */
static void enter_place(struct object *buffer, const struct object *memory, VkDeviceSize offset,
                        VkDeviceSize alignment) {
    struct object place = { .name = { buffer->name.device, PLACE, memory->as.memory.serial, offset } };
    if (*find(&place.name) == NULL) {
        place.as.place.id = write_alloc(buffer, memory->as.memory.properties, alignment);
        if (place.as.place.id == 0)
            return;
        put_in(&place);
    }
    struct object *found = *find(&place.name);
    if (found != NULL) {
        found->as.place.buffer_count++;
        buffer->as.buffer.place = place.name;
    }
}

static void leave_place(const struct object *buffer) {
    struct object **place = find(&buffer->as.buffer.place);
    if (*place == NULL || --(*place)->as.place.buffer_count > 0)
        return;
    write_free((*place)->as.place.id);
    take_out(place);
}

/* ---- What the layer tells ---- */

/* By lines, since programs that are recorded are often killed. */
static void open_file(const char *path) {
    recorder.file = fopen(path, "w");
    if (recorder.file == NULL) {
        (void)fprintf(stderr, "bda_record: cannot write %s, nothing is recorded\n", path);
        return;
    }
    (void)setvbuf(recorder.file, NULL, _IOLBF, BUFSIZ);
    const char *most = getenv("BDA_RECORD_EVENTS");
    recorder.events_left = most != NULL ? strtoull(most, NULL, 10) : UINT64_MAX;
    (void)fprintf(recorder.file, "%s\n", TRACE_VERSION_LINE);
}

void rec_start(const char *device_name) {
    acquire();
    const char *path = getenv("BDA_RECORD_FILE");
    if (recorder.file == NULL && path != NULL)
        open_file(path);
    if (recorder.file != NULL)
        (void)fprintf(recorder.file, "# device: %s\n", device_name);
    release();
}

void rec_memory_allocated(VkDevice device, VkDeviceMemory memory, VkMemoryPropertyFlags properties) {
    acquire();
    put_in(&(struct object){ .name = memory_name(device, memory),
                             .as.memory = { .serial = ++recorder.last_serial, .properties = properties } });
    release();
}

void rec_memory_freed(VkDevice device, VkDeviceMemory memory) {
    const struct name name = memory_name(device, memory);
    acquire();
    take_out(find(&name));
    release();
}

void rec_buffer_created(VkDevice device, VkBuffer buffer, const VkBufferCreateInfo *info) {
    acquire();
    put_in(&(struct object){ .name = buffer_name(device, buffer),
                             .as.buffer = { .size = info->size, .usage = info->usage } });
    release();
}

void rec_buffer_bound(VkDevice device, VkBuffer buffer, VkDeviceMemory memory, VkDeviceSize offset,
                      VkDeviceSize alignment) {
    const struct name what = buffer_name(device, buffer), where = memory_name(device, memory);
    acquire();
    struct object *bound = *find(&what), *to = *find(&where);
    if (bound != NULL && bound->as.buffer.place.device == VK_NULL_HANDLE && to != NULL)
        enter_place(bound, to, offset, alignment);
    release();
}

void rec_buffer_destroyed(VkDevice device, VkBuffer buffer) {
    const struct name name = buffer_name(device, buffer);
    acquire();
    struct object **link = find(&name);
    if (*link != NULL) {
        leave_place(*link);
        take_out(find(&name)); /* looked up again: the place may have been the link's neighbour */
    }
    release();
}

void rec_device_destroyed(VkDevice device) {
    acquire();
    for (uint32_t i = 0; i < BUCKET_COUNT; i++)
        for (struct object **link = &recorder.buckets[i]; *link != NULL;)
            if ((*link)->name.device == device)
                take_out(link);
            else
                link = &(*link)->next;
    release();
}
