/* Frees that wait for timeline semaphores, see pending.h. */
#include "alloc/pending.h"

#include "alloc/allocator.h"
#include "alloc/free.h"

/* ---- Groups; the pending lock is held ---- */

static void append(BdaAllocator allocator, struct bda_pending_group *group, uint32_t first, uint32_t last) {
    bda_node_of(allocator, last)->as.waiting.link = 0;
    if (group->last != 0)
        bda_node_of(allocator, group->last)->as.waiting.link = first;
    else
        group->first = first;
    group->last = last;
}

static void drop(struct bda_pending *pending, struct bda_pending_group *group) {
    *group = (struct bda_pending_group){ VK_NULL_HANDLE, 0, 0, 0 };
    atomic_fetch_sub_explicit(&pending->group_count, 1, memory_order_relaxed);
}

static struct bda_pending_group *find(struct bda_pending *pending, VkSemaphore timeline, uint64_t value) {
    for (uint32_t i = 0; i < BDA_PENDING_GROUPS; i++)
        if (pending->groups[i].timeline == timeline && pending->groups[i].value == value)
            return &pending->groups[i];
    return NULL;
}

static struct bda_pending_group *find_unused(struct bda_pending *pending) {
    return find(pending, VK_NULL_HANDLE, 0);
}

/* Joins the two groups of a semaphore that are due soonest, so that the first waits for the second. (Joining the latest
 * two would put the same frees off again and again while new values keep coming.) */
static bool merge_two(BdaAllocator allocator, VkSemaphore timeline) {
    struct bda_pending *pending = &allocator->pending;
    struct bda_pending_group *first = NULL, *second = NULL;
    for (uint32_t i = 0; i < BDA_PENDING_GROUPS; i++) {
        struct bda_pending_group *group = &pending->groups[i];
        if (group->timeline != timeline)
            continue;
        if (first == NULL || group->value < first->value) {
            second = first;
            first = group;
        } else if (second == NULL || group->value < second->value) {
            second = group;
        }
    }
    if (second == NULL)
        return false;
    append(allocator, second, first->first, first->last);
    drop(pending, first);
    return true;
}

/* A group for the pair, made if need be; NULL when 256 other semaphores hold all of them. */
static struct bda_pending_group *group_for(BdaAllocator allocator, VkSemaphore timeline, uint64_t value) {
    struct bda_pending *pending = &allocator->pending;
    struct bda_pending_group *group = find(pending, timeline, value);
    if (group != NULL)
        return group;
    group = find_unused(pending);
    bool merged = group != NULL || merge_two(allocator, timeline);
    for (uint32_t i = 0; i < BDA_PENDING_GROUPS && !merged; i++)
        merged = merge_two(allocator, pending->groups[i].timeline);
    if (group == NULL && (group = find_unused(pending)) == NULL)
        return NULL;
    *group = (struct bda_pending_group){ timeline, value, 0, 0 };
    atomic_fetch_add_explicit(&pending->group_count, 1, memory_order_relaxed);
    return group;
}

VkResult bda_pending_add(BdaAllocator allocator, BdaHandle handle, VkSemaphore timeline, uint64_t value,
                         const char **reason) {
    struct bda_pending *pending = &allocator->pending;
    VkResult result = VK_SUCCESS;
    bda_mutex_lock(&pending->lock);
    struct bda_pending_group *group = group_for(allocator, timeline, value);
    if (group == NULL) {
        *reason = "frees are pending on 256 other semaphores";
        result = VK_ERROR_TOO_MANY_OBJECTS;
    } else {
        uint32_t node = bda_retire(allocator, handle, BDA_NODE_PENDING, reason);
        if (node != 0)
            append(allocator, group, node, node);
        else
            result = VK_ERROR_VALIDATION_FAILED_EXT;
        if (group->first == 0)
            drop(pending, group);
    }
    bda_mutex_unlock(&pending->lock);
    return result;
}

/* ---- Collecting ---- */

struct reached {
    VkSemaphore timeline;
    uint64_t value;
};

/* The distinct semaphores that are waited for. */
static uint32_t list_semaphores(struct bda_pending *pending, struct reached *reached) {
    uint32_t count = 0;
    bda_mutex_lock(&pending->lock);
    for (uint32_t i = 0; i < BDA_PENDING_GROUPS; i++) {
        VkSemaphore timeline = pending->groups[i].timeline;
        uint32_t known = 0;
        while (known < count && reached[known].timeline != timeline)
            known++;
        if (timeline != VK_NULL_HANDLE && known == count)
            reached[count++].timeline = timeline;
    }
    bda_mutex_unlock(&pending->lock);
    return count;
}

/* Takes the lists of all groups that wait for no more than what was reached; linked together. */
static uint32_t detach_reached(BdaAllocator allocator, const struct reached *reached) {
    struct bda_pending *pending = &allocator->pending;
    struct bda_pending_group due = { VK_NULL_HANDLE, 0, 0, 0 };
    bda_mutex_lock(&pending->lock);
    for (uint32_t i = 0; i < BDA_PENDING_GROUPS; i++) {
        struct bda_pending_group *group = &pending->groups[i];
        if (group->timeline != reached->timeline || group->value > reached->value)
            continue;
        append(allocator, &due, group->first, group->last);
        drop(pending, group);
    }
    bda_mutex_unlock(&pending->lock);
    return due.first;
}

VkResult bda_pending_collect(BdaAllocator allocator) {
    struct bda_pending *pending = &allocator->pending;
    if (atomic_load_explicit(&pending->group_count, memory_order_relaxed) == 0)
        return VK_SUCCESS;
    struct bda_device *device = &allocator->device;
    struct reached reached[BDA_PENDING_GROUPS];
    uint32_t count = list_semaphores(pending, reached);
    VkResult answer = VK_SUCCESS;
    for (uint32_t i = 0; i < count; i++) {
        VkResult result = device->vk.get_semaphore_value(device->handle, reached[i].timeline, &reached[i].value);
        if (result == VK_ERROR_DEVICE_LOST)
            reached[i].value = UINT64_MAX; /* nothing runs any more */
        if (result != VK_SUCCESS)
            answer = result;
        if (result == VK_SUCCESS || result == VK_ERROR_DEVICE_LOST)
            bda_release_list(allocator, detach_reached(allocator, &reached[i]));
    }
    return answer;
}

void bda_pending_drain(BdaAllocator allocator) {
    struct bda_pending *pending = &allocator->pending;
    for (uint32_t i = 0; i < BDA_PENDING_GROUPS; i++) {
        bda_mutex_lock(&pending->lock);
        uint32_t first = pending->groups[i].first;
        if (first != 0)
            drop(pending, &pending->groups[i]);
        bda_mutex_unlock(&pending->lock);
        bda_release_list(allocator, first);
    }
}

/* Takes a pool's nodes out of a group, into `due`. The pending lock is held. */
static void filter(BdaAllocator allocator, struct bda_pending_group *group, BdaPool user,
                   struct bda_pending_group *due) {
    struct bda_pending_group kept = { group->timeline, group->value, 0, 0 };
    for (uint32_t index = group->first, next; index != 0; index = next) {
        struct bda_node *node = bda_node_of(allocator, index);
        next = node->as.waiting.link;
        struct bda_pool *pool = atomic_load_explicit(&bda_block_of(allocator, node)->pool, memory_order_relaxed);
        append(allocator, pool == user->ranges || pool == user->own_buffers ? due : &kept, index, index);
    }
    *group = kept;
    if (kept.first == 0)
        drop(&allocator->pending, group);
}

void bda_pending_drain_pool(BdaAllocator allocator, BdaPool user) {
    struct bda_pending *pending = &allocator->pending;
    struct bda_pending_group due = { VK_NULL_HANDLE, 0, 0, 0 };
    bda_mutex_lock(&pending->lock);
    for (uint32_t i = 0; i < BDA_PENDING_GROUPS; i++)
        if (pending->groups[i].timeline != VK_NULL_HANDLE)
            filter(allocator, &pending->groups[i], user, &due);
    bda_mutex_unlock(&pending->lock);
    bda_release_list(allocator, due.first);
}
