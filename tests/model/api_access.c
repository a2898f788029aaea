/* Names, bytes, pools, and what others do to a heap; see api_model.h. */
#include "api_model.h"

#include <stdio.h>

/* ---- Names and values -------------------------------------------------------------------------------------------- */

void api_rename(struct api_model *model) {
    struct thing *thing = api_find(model, LIVE);
    const char *name = api_once_in(model, 3) ? "renamed" : api_names[api_draw(model, COUNT_OF(api_names))];
    if (thing == NULL)
        return;
    api_arm(model);
    VkResult result = bda_set_name(model->allocator, thing->info.allocation.handle, name);
    api_disarm(model);
    promise(model, result == VK_SUCCESS || model->failing);
    if (result == VK_SUCCESS)
        (void)snprintf(thing->name, sizeof thing->name, "%s", name != NULL ? name : "");
    BdaAllocationInfo now;
    promise(model, bda_get_info(model->allocator, thing->info.allocation.handle, &now) == VK_SUCCESS);
    promise(model, api_has_name(thing, now.name));
}

void api_set_user(struct api_model *model) {
    struct thing *thing = api_find(model, LIVE);
    uint64_t user = api_draw(model, 100);
    if (thing == NULL)
        return;
    api_arm(model);
    VkResult result = bda_set_user(model->allocator, thing->info.allocation.handle, user);
    api_disarm(model);
    promise(model, result == VK_SUCCESS || model->failing);
    if (result == VK_SUCCESS)
        thing->info.user = user;
}

/* ---- Bytes ------------------------------------------------------------------------------------------------------- */

/* A place in a thing whose bytes are known: thrifty models know the edges. */
static VkDeviceSize known_place(struct api_model *model, const BdaAllocation *a) {
    VkDeviceSize bound = model->thrifty && a->size > CHUNK ? CHUNK : a->size;
    return a->size - 1 - api_draw(model, bound);
}

/* Any part of any allocation, by the CPU, which must know its own atoms; neighbours keep what the device wrote. */
void api_write(struct api_model *model) {
    unsigned char bytes[CHUNK];
    struct thing *thing = api_find(model, LIVE);
    if (thing == NULL)
        return;
    const BdaAllocation *a = &thing->info.allocation;
    VkDeviceSize from = known_place(model, a);
    size_t size = api_chunk(a, from);
    for (size_t i = 0; i < size; i++)
        bytes[i] = api_pattern(thing->seed, (size_t)from + i);
    if (a->mapped != NULL)
        promise(model, bda_invalidate(model->allocator, a->handle, 0, VK_WHOLE_SIZE) == VK_SUCCESS);
    api_arm(model);
    VkResult result = bda_write(model->allocator, a->handle, from, bytes, size);
    api_disarm(model);
    promise(model, result == (a->mapped != NULL ? VK_SUCCESS : VK_ERROR_VALIDATION_FAILED_EXT) || model->failing);
    api_require_bytes(model, thing);
}

void api_read(struct api_model *model) {
    unsigned char bytes[CHUNK];
    struct thing *thing = api_find(model, LIVE);
    if (thing == NULL)
        return;
    const BdaAllocation *a = &thing->info.allocation;
    VkDeviceSize from = known_place(model, a);
    api_arm(model);
    VkResult result = bda_read(model->allocator, a->handle, from, bytes, api_chunk(a, from));
    api_disarm(model);
    promise(model, result == (a->mapped != NULL ? VK_SUCCESS : VK_ERROR_VALIDATION_FAILED_EXT) || model->failing);
    if (result == VK_SUCCESS)
        api_require_pattern(model, thing, bytes, from, api_chunk(a, from));
}

/* Written anew through the mapping or by the device, and told of. */
void api_refill(struct api_model *model) {
    struct thing *thing = api_find(model, LIVE);
    if (thing == NULL)
        return;
    const BdaAllocation *a = &thing->info.allocation;
    if (a->mapped == NULL || api_once_in(model, 2)) {
        api_fill(model, thing);
        return;
    }
    thing->seed = (unsigned char)api_draw(model, 256);
    for (size_t i = 0; i < a->size; i++)
        ((unsigned char *)a->mapped)[i] = api_pattern(thing->seed, i);
    promise(model, bda_flush(model->allocator, a->handle, 0, VK_WHOLE_SIZE) == VK_SUCCESS);
    promise(model, bda_invalidate(model->allocator, a->handle, a->size / 2, VK_WHOLE_SIZE) == VK_SUCCESS);
    api_require_bytes(model, thing);
}

/* ---- Pools ------------------------------------------------------------------------------------------------------- */

void api_create_pool(struct api_model *model) {
    uint32_t i = (uint32_t)api_draw(model, POOLS);
    if (model->pools[i] != NULL)
        return;
    BdaPoolInfo info = { .intent = (BdaIntent)api_draw(model, 4) };
    info.name = api_once_in(model, 2) ? "pool" : NULL;
    info.limit = api_once_in(model, 2) ? KIB(128) + api_draw(model, KIB(512)) : 0;
    info.first_block_size = api_once_in(model, 3) ? KIB(64) : 0;
    info.max_block_size = info.first_block_size != 0 ? KIB(256) : 0;
    info.flags = api_once_in(model, 3) ? BDA_ALLOC_HOST_FALLBACK_BIT : 0;
    info.keep_empty = api_once_in(model, 3) ? KIB(128) : 0;
    info.keep_collects = (uint32_t)api_draw(model, 4);
    info.low_water = api_once_in(model, 3) ? KIB(32) : 0;
    api_arm(model);
    VkResult result = bda_create_pool(model->allocator, &info, &model->pools[i]);
    api_disarm(model);
    bool possible = model->plan->config.machine != FAKE_MACHINE_UNMAPPABLE || info.intent == BDA_INTENT_DEVICE;
    promise(model, result == (possible ? VK_SUCCESS : VK_ERROR_FEATURE_NOT_PRESENT) || model->failing);
    promise(model, (result == VK_SUCCESS) == (model->pools[i] != NULL));
    model->pool_infos[i] = info;
}

/* Empty, or with what is in it, which goes then. */
void api_destroy_pool(struct api_model *model) {
    uint32_t i = (uint32_t)api_draw(model, POOLS), live = 0;
    BdaPool pool = model->pools[i];
    if (pool == NULL)
        return;
    for (uint32_t k = 0; k < THINGS; k++) {
        struct thing *thing = &model->things[k];
        if (thing->state == ABSENT || thing->info.pool != pool)
            continue;
        if (thing->state == LIVE) {
            api_leave(model, thing);
            live++;
        }
        thing->state = ABSENT;
    }
    promise(model, bda_destroy_pool(model->allocator, pool) == (live == 0 ? VK_SUCCESS : VK_INCOMPLETE));
    promise(model, bda_destroy_pool(model->allocator, pool) == VK_ERROR_VALIDATION_FAILED_EXT);
    model->dead_pool = pool;
    model->pools[i] = NULL;
}

/* ---- Others ------------------------------------------------------------------------------------------------------ */

/* What other processes take of a heap and what the system allows changes; or the caller tells of his own use. */
void api_share_heap(struct api_model *model) {
    uint32_t heap = (uint32_t)api_draw(model, HEAPS);
    BdaStats stats;
    promise(model, bda_get_stats(model->allocator, &stats) == VK_SUCCESS);
    if (heap >= stats.heap_count) {
        promise(model,
                bda_set_external_use(model->allocator, stats.heap_count, 1, 1) == VK_ERROR_VALIDATION_FAILED_EXT);
        return;
    }
    VkDeviceSize bytes = api_draw(model, 16) * (stats.heaps[heap].size / 64);
    if (api_once_in(model, 2)) {
        model->others[heap] = bytes;
        fake_set_budget(model->driver, heap, KIB(512) * (1 + api_draw(model, 8)), bytes);
        return;
    }
    uint32_t count = heap == 0 ? (uint32_t)api_draw(model, 4) : 0;
    promise(model, bda_set_external_use(model->allocator, heap, bytes, count) == VK_SUCCESS);
    model->external[heap] = bytes;
    model->external_count = heap == 0 ? count : model->external_count;
}
