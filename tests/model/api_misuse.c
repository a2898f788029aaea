/* Stale, foreign and invented handles; requests that make no sense. See api_model.h. */
#include "api_model.h"

#include <math.h>
#include <string.h>

#define BAD VK_ERROR_VALIDATION_FAILED_EXT

/* ---- Handles ----------------------------------------------------------------------------------------------------- */

/* Every function that takes a handle refuses this one, which is not 0. */
static void require_refused(struct api_model *model, BdaAllocator allocator, BdaHandle handle) {
    BdaAllocationInfo info;
    char byte = 'x';
    promise(model, bda_free(allocator, handle) == BAD);
    promise(model, bda_free_after(allocator, handle, model->timelines[0], 1) == BAD);
    promise(model, bda_free_many(allocator, 1, &handle) == BAD);
    memset(&info, 0xA5, sizeof info);
    promise(model, bda_get_info(allocator, handle, &info) == BAD && api_is_zero(&info, sizeof info));
    promise(model, bda_write(allocator, handle, 0, &byte, 1) == BAD && bda_read(allocator, handle, 0, &byte, 1) == BAD);
    promise(model, bda_flush(allocator, handle, 0, 1) == BAD);
    promise(model, bda_invalidate(allocator, handle, 0, VK_WHOLE_SIZE) == BAD);
    promise(model, bda_set_name(allocator, handle, "wrong") == BAD && bda_set_user(allocator, handle, 1) == BAD);
}

void api_stale(struct api_model *model) {
    uint32_t known = model->stale_count < STALE ? model->stale_count : STALE;
    if (known != 0)
        require_refused(model, model->allocator, model->stale[api_draw(model, known)]);
}

static void meet_stranger(struct api_model *model) {
    const struct fake_config config = { .heap_size = KIB(1024), .dirty_bytes = 1 };
    BdaAllocation a;
    model->strange_driver = fake_create(&config);
    assert_non_null(model->strange_driver);
    BdaAllocatorInfo info = fake_allocator_info(model->strange_driver);
    info.callbacks = &model->callbacks;
    info.first_block_size = info.max_block_size = KIB(64);
    promise(model, bda_create_allocator(&info, &model->stranger) == VK_SUCCESS);
    promise(model, bda_alloc(model->stranger, &(BdaAllocInfo){ .size = 100 }, &a) == VK_SUCCESS);
    promise(model, bda_create_pool(model->stranger, &(BdaPoolInfo){ .limit = 0 }, &model->foreign_pool) == VK_SUCCESS);
    model->foreign = a.handle;
}

/* Another allocator's handle, in both directions; or one that nobody gave out. */
void api_foreign(struct api_model *model) {
    const struct thing *thing = api_find(model, LIVE);
    BdaHandle handle = api_draw(model, UINT64_MAX);
    if (model->stranger == NULL)
        meet_stranger(model);
    require_refused(model, model->allocator, model->foreign);
    if (thing != NULL) {
        require_refused(model, model->stranger, thing->info.allocation.handle);
        uint64_t kept = api_once_in(model, 2) ? UINT64_MAX << 32 : UINT64_MAX >> 8; /* only the index, or the tag */
        handle = (thing->info.allocation.handle & kept) | (handle & ~kept);
    }
    for (uint32_t i = 0; i < THINGS; i++)
        if (model->things[i].state == LIVE && model->things[i].info.allocation.handle == handle)
            return;
    if (handle != 0)
        require_refused(model, model->allocator, handle);
}

/* ---- Requests ---------------------------------------------------------------------------------------------------- */

/* Neither the driver nor anybody's memory has to do with a request that makes no sense. */
struct outside {
    unsigned calls;
    size_t held;
};

static struct outside look_outside(struct api_model *model) {
    return (struct outside){ fake_call_count(model->driver, FAKE_CALL_ANY), model->host.live_count };
}

static void require_untouched(struct api_model *model, const struct outside *before) {
    promise(model, fake_call_count(model->driver, FAKE_CALL_ANY) == before->calls);
    promise(model, model->host.live_count == before->held);
}

static float some_bad_priority(struct api_model *model) {
    static const float bad[] = { -0.001f, 1.001f, -1e30f, 1e30f, NAN, INFINITY, -INFINITY };
    return bad[api_draw(model, COUNT_OF(bad))];
}

static VkDeviceSize some_bad_size(struct api_model *model) {
    BdaProperties properties;
    promise(model, bda_get_properties(model->allocator, &properties) == VK_SUCCESS);
    VkDeviceSize sizes[] = { 0, properties.max_allocation_size + 1, UINT64_MAX, UINT64_MAX / 2,
                             UINT64_MAX - api_draw(model, 1 << 20) };
    return sizes[api_draw(model, COUNT_OF(sizes))];
}

/* No power of two, or larger than any block. */
static VkDeviceSize some_bad_alignment(struct api_model *model) {
    uint64_t shift = api_draw(model, 62);
    return shift < 36 ? (VkDeviceSize)3 << shift : (VkDeviceSize)1 << (shift + 1);
}

static BdaPool some_bad_pool(struct api_model *model) {
    if (model->foreign_pool == NULL)
        meet_stranger(model);
    return model->dead_pool != NULL && api_once_in(model, 2) ? model->dead_pool : model->foreign_pool;
}

/* Takes the sense out of a request, by one thing, which is not the size. */
static void spoil(struct api_model *model, BdaAllocInfo *info) {
    switch (api_draw(model, 7)) {
    case 0:
        info->alignment = some_bad_alignment(model);
        break;
    case 1:
        info->flags |= (BdaAllocFlags)0x40 << api_draw(model, 26);
        break;
    case 2:
        info->pool = NULL;
        info->intent = (BdaIntent)(4 + api_draw(model, INT32_MAX - 4));
        break;
    case 3:
        info->priority = some_bad_priority(model);
        break;
    case 4:
        info->next = info;
        break;
    case 5:
        info->pool = some_bad_pool(model);
        break;
    default:
        info->intent = (BdaIntent)-1;
        break;
    }
}

/* Alone, or the last one of some. */
void api_wild_alloc(struct api_model *model) {
    BdaAllocInfo infos[KINDS];
    BdaAllocation a[KINDS];
    memset(a, 0xA5, sizeof a);
    infos[KINDS - 1] = api_request(model);
    if (api_once_in(model, 6))
        infos[KINDS - 1].size = some_bad_size(model);
    else
        spoil(model, &infos[KINDS - 1]);
    if (api_once_in(model, 3)) {
        for (uint32_t i = 0; i < KINDS - 1; i++)
            infos[i] = api_request(model);
        promise(model, bda_alloc_many(model->allocator, KINDS, infos, a) != VK_SUCCESS);
        promise(model, api_is_zero(a, sizeof a));
        return;
    }
    const struct outside before = look_outside(model);
    promise(model, bda_alloc(model->allocator, &infos[KINDS - 1], &a[0]) == BAD);
    promise(model, api_is_zero(&a[0], sizeof a[0]));
    require_untouched(model, &before);
}

static const VkBufferOpaqueCaptureAddressCreateInfo captured = {
    .sType = VK_STRUCTURE_TYPE_BUFFER_OPAQUE_CAPTURE_ADDRESS_CREATE_INFO, .opaqueCaptureAddress = 0x1000
};

/* The same for a buffer's own description. */
static void spoil_buffer(struct api_model *model, VkBufferCreateInfo *buffer, BdaAllocInfo *info) {
    switch (api_draw(model, 7)) {
    case 0:
        buffer->sType = (VkStructureType)api_draw(model, 12);
        break;
    case 1:
        buffer->flags |= (VkBufferCreateFlags)1 << api_draw(model, 4);
        break;
    case 2:
        buffer->pNext = &captured;
        break;
    case 3:
        info->usage = 1 + api_draw(model, UINT64_MAX);
        break;
    case 4:
        info->size = buffer->size + 1 + api_draw(model, 256);
        break;
    case 5:
        info->size = buffer->size = some_bad_size(model);
        break;
    default:
        spoil(model, info);
        break;
    }
}

void api_wild_buffer(struct api_model *model) {
    BdaAllocInfo info = api_request(model);
    VkBufferCreateInfo buffer = { .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                  .size = info.size,
                                  .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT };
    BdaAllocation a;
    if (info.pool != NULL)
        return;
    spoil_buffer(model, &buffer, &info);
    memset(&a, 0xA5, sizeof a);
    const struct outside before = look_outside(model);
    promise(model, bda_alloc_buffer(model->allocator, &buffer, &info, &a) == BAD);
    promise(model, bda_warm_up_buffers(model->allocator, &buffer, &info, 1) == BAD);
    promise(model, api_is_zero(&a, sizeof a));
    require_untouched(model, &before);
}

/* ---- Pools and room ---------------------------------------------------------------------------------------------- */

static void spoil_pool(struct api_model *model, BdaPoolInfo *info) {
    switch (api_draw(model, 5)) {
    case 0:
        info->next = info;
        break;
    case 1:
        info->flags = ~(BdaAllocFlags)BDA_ALLOC_HOST_FALLBACK_BIT & (BdaAllocFlags)1 << api_draw(model, 32);
        info->next = info->flags == 0 ? info : NULL;
        break;
    case 2:
        info->intent = (BdaIntent)(4 + api_draw(model, INT32_MAX - 4));
        break;
    case 3:
        info->priority = some_bad_priority(model);
        break;
    default:
        info->max_block_size = 1 + api_draw(model, UINT32_MAX);
        info->first_block_size = info->max_block_size + 1 + api_draw(model, UINT32_MAX);
        break;
    }
}

void api_wild_pool(struct api_model *model) {
    BdaPoolInfo info = { .name = "spoilt" };
    BdaPool pool = some_bad_pool(model), none = pool;
    BdaUse use;
    const struct outside before = look_outside(model);
    promise(model, bda_get_pool_info(model->allocator, pool, &info) == BAD && api_is_zero(&info, sizeof info));
    promise(model, bda_get_pool_stats(model->allocator, pool, &use) == BAD && api_is_zero(&use, sizeof use));
    promise(model, bda_destroy_pool(model->allocator, pool) == BAD);
    spoil_pool(model, &info);
    promise(model, bda_create_pool(model->allocator, &info, &none) == BAD && none == NULL);
    BdaAllocInfo like = { .flags = BDA_ALLOC_DEDICATED_BIT };
    promise(model, bda_warm_up(model->allocator, &like, 1) == BAD);
    like.flags = BDA_ALLOC_NO_NEW_MEMORY_BIT;
    promise(model, bda_warm_up(model->allocator, &like, 1 + api_draw(model, UINT64_MAX)) == BAD);
    require_untouched(model, &before);
    like.flags = 0;
    promise(model, bda_warm_up(model->allocator, &like, UINT64_MAX - api_draw(model, 1 << 16)) ==
                       VK_ERROR_OUT_OF_DEVICE_MEMORY);
}

/* ---- Bytes ------------------------------------------------------------------------------------------------------- */

/* A piece that begins or ends outside, however the sum is written. */
static void spoil_piece(struct api_model *model, VkDeviceSize size, VkDeviceSize *offset, VkDeviceSize *length) {
    VkDeviceSize beyond = 1 + api_draw(model, 64);
    switch (api_draw(model, 4)) {
    case 0:
        *offset = size, *length = beyond;
        break;
    case 1:
        *offset = size + beyond, *length = 0;
        break;
    case 2:
        *offset = beyond % size, *length = UINT64_MAX - beyond;
        break;
    default:
        *offset = UINT64_MAX - beyond, *length = beyond + 1;
        break;
    }
}

void api_wild_access(struct api_model *model) {
    const struct thing *thing = api_find(model, LIVE);
    char byte = 'x';
    VkDeviceSize offset, length;
    if (thing == NULL)
        return;
    const BdaAllocation *a = &thing->info.allocation;
    const struct outside before = look_outside(model);
    spoil_piece(model, a->size, &offset, &length);
    promise(model, bda_write(model->allocator, a->handle, offset, &byte, length) == BAD);
    promise(model, bda_read(model->allocator, a->handle, offset, &byte, length) == BAD);
    promise(model, bda_flush(model->allocator, a->handle, offset, length) == BAD);
    promise(model, bda_invalidate(model->allocator, a->handle, offset, length) == BAD);
    promise(model, bda_write(model->allocator, a->handle, 0, NULL, 1) == BAD);
    promise(model, bda_read(model->allocator, a->handle, 0, NULL, 1) == BAD);
    promise(model, bda_free_after(model->allocator, a->handle, VK_NULL_HANDLE, 1) == BAD);
    require_untouched(model, &before);
    VkResult nothing = a->mapped != NULL ? VK_SUCCESS : BAD;
    promise(model, bda_write(model->allocator, a->handle, a->size, &byte, 0) == nothing);
    promise(model, bda_read(model->allocator, a->handle, a->size, NULL, 0) == nothing);
}

/* ---- Nothing at all ---------------------------------------------------------------------------------------------- */

/* Without an allocator. */
static void require_no_allocator(struct api_model *model) {
    const BdaAllocInfo info = { .size = 1 };
    const BdaPoolInfo pool_info = { .limit = 0 };
    BdaAllocation a;
    BdaPool pool;
    BdaUse use;
    promise(model, bda_alloc(NULL, &info, &a) == BAD && bda_alloc_many(NULL, 1, &info, &a) == BAD);
    promise(model, bda_free(NULL, 1) == BAD && bda_free_many(NULL, 0, NULL) == BAD);
    promise(model, bda_free_after(NULL, 1, model->timelines[0], 1) == BAD && bda_collect(NULL) == BAD);
    promise(model, bda_trim(NULL, 0, NULL) == BAD && bda_check(NULL) == BAD && bda_get_stats(NULL, NULL) == BAD);
    promise(model, bda_create_pool(NULL, &pool_info, &pool) == BAD && bda_destroy_pool(NULL, NULL) == BAD);
    promise(model, bda_get_pool_stats(NULL, NULL, &use) == BAD && bda_warm_up(NULL, &info, 1) == BAD);
    promise(model, bda_set_external_use(NULL, 0, 0, 0) == BAD && bda_destroy_allocator(NULL) == VK_SUCCESS);
}

void api_nothing(struct api_model *model) {
    BdaAllocator allocator = model->allocator;
    const BdaHandle zeros[3] = { 0 };
    BdaAllocation a;
    const struct outside before = look_outside(model);
    require_no_allocator(model);
    promise(model, bda_alloc(allocator, NULL, &a) == BAD && bda_alloc(allocator, NULL, NULL) == BAD);
    promise(model, bda_alloc_buffer(allocator, NULL, NULL, &a) == BAD);
    promise(model, bda_alloc_many(allocator, 3, NULL, NULL) == BAD);
    promise(model, bda_alloc_many(allocator, 0, NULL, NULL) == VK_SUCCESS);
    promise(model, bda_free(allocator, 0) == VK_SUCCESS && bda_free_many(allocator, 0, NULL) == VK_SUCCESS);
    promise(model, bda_free_many(allocator, 3, zeros) == VK_SUCCESS && bda_free_many(allocator, 3, NULL) == BAD);
    promise(model, bda_free_after(allocator, 0, VK_NULL_HANDLE, 0) == VK_SUCCESS);
    promise(model, bda_get_info(allocator, 0, NULL) == BAD && bda_get_stats(allocator, NULL) == BAD);
    promise(model, bda_get_properties(allocator, NULL) == BAD && bda_create_pool(allocator, NULL, NULL) == BAD);
    promise(model, bda_destroy_pool(allocator, NULL) == VK_SUCCESS && bda_warm_up(allocator, NULL, 1) == BAD);
    promise(model, bda_create_allocator(NULL, NULL) == BAD);
    require_untouched(model, &before);
}
