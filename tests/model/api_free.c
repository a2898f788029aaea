/* What frees, now or later; see api_model.h. */
#include "api_model.h"

/* ---- Now --------------------------------------------------------------------------------------------------------- */

void api_free(struct api_model *model) {
    struct thing *thing = api_find(model, LIVE);
    if (thing == NULL)
        return;
    api_leave(model, thing);
    api_arm_for_good(model);
    promise(model, bda_free(model->allocator, thing->info.allocation.handle) == VK_SUCCESS);
    api_disarm(model);
}

/* With a bad handle among them none is freed. */
void api_free_many(struct api_model *model) {
    BdaHandle handles[MANY + 2] = { 0 };
    struct thing *things[MANY];
    uint32_t found = 0, wanted = 1 + (uint32_t)api_draw(model, MANY), stale = model->stale_count;
    while (found < wanted && (things[found] = api_find(model, LIVE)) != NULL) {
        handles[found + 1] = things[found]->info.allocation.handle;
        things[found++]->state = ABSENT; /* so that it is not found twice */
    }
    for (uint32_t i = 0; i < found; i++)
        things[i]->state = LIVE;
    if (found != 0 && api_once_in(model, 3)) {
        bool twice = stale == 0 || api_once_in(model, 2);
        handles[found + 1] = twice ? handles[1 + api_draw(model, found)] : model->stale[(stale - 1) % STALE];
        promise(model, bda_free_many(model->allocator, found + 2, handles) == VK_ERROR_VALIDATION_FAILED_EXT);
        return;
    }
    for (uint32_t i = 0; i < found; i++)
        api_leave(model, things[i]);
    api_arm_for_good(model);
    promise(model, bda_free_many(model->allocator, found + 1, handles) == VK_SUCCESS);
    api_disarm(model);
}

/* ---- Later ------------------------------------------------------------------------------------------------------- */

/* Waste is what live allocations hold too much, whatever waits. */
void api_free_after(struct api_model *model) {
    struct thing *thing = api_find(model, LIVE);
    BdaStats before, after;
    if (thing == NULL)
        return;
    thing->timeline = (uint32_t)api_draw(model, TIMELINES);
    thing->value = model->signalled[thing->timeline] + api_draw(model, 6);
    api_require_bytes(model, thing);
    promise(model, bda_get_stats(model->allocator, &before) == VK_SUCCESS);
    api_arm_for_good(model);
    promise(model, bda_free_after(model->allocator, thing->info.allocation.handle, model->timelines[thing->timeline],
                                  thing->value) == VK_SUCCESS);
    api_disarm(model);
    promise(model, bda_get_stats(model->allocator, &after) == VK_SUCCESS);
    promise(model, after.total.pending_count == before.total.pending_count + 1);
    promise(model, after.total.wasted <= before.total.wasted);
    promise(model, !thing->info.dedicated || after.total.wasted == before.total.wasted);
    api_remember_stale(model, thing->info.allocation.handle);
    thing->state = PENDING;
    model->waited++;
}

void api_signal(struct api_model *model) {
    uint32_t i = (uint32_t)api_draw(model, TIMELINES);
    model->signalled[i] += 1 + api_draw(model, 3);
    fake_signal(model->driver, model->timelines[i], model->signalled[i]);
}

void api_collect(struct api_model *model) {
    BdaStats stats;
    api_arm(model);
    VkResult result = bda_collect(model->allocator);
    api_disarm(model);
    promise(model, result == VK_SUCCESS || model->failing);
    if (result != VK_SUCCESS)
        return;
    api_forget_due(model);
    promise(model, bda_get_stats(model->allocator, &stats) == VK_SUCCESS);
    promise(model, stats.total.pending_count == api_count(model, PENDING));
}

static void forget_pending(struct api_model *model) {
    for (uint32_t i = 0; i < THINGS; i++)
        if (model->things[i].state == PENDING)
            model->things[i].state = ABSENT;
}

/* A lost device counts as finished, and the caller is told, if there was anything to wait for. */
void api_lose_device(struct api_model *model) {
    struct thing *thing = api_find(model, LIVE);
    BdaStats stats;
    if (thing == NULL || !api_once_in(model, 4))
        return;
    promise(model, bda_get_stats(model->allocator, &stats) == VK_SUCCESS);
    api_leave(model, thing);
    fake_lose_device(model->driver);
    promise(model, bda_free(model->allocator, thing->info.allocation.handle) == VK_SUCCESS);
    VkResult expected = stats.total.pending_count != 0 ? VK_ERROR_DEVICE_LOST : VK_SUCCESS;
    promise(model, bda_collect(model->allocator) == expected);
    api_disarm(model);
    forget_pending(model);
}

void api_trim(struct api_model *model) {
    VkDeviceSize keep = api_once_in(model, 2) ? 0 : api_draw(model, KIB(512)), released = 77;
    BdaStats before, after;
    promise(model, bda_get_stats(model->allocator, &before) == VK_SUCCESS);
    api_arm(model);
    VkResult result = bda_trim(model->allocator, keep, &released);
    api_disarm(model);
    promise(model, bda_get_stats(model->allocator, &after) == VK_SUCCESS);
    promise(model, result == VK_SUCCESS || model->failing);
    promise(model, before.total.reserved - after.total.reserved >= released);
    if (result != VK_SUCCESS)
        return;
    api_forget_due(model);
    promise(model, keep != 0 || after.total.empty_count == 0);
    promise(model, after.total.cached == 0);
}
