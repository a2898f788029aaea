/* Things, bytes, and a run from its beginning to its end; see api_model.h. */
#include "api_model.h"

#include "platform/platform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void api_broken(struct api_model *model, const char *what, const char *file, int line) {
    if (fake_violation_count(model->driver) != 0)
        print_error("first violation: %s\n", fake_violation(model->driver, 0));
    print_error("%s, %s, step %u: broken: %s\n", model->run, model->plan->name, model->step, what);
    _fail(file, line);
}

uint64_t api_draw(struct api_model *model, uint64_t bound) {
    return choose(&model->choices, bound);
}

bool api_once_in(struct api_model *model, uint64_t times) {
    return choose_once_in(&model->choices, times);
}

/* ---- Failures ---------------------------------------------------------------------------------------------------- */

/* Any call, or one of a kind that there are few of; one call, or all from there on. */
static void arm_driver(struct api_model *model) {
    static const VkResult results[] = { VK_ERROR_OUT_OF_HOST_MEMORY, VK_ERROR_OUT_OF_DEVICE_MEMORY, VK_ERROR_UNKNOWN,
                                        VK_ERROR_TOO_MANY_OBJECTS };
    static const enum fake_call calls[] = { FAKE_CALL_ALLOCATE_MEMORY,
                                            FAKE_CALL_MAP_MEMORY,
                                            FAKE_CALL_CREATE_BUFFER,
                                            FAKE_CALL_BIND_BUFFER_MEMORY,
                                            FAKE_CALL_FLUSH,
                                            FAKE_CALL_INVALIDATE,
                                            FAKE_CALL_GET_SEMAPHORE_COUNTER_VALUE };
    uint32_t which = (uint32_t)api_draw(model, COUNT_OF(calls) * 2);
    bool any = which >= COUNT_OF(calls);
    enum fake_call call = any ? FAKE_CALL_ANY : calls[which];
    VkResult result = results[api_draw(model, any ? COUNT_OF(results) : 2)];
    unsigned nth = 1 + (unsigned)api_draw(model, any ? 8 : 2);
    if (api_once_in(model, 3))
        fake_fail_from(model->driver, call, nth, result);
    else
        fake_fail(model->driver, call, nth, result);
}

void api_arm(struct api_model *model) {
    model->failing = api_once_in(model, 12);
    if (!model->failing)
        return;
    if (api_once_in(model, 3))
        fake_host_fail(&model->host, 1 + (size_t)api_draw(model, 3), api_once_in(model, 2));
    else
        arm_driver(model);
}

void api_arm_for_good(struct api_model *model) {
    fake_host_fail(&model->host, 1, true);
}

void api_disarm(struct api_model *model) {
    fake_host_fail(&model->host, 0, false);
    fake_clear_failures(model->driver);
}

/* ---- Bytes ------------------------------------------------------------------------------------------------------- */

bool api_is_zero(const void *bytes, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (((const unsigned char *)bytes)[i] != 0)
            return false;
    return true;
}

unsigned char api_pattern(unsigned char of, size_t i) {
    return (unsigned char)(of + i * 13 + (i >> 8) * 5);
}

size_t api_chunk(const BdaAllocation *a, VkDeviceSize done) {
    return a->size - done < CHUNK ? (size_t)(a->size - done) : CHUNK;
}

/* The chunk after the one at `done`; thrifty models go from the first to the last. */
static VkDeviceSize next_chunk(const struct api_model *model, const BdaAllocation *a, VkDeviceSize done) {
    bool skip = model->thrifty && done == 0 && a->size > 4 * CHUNK;
    return skip ? a->size - CHUNK : done + CHUNK;
}

void api_require_pattern(struct api_model *model, const struct thing *thing, const unsigned char *bytes,
                         VkDeviceSize from, size_t size) {
    size_t same = 0;
    while (same < size && bytes[same] == api_pattern(thing->seed, (size_t)from + same))
        same++;
    promise(model, same == size);
}

void api_require_bytes(struct api_model *model, const struct thing *thing) {
    unsigned char bytes[CHUNK];
    const BdaAllocation *a = &thing->info.allocation;
    for (VkDeviceSize done = 0; done < a->size; done = next_chunk(model, a, done)) {
        promise(model, fake_device_read(model->driver, a->address + done, bytes, api_chunk(a, done)));
        api_require_pattern(model, thing, bytes, done, api_chunk(a, done));
    }
}

/* By the device, or by the CPU where it can. */
void api_fill(struct api_model *model, struct thing *thing) {
    unsigned char bytes[CHUNK];
    const BdaAllocation *a = &thing->info.allocation;
    bool by_cpu = a->mapped != NULL && api_once_in(model, 2);
    thing->seed = (unsigned char)api_draw(model, 256);
    for (VkDeviceSize done = 0; done < a->size; done = next_chunk(model, a, done)) {
        size_t size = api_chunk(a, done);
        for (size_t i = 0; i < size; i++)
            bytes[i] = api_pattern(thing->seed, (size_t)done + i);
        if (by_cpu)
            promise(model, bda_write(model->allocator, a->handle, done, bytes, size) == VK_SUCCESS);
        else
            promise(model, fake_device_write(model->driver, a->address + done, bytes, size));
    }
}

static void require_zeros(struct api_model *model, const BdaAllocation *a) {
    unsigned char bytes[CHUNK];
    for (VkDeviceSize done = 0; done < a->size; done = next_chunk(model, a, done)) {
        promise(model, fake_device_read(model->driver, a->address + done, bytes, api_chunk(a, done)));
        promise(model, api_is_zero(bytes, api_chunk(a, done)));
    }
}

/* ---- Things ------------------------------------------------------------------------------------------------------ */

struct thing *api_find(struct api_model *model, int state) {
    uint32_t start = (uint32_t)api_draw(model, 256);
    for (uint32_t i = 0; i < THINGS; i++) {
        struct thing *thing = &model->things[(start + i) % THINGS];
        if ((int)thing->state == state)
            return thing;
    }
    return NULL;
}

uint32_t api_count(const struct api_model *model, int state) {
    uint32_t found = 0;
    for (uint32_t i = 0; i < THINGS; i++)
        found += (int)model->things[i].state == state;
    return found;
}

bool api_is_due(const struct api_model *model, const struct thing *thing) {
    return thing->state == PENDING && thing->value <= model->signalled[thing->timeline];
}

void api_remember_stale(struct api_model *model, BdaHandle handle) {
    model->stale[model->stale_count++ % STALE] = handle;
}

static bool overlap(const BdaAllocation *a, const BdaAllocation *b) {
    return a->address < b->address + b->size && b->address < a->address + a->size;
}

void api_require_place(struct api_model *model, const BdaAllocation *a) {
    for (uint32_t i = 0; i < THINGS; i++) {
        struct thing *other = &model->things[i];
        if (other->state == ABSENT || !overlap(a, &other->info.allocation))
            continue;
        promise(model, api_is_due(model, other));
        other->state = ABSENT;
    }
}

bool api_same_allocation(const BdaAllocation *a, const BdaAllocation *b) {
    return a->handle == b->handle && a->address == b->address && a->mapped == b->mapped && a->buffer == b->buffer &&
           a->offset == b->offset && a->size == b->size;
}

bool api_has_name(const struct thing *thing, const char *name) {
    return thing->name[0] == '\0' ? name == NULL : name != NULL && strcmp(name, thing->name) == 0;
}

static bool serves(BdaIntent intent, BdaAllocFlags flags, VkMemoryPropertyFlags properties) {
    bool local = (properties & VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT) != 0 || (flags & BDA_ALLOC_HOST_FALLBACK_BIT) != 0;
    bool visible = (properties & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) != 0;
    if (intent == BDA_INTENT_DEVICE)
        return local;
    return visible && (local || intent != BDA_INTENT_SHARED);
}

static VkDeviceSize least(VkDeviceSize a, VkDeviceSize b) {
    return a < b ? a : b;
}

/* What a handle tells is what was asked for, and where the driver says that it lies. */
static void require_information(struct api_model *model, const struct thing *thing, const BdaAllocInfo *asked,
                                bool own) {
    const BdaAllocationInfo *info = &thing->info;
    const BdaAllocation *a = &info->allocation;
    VkDeviceMemory memory;
    VkDeviceSize offset;
    promise(model, a->handle != 0 && a->address % thing->alignment == 0 && a->size == asked->size);
    promise(model, serves(asked->intent, asked->flags, info->properties));
    promise(model, info->pool == asked->pool && info->user == asked->user && api_has_name(thing, info->name));
    promise(model, (info->own_buffer != VK_FALSE) == own && (!own || a->offset == 0));
    promise(model, info->dedicated || (asked->flags & BDA_ALLOC_DEDICATED_BIT) == 0);
    promise(model, ((info->properties & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) != 0) == (a->mapped != NULL));
    promise(model, fake_binding(model->driver, a->buffer, &memory, &offset));
    promise(model, own || a->offset % least(thing->alignment, model->base_alignment) == 0);
}

static struct thing *absent_thing(struct api_model *model) {
    struct thing *thing = model->things;
    while (thing < model->things + THINGS && thing->state != ABSENT)
        thing++;
    promise(model, thing < model->things + THINGS);
    return thing;
}

struct thing *api_admit(struct api_model *model, const BdaAllocInfo *asked, bool own, const BdaAllocation *a) {
    api_require_place(model, a);
    struct thing *thing = absent_thing(model);
    *thing = (struct thing){ .state = LIVE, .alignment = asked->alignment > 16 ? asked->alignment : 16 };
    (void)snprintf(thing->name, sizeof thing->name, "%s", asked->name != NULL ? asked->name : "");
    promise(model, bda_get_info(model->allocator, a->handle, &thing->info) == VK_SUCCESS);
    promise(model, api_same_allocation(a, &thing->info.allocation));
    require_information(model, thing, asked, own || (model->plan->checks & BDA_CHECK_ISOLATE_BIT) != 0);
    if ((asked->flags & BDA_ALLOC_ZERO_BIT) != 0)
        require_zeros(model, a);
    api_fill(model, thing);
    model->allocated++;
    return thing;
}

void api_leave(struct api_model *model, struct thing *thing) {
    api_require_bytes(model, thing);
    api_remember_stale(model, thing->info.allocation.handle);
    thing->state = ABSENT;
    model->freed++;
}

void api_forget_due(struct api_model *model) {
    for (uint32_t i = 0; i < THINGS; i++)
        if (api_is_due(model, &model->things[i]))
            model->things[i].state = ABSENT;
}

/* ---- Steps ------------------------------------------------------------------------------------------------------- */

static const struct operation {
    uint32_t weight; /* in 256 */
    void (*run)(struct api_model *model);
} operations[] = {
    { 55, api_alloc },      { 27, api_alloc_buffer }, { 5, api_alloc_many },  { 5, api_warm_up },
    { 40, api_free },       { 8, api_free_many },     { 18, api_free_after }, { 10, api_signal },
    { 5, api_collect },     { 3, api_lose_device },   { 6, api_trim },        { 6, api_rename },
    { 4, api_set_user },    { 10, api_write },        { 8, api_read },        { 7, api_refill },
    { 5, api_create_pool }, { 2, api_destroy_pool },  { 3, api_share_heap },  { 6, api_stale },
    { 3, api_foreign },     { 5, api_wild_alloc },    { 3, api_wild_buffer }, { 2, api_wild_pool },
    { 4, api_wild_access }, { 4, api_odd_usage },     { 2, api_nothing },
};

void api_model_step(struct api_model *model) {
    uint32_t choice = (uint32_t)api_draw(model, 256), i = 0;
    while (choice >= operations[i].weight)
        choice -= operations[i++].weight;
    model->failing = false;
    model->step++;
    operations[i].run(model);
}

/* What a program does once a frame where checking modes are on; a full heap may be in the way. */
static void run_checks(struct api_model *model) {
    VkCommandBuffer commands = fake_make_commands(model->driver);
    uint64_t ticket;
    VkResult result = bda_record_checks(model->allocator, commands, &ticket);
    bool unmappable = model->plan->config.machine == FAKE_MACHINE_UNMAPPABLE;
    promise(model, (unmappable && result == VK_ERROR_FEATURE_NOT_PRESENT) || result == VK_SUCCESS ||
                       result == VK_ERROR_OUT_OF_DEVICE_MEMORY || result == VK_ERROR_TOO_MANY_OBJECTS);
    fake_submit(commands);
    promise(model, bda_complete_checks(model->allocator, ticket) == VK_SUCCESS);
    fake_drop_commands(commands);
}

void api_model_look(struct api_model *model) {
    for (uint32_t i = 0; i < THINGS; i++) {
        const struct thing *thing = &model->things[i];
        BdaAllocationInfo now;
        if (thing->state != LIVE)
            continue;
        promise(model, bda_get_info(model->allocator, thing->info.allocation.handle, &now) == VK_SUCCESS);
        promise(model, api_same_allocation(&now.allocation, &thing->info.allocation));
        promise(model, now.user == thing->info.user && now.pool == thing->info.pool && api_has_name(thing, now.name));
        api_require_bytes(model, thing);
    }
    run_checks(model);
    uint64_t broken; /* checking modes, where any are on, suspect nobody */
    promise(model, bda_verify(model->allocator, &broken) == VK_SUCCESS && broken == 0);
}

/* ---- A run ------------------------------------------------------------------------------------------------------- */

static void drop_message(void *user, BdaMessageSeverity severity, const char *text) {
    (void)user;
    (void)severity;
    (void)text;
}

static unsigned locks_held(void) {
    return bda_locks_held;
}

static void open_driver(struct api_model *model) {
    struct fake_config config = model->plan->config;
    config.locks_held = locks_held;
    config.dirty_bytes = model->thrifty ? KIB(64) : 0;
    model->driver = fake_create(&config);
    assert_non_null(model->driver);
    fake_host_init(&model->host);
    model->callbacks = fake_host_callbacks(&model->host);
    for (uint32_t i = 0; i < TIMELINES; i++)
        model->timelines[i] = fake_make_semaphore(model->driver, 0);
    for (uint32_t i = 0; i < HEAPS; i++)
        model->others[i] = config.foreign_use[i];
}

void api_model_open(struct api_model *model, const struct api_plan *plan, struct choices choices, bool thrifty,
                    bool caches, const char *run) {
    const VkDeviceSize limits[] = { plan->heap_limit, plan->heap_limit };
    memset(model, 0, sizeof *model);
    model->plan = plan;
    model->choices = choices;
    model->thrifty = thrifty;
    model->more_flags = caches ? 0 : BDA_ALLOCATOR_NO_CACHES_BIT;
    (void)snprintf(model->run, sizeof model->run, "%s", run);
    open_driver(model);
    BdaAllocatorInfo info = fake_allocator_info(model->driver);
    info.callbacks = &model->callbacks;
    info.flags = plan->flags | model->more_flags;
    info.checks = plan->checks;
    info.message = drop_message;
    info.first_block_size = plan->first_block;
    info.max_block_size = plan->max_block;
    info.heap_limit_count = plan->heap_limit != 0 ? COUNT_OF(limits) : 0;
    info.heap_limits = limits;
    info.prefix_count = PREFIXES;
    info.prefixes = api_prefixes;
    BdaProperties properties;
    promise(model, bda_create_allocator(&info, &model->allocator) == VK_SUCCESS);
    promise(model, bda_get_properties(model->allocator, &properties) == VK_SUCCESS);
    model->base_alignment = properties.base_alignment;
}

/* By hand what one half of the runs frees, all that is left by destroying in the other. */
void api_model_close(struct api_model *model) {
    bool by_hand = api_once_in(model, 2);
    uint32_t live = 0;
    api_model_check(model);
    api_model_look(model);
    for (uint32_t i = 0; i < THINGS; i++) {
        struct thing *thing = &model->things[i];
        if (thing->state == LIVE && by_hand)
            promise(model, bda_free(model->allocator, thing->info.allocation.handle) == VK_SUCCESS);
        live += thing->state == LIVE && !by_hand;
    }
    promise(model, bda_check(model->allocator) == VK_SUCCESS);
    promise(model, bda_destroy_allocator(model->allocator) == (live == 0 ? VK_SUCCESS : VK_INCOMPLETE));
    promise(model, bda_destroy_allocator(model->stranger) == (model->foreign == 0 ? VK_SUCCESS : VK_INCOMPLETE));
    promise(model, fake_violation_count(model->driver) == 0);
    assert_int_equal(fake_host_done(&model->host), 0);
    assert_int_equal(fake_destroy(model->driver), 0);
    assert_int_equal(fake_destroy(model->strange_driver), 0);
}
