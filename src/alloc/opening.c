/* Blocks on their way, see opening.h. */
#include "alloc/opening.h"

void bda_opening_begin(struct bda_pool *pool, struct bda_opening *opening, VkDeviceSize size, VkDeviceSize booked) {
    *opening = (struct bda_opening){ pool->openings, ++pool->last_opening, size, booked };
    pool->openings = opening;
}

void bda_opening_end(struct bda_pool *pool, struct bda_opening *opening) {
    bda_lock(&pool->lock);
    struct bda_opening **link = &pool->openings;
    while (*link != opening)
        link = &(*link)->next;
    *link = opening->next;
    bda_condition_wake(&pool->opened);
    bda_unlock(&pool->lock);
}

void bda_opening_resize(struct bda_pool *pool, struct bda_opening *opening, VkDeviceSize size) {
    bda_lock(&pool->lock);
    opening->size = size;
    bda_unlock(&pool->lock);
}

static VkDeviceSize unbooked(const struct bda_opening *opening) {
    return opening->size > opening->booked ? opening->size - opening->booked : 0;
}

VkDeviceSize bda_opening_unbooked(const struct bda_pool *pool) {
    VkDeviceSize bytes = 0;
    for (const struct bda_opening *opening = pool->openings; opening != NULL; opening = opening->next)
        bytes += unbooked(opening);
    return bytes;
}

static bool is_on_its_way(const struct bda_pool *pool, uint64_t number) {
    const struct bda_opening *opening = pool->openings;
    while (opening != NULL && opening->number != number)
        opening = opening->next;
    return opening != NULL;
}

/* A block on its way that will have `bytes` to spare, or NULL. */
static struct bda_opening *find_opening(struct bda_pool *pool, VkDeviceSize bytes) {
    struct bda_opening *opening = pool->openings;
    while (opening != NULL && unbooked(opening) < bytes)
        opening = opening->next;
    return opening;
}

bool bda_opening_wait(struct bda_pool *pool, VkDeviceSize bytes) {
    struct bda_opening *opening = find_opening(pool, bytes);
    if (opening == NULL)
        return false;
    opening->booked += bytes;
    uint64_t number = opening->number;
    while (is_on_its_way(pool, number))
        bda_lock_sleep(&pool->lock, &pool->opened);
    return true;
}

void bda_opening_finish(struct bda_pool *pool) {
    bda_lock(&pool->lock);
    pool->low_granules = 0;
    while (pool->openings != NULL)
        bda_lock_sleep(&pool->lock, &pool->opened);
    bda_unlock(&pool->lock);
}
