/* Frees that wait for timeline semaphores, see pending.h. */
#include "alloc/pending.h"

#include "alloc/allocator.h"
#include "alloc/free.h"
#include "alloc/handle.h"

#include <string.h>

/* ---- The sorted table; the pending lock is held ---- */

static uint32_t count_of(struct bda_pending *pending) {
    return atomic_load_explicit(&pending->group_count, memory_order_relaxed);
}

static bool comes_before(const struct bda_pending_group *group, VkSemaphore timeline, uint64_t value) {
    uint64_t mine = (uint64_t)group->timeline, other = (uint64_t)timeline;
    return mine != other ? mine < other : group->value < value;
}

/* The first group that does not come before the pair. */
static uint32_t position_of(struct bda_pending *pending, VkSemaphore timeline, uint64_t value) {
    uint32_t low = 0, high = count_of(pending);
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (comes_before(&pending->groups[middle], timeline, value))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void insert(struct bda_pending *pending, uint32_t position, VkSemaphore timeline, uint64_t value) {
    uint32_t count = count_of(pending);
    struct bda_pending_group *group = &pending->groups[position];
    memmove(group + 1, group, (count - position) * sizeof *group);
    *group = (struct bda_pending_group){ timeline, value, value, 0, 0 };
    atomic_store_explicit(&pending->group_count, count + 1, memory_order_relaxed);
}

static void drop(struct bda_pending *pending, uint32_t position) {
    uint32_t count = count_of(pending) - 1;
    struct bda_pending_group *group = &pending->groups[position];
    memmove(group, group + 1, (count - position) * sizeof *group);
    atomic_store_explicit(&pending->group_count, count, memory_order_relaxed);
}

static void append(BdaAllocator allocator, struct bda_pending_group *group, uint32_t first, uint32_t last) {
    bda_node_set_link(bda_node_of(allocator, last), 0);
    if (group->last != 0)
        bda_node_set_link(bda_node_of(allocator, group->last), first);
    else
        group->first = first;
    group->last = last;
}

/* The lowest value that was asked for in a group or the next one: a later group may have taken in an earlier value. */
static uint64_t lowest_of_two(const struct bda_pending_group *low) {
    return bda_min(low[0].lowest, low[1].lowest);
}

/* Joins the two neighbours that then span the fewest values; false when no semaphore has two groups. */
static bool join_closest(BdaAllocator allocator) {
    struct bda_pending *pending = &allocator->pending;
    uint32_t best = UINT32_MAX;
    uint64_t best_span = UINT64_MAX;
    for (uint32_t i = 0; i + 1 < count_of(pending); i++) {
        const struct bda_pending_group *low = &pending->groups[i], *high = low + 1;
        uint64_t span = high->value - lowest_of_two(low);
        if (low->timeline == high->timeline && (best == UINT32_MAX || span < best_span)) {
            best = i;
            best_span = span;
        }
    }
    if (best == UINT32_MAX)
        return false;
    struct bda_pending_group *low = &pending->groups[best], *high = low + 1;
    high->lowest = lowest_of_two(low);
    append(allocator, high, low->first, low->last);
    drop(pending, best);
    return true;
}

/* A group for the pair, made if need be; NULL when other semaphores hold all of them. */
static struct bda_pending_group *group_for(BdaAllocator allocator, VkSemaphore timeline, uint64_t value) {
    struct bda_pending *pending = &allocator->pending;
    uint32_t position = position_of(pending, timeline, value);
    struct bda_pending_group *found = &pending->groups[position];
    if (position < count_of(pending) && found->timeline == timeline && found->value == value)
        return found;
    if (count_of(pending) == BDA_PENDING_GROUPS) {
        if (join_closest(allocator))
            position = position_of(pending, timeline, value);
        else if (position < BDA_PENDING_GROUPS && found->timeline == timeline) /* its one group, and a later value */
            return found;
        else
            return position > 0 && found[-1].timeline == timeline ? &found[-1] : NULL; /* its one group, put off */
    }
    insert(pending, position, timeline, value);
    return &pending->groups[position];
}

/* The handle was good when it was looked at; another thread may free it before this one does. */
static VkResult add(BdaAllocator allocator, BdaHandle handle, VkSemaphore timeline, uint64_t value,
                    const char **reason) {
    struct bda_pending *pending = &allocator->pending;
    struct bda_pending_group *group = group_for(allocator, timeline, value);
    if (group == NULL) {
        *reason = "frees are pending on 256 other semaphores";
        return VK_ERROR_TOO_MANY_OBJECTS;
    }
    uint32_t node = bda_retire(allocator, handle, BDA_NODE_PENDING, reason);
    if (node != 0) {
        append(allocator, group, node, node);
        group->value = bda_max(group->value, value);
        group->lowest = bda_min(group->lowest, value);
    } else if (group->first == 0)
        drop(pending, (uint32_t)(group - pending->groups));
    return node != 0 ? VK_SUCCESS : VK_ERROR_VALIDATION_FAILED_EXT;
}

VkResult bda_pending_add(BdaAllocator allocator, BdaHandle handle, VkSemaphore timeline, uint64_t value,
                         const char **reason) {
    struct bda_live live;
    if (!bda_handle_find(allocator, handle, &live)) {
        *reason = bda_handle_is_dead;
        return VK_ERROR_VALIDATION_FAILED_EXT;
    }
    bda_mutex_lock(&allocator->pending.lock);
    VkResult result = add(allocator, handle, timeline, value, reason);
    bda_mutex_unlock(&allocator->pending.lock);
    return result;
}

/* ---- Taking out of the table; the pending lock is held ---- */

/* What of it: of a pool, or of all (NULL); ranges, or what has memory of its own, too. */
struct part {
    BdaPool user;
    bool ranges_alone;
};

static bool is_part(BdaAllocator allocator, struct bda_node *node, const struct part *part) {
    const struct bda_block *block = bda_block_of(allocator, node);
    struct bda_pool *head = atomic_load_explicit(&block->pool, memory_order_relaxed)->head;
    bool of_pool = part->user == NULL || head == part->user->ranges || head == bda_pool_of_buffers(part->user);
    return of_pool && !(part->ranges_alone && block->dedicated_size != 0);
}

/* Moves that part of a group into `due`; the group goes if nothing is left of it, and true is answered. */
static bool take_out(BdaAllocator allocator, uint32_t position, const struct part *part,
                     struct bda_pending_group *due) {
    struct bda_pending_group *group = &allocator->pending.groups[position];
    const struct bda_pending_group all = *group;
    group->first = group->last = 0;
    if (part->user == NULL && !part->ranges_alone)
        append(allocator, due, all.first, all.last);
    else
        for (uint32_t index = all.first, next; index != 0; index = next) {
            struct bda_node *node = bda_node_of(allocator, index);
            next = bda_node_link(node);
            append(allocator, is_part(allocator, node, part) ? due : group, index, index);
        }
    bool gone = group->first == 0;
    if (gone)
        drop(&allocator->pending, position);
    return gone;
}

/* ---- Who may take frees out ---- */

static bool try_begin(struct bda_pending *pending) {
    return !atomic_flag_test_and_set_explicit(&pending->asking, memory_order_acquire);
}

/* Waits for the few queries that another thread may be making; never on the way of an allocation or a free. */
static void begin(struct bda_pending *pending) {
    for (uint32_t tries = 0; !try_begin(pending); tries++)
        bda_let_others(tries);
}

static void end(struct bda_pending *pending) {
    atomic_flag_clear_explicit(&pending->asking, memory_order_release);
}

/* ---- Collecting ---- */

struct reached {
    VkSemaphore timeline;
    uint64_t value;
    bool known; /* false: the driver did not say */
};

/* The distinct semaphores that are waited for. */
static uint32_t list_semaphores(struct bda_pending *pending, struct reached *reached) {
    uint32_t count = 0;
    bda_mutex_lock(&pending->lock);
    for (uint32_t i = 0; i < count_of(pending); i++)
        if (i == 0 || pending->groups[i].timeline != pending->groups[i - 1].timeline)
            reached[count++].timeline = pending->groups[i].timeline;
    bda_mutex_unlock(&pending->lock);
    return count;
}

/* Asks each for its value. On a lost device nothing runs any more: all values count as reached. */
static VkResult ask(struct bda_device *device, struct reached *reached, uint32_t count) {
    VkResult answer = VK_SUCCESS;
    for (uint32_t i = 0; i < count && answer != VK_ERROR_DEVICE_LOST; i++) {
        VkResult result = device->vk.get_semaphore_value(device->handle, reached[i].timeline, &reached[i].value);
        reached[i].known = result == VK_SUCCESS;
        if (result != VK_SUCCESS)
            answer = result;
    }
    for (uint32_t i = 0; i < count && answer == VK_ERROR_DEVICE_LOST; i++)
        reached[i] = (struct reached){ reached[i].timeline, UINT64_MAX, true };
    return answer;
}

/* Moves what all groups have that wait for no more than what was reached into `due`. */
static void detach_reached(BdaAllocator allocator, const struct reached *reached, const struct part *part,
                           struct bda_pending_group *due) {
    struct bda_pending *pending = &allocator->pending;
    bda_mutex_lock(&pending->lock);
    uint32_t position = position_of(pending, reached->timeline, 0);
    while (position < count_of(pending) && pending->groups[position].timeline == reached->timeline &&
           pending->groups[position].value <= reached->value)
        position += !take_out(allocator, position, part, due);
    bda_mutex_unlock(&pending->lock);
}

/* Asks and detaches; then others may, and what is due is released. It is on its way from before the first question on:
 * while one thread asks, no other can. */
static VkResult collect_and_end(BdaAllocator allocator, const struct part *part, struct bda_closing *closing,
                                VkDeviceSize *bytes) {
    struct bda_pending *pending = &allocator->pending;
    struct bda_pending_group due = { .first = 0 };
    struct reached reached[BDA_PENDING_GROUPS];
    uint32_t count = list_semaphores(pending, reached);
    VkResult answer = ask(&allocator->device, reached, count);
    for (uint32_t i = 0; i < count; i++)
        if (reached[i].known)
            detach_reached(allocator, &reached[i], part, &due);
    end(pending);
    *bytes = bda_release_list(allocator, due.first);
    bda_closing_end(&allocator->closings, closing);
    return answer;
}

VkResult bda_pending_collect(BdaAllocator allocator, VkDeviceSize *bytes) {
    *bytes = 0;
    if (count_of(&allocator->pending) == 0)
        return VK_SUCCESS;
    struct bda_closing closing;
    bda_closing_begin(&allocator->closings, &closing);
    begin(&allocator->pending);
    return collect_and_end(allocator, &(struct part){ .user = NULL }, &closing, bytes);
}

VkResult bda_pending_try_collect(BdaAllocator allocator, bool ranges_alone) {
    VkDeviceSize bytes;
    if (count_of(&allocator->pending) == 0)
        return VK_SUCCESS;
    struct bda_closing closing;
    bda_closing_begin(&allocator->closings, &closing);
    if (try_begin(&allocator->pending))
        return collect_and_end(allocator, &(struct part){ .ranges_alone = ranges_alone }, &closing, &bytes);
    bda_closing_end(&allocator->closings, &closing);
    return VK_SUCCESS;
}

/* ---- Looking ---- */

/* So many frees at most are looked at under the lock, which every bda_free_after takes. */
enum { LOOKED_AT = 4096 };

/* The group that a node is in; NULL: it is not found. The pending lock is held. */
static const struct bda_pending_group *group_of(BdaAllocator allocator, uint32_t node) {
    struct bda_pending *pending = &allocator->pending;
    uint32_t looked_at = 0;
    for (uint32_t i = 0; i < count_of(pending); i++)
        for (uint32_t at = pending->groups[i].first; at != 0; at = bda_node_link(bda_node_of(allocator, at))) {
            if (at == node)
                return &pending->groups[i];
            if (++looked_at == LOOKED_AT)
                return NULL;
        }
    return NULL;
}

bool bda_pending_look(BdaAllocator allocator, BdaHandle handle, struct bda_wait *wait) {
    const uint32_t node = bda_handle_index(handle), moved_on = bda_handle_generation(handle) + 1;
    bda_mutex_lock(&allocator->pending.lock);
    const struct bda_pending_group *group = group_of(allocator, node);
    bool found = group != NULL && bda_node_generation(bda_node_of(allocator, node)) == moved_on; /* not a later one */
    if (found)
        *wait = (struct bda_wait){ group->timeline, group->value };
    bda_mutex_unlock(&allocator->pending.lock);
    return found;
}

/* ---- Draining ---- */

void bda_pending_drain_pool(BdaAllocator allocator, BdaPool user) {
    struct bda_pending *pending = &allocator->pending;
    struct bda_pending_group due = { .first = 0 };
    struct bda_closing closing;
    bda_closing_begin(&allocator->closings, &closing);
    begin(pending);
    bda_mutex_lock(&pending->lock);
    for (uint32_t i = count_of(pending); i-- > 0;) /* backwards: groups are dropped on the way */
        (void)take_out(allocator, i, &(struct part){ .user = user }, &due);
    bda_mutex_unlock(&pending->lock);
    end(pending);
    (void)bda_release_list(allocator, due.first);
    bda_closing_end(&allocator->closings, &closing);
}

void bda_pending_drain(BdaAllocator allocator) {
    bda_pending_drain_pool(allocator, NULL);
}
