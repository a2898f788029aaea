/* Pools and caches in a dump, see dump.h. What a lock covers is copied under it and written afterwards. */
#include "debug/dump.h"

#include "alloc/shard.h"
#include "debug/message.h"
#include "debug/stats.h"

#include <string.h>

uint32_t bda_dump_pool_number(const struct bda_pool *head) {
    uint32_t number = 0;
    for (const struct bda_pool *pool = head->older; pool != NULL; pool = pool->older)
        number++;
    return number;
}

/* ---- Pools ---- */

struct shard_view {
    uint32_t number;
    uint64_t blocks;
    VkDeviceSize reserved, free, in_depot;
};

struct pool_view {
    struct bda_pool_key key;
    VkBufferUsageFlags usage;
    VkDeviceSize first_block_size, max_block_size, next_block_size, keep_empty, low_water, limit;
    uint32_t keep_collects;
    bool retired, users, named;
    char name[BDA_FOUND_NAME_SIZE];
    uint32_t shard_count;
    struct shard_view shards[BDA_SHARDS];
};

/* Its name is there as long as the pool is its: bda_destroy_pool takes it away under the lock before it goes. */
static void view_user(const struct bda_pool *head, struct pool_view *view) {
    const struct BdaPool_T *user = head->user;
    view->users = user != NULL;
    view->limit = user != NULL ? user->limit.most : 0;
    view->named = user != NULL && user->name != NULL;
    view->name[0] = '\0';
    if (view->named)
        bda_copy_text(view->name, sizeof view->name, user->name);
}

static void view_shard(struct bda_pool *shard, struct shard_view *view) {
    bda_mutex_lock(&shard->depot.lock);
    uint64_t in_depot = shard->depot.granules;
    bda_mutex_unlock(&shard->depot.lock);
    *view = (struct shard_view){ .number = shard->shard_number,
                                 .blocks = shard->counters.block_count,
                                 .reserved = shard->counters.reserved,
                                 .free = (VkDeviceSize)shard->tlsf.free_granules << BDA_GRANULE_LOG2,
                                 .in_depot = in_depot << BDA_GRANULE_LOG2 };
}

static void view_pool(struct bda_pool *head, struct pool_view *view) {
    bda_lock(&head->lock);
    view->key = head->key;
    view->usage = head->usage;
    view->first_block_size = head->first_block_size;
    view->max_block_size = head->max_block_size;
    view->next_block_size = head->next_block_size;
    view->keep_empty = head->keep_empty;
    view->keep_collects = head->keep_collects;
    view->low_water = bda_pool_low_water(head);
    view->retired = head->retired;
    view_user(head, view);
    view->shard_count = 0;
    struct bda_pool *shard = head;
    for (; shard != NULL && view->shard_count < BDA_SHARDS; shard = bda_pool_next_shard(shard)) {
        bda_shard_lock_beside_head(shard);
        view_shard(shard, &view->shards[view->shard_count++]);
        bda_shard_unlock_beside_head(shard);
    }
    bda_unlock(&head->lock);
}

static void dump_shards(struct bda_json *json, const struct pool_view *view) {
    bda_json_open(json, "shards", '[');
    for (uint32_t i = 0; i < view->shard_count; i++) {
        const struct shard_view *shard = &view->shards[i];
        bda_json_open(json, NULL, '{');
        bda_json_number(json, "number", shard->number);
        bda_json_number(json, "blocks", shard->blocks);
        bda_json_number(json, "reserved", shard->reserved);
        bda_json_number(json, "free", shard->free);
        bda_json_number(json, "in_depot", shard->in_depot);
        bda_json_close(json, '}');
    }
    bda_json_close(json, ']');
}

static const char *class_name(enum bda_usage_class class) {
    return class == BDA_USAGE_DESCRIPTOR ? "descriptor" : class == BDA_USAGE_VIDEO ? "video" : "general";
}

static void dump_pool(BdaAllocator allocator, struct bda_json *json, struct bda_pool *head) {
    struct pool_view view;
    BdaUse use = { .used = 0 };
    view_pool(head, &view);
    bda_stats_add_pool(allocator, head, &use);
    bda_json_open_line(json, NULL, '{');
    bda_json_number(json, "id", bda_dump_pool_number(head));
    bda_json_text(json, "name", view.named ? view.name : NULL);
    bda_json_bool(json, "callers", view.users);
    bda_json_bool(json, "retired", view.retired);
    bda_json_bool(json, "own_buffers", view.key.own_buffers);
    bda_json_number(json, "memory_type", view.key.memory_type);
    bda_json_text(json, "usage_class", class_name(view.key.usage_class));
    bda_json_hex(json, "usage", view.usage);
    bda_json_fraction(json, "priority", (double)view.key.priority);
    bda_json_bool(json, "capture_replay", view.key.capture_replay);
    bda_json_hex(json, "handle_types", view.key.handle_types);
    bda_json_number(json, "first_block_size", view.first_block_size);
    bda_json_number(json, "max_block_size", view.max_block_size);
    bda_json_number(json, "next_block_size", view.next_block_size);
    bda_json_number(json, "keep_empty", view.keep_empty);
    bda_json_number(json, "keep_collects", view.keep_collects);
    bda_json_number(json, "low_water", view.low_water);
    bda_json_number(json, "limit", view.limit);
    dump_shards(json, &view);
    bda_dump_use(json, "use", &use);
    bda_json_close(json, '}');
}

void bda_dump_pools(BdaAllocator allocator, struct bda_json *json) {
    bda_json_open_line(json, "pools", '[');
    for (struct bda_pool *pool = bda_pools_first(allocator); pool != NULL; pool = bda_pools_next(pool))
        dump_pool(allocator, json, pool);
    bda_json_close(json, ']');
}

/* ---- Caches ---- */

static void dump_stock(struct bda_json *json, const struct bda_stock *stock) {
    VkDeviceSize kept = bda_stock_kept(stock) << BDA_GRANULE_LOG2;
    if (kept == 0)
        return;
    bda_json_open(json, NULL, '{');
    bda_json_number(json, "pool", bda_dump_pool_number(stock->pool->head));
    bda_json_number(json, "shard", stock->pool->shard_number);
    bda_json_number(json, "bytes", kept);
    bda_json_number(json, "ranges", bda_stock_count(stock));
    bda_json_close(json, '}');
}

static void dump_cache(BdaAllocator allocator, struct bda_json *json, struct bda_cache *cache) {
    bda_mutex_lock(&allocator->caches_lock);
    bool has_owner = cache->owner != NULL;
    bda_mutex_unlock(&allocator->caches_lock);
    bda_json_open_line(json, NULL, '{');
    bda_json_number(json, "number", cache->number);
    bda_json_bool(json, "has_thread", has_owner);
    bda_json_open(json, "keeps", '[');
    for (uint32_t i = 0; i < BDA_STOCKS; i++)
        if (bda_cache_stock(cache, i) != NULL)
            dump_stock(json, bda_cache_stock(cache, i));
    bda_json_close(json, ']');
    bda_json_close(json, '}');
}

void bda_dump_caches(BdaAllocator allocator, struct bda_json *json) {
    bda_json_open_line(json, "caches", '[');
    struct bda_cache *cache = atomic_load_explicit(&allocator->newest_cache, memory_order_acquire);
    for (; cache != NULL; cache = cache->older)
        dump_cache(allocator, json, cache);
    bda_json_close(json, ']');
}
