/*
 * The TLSF core by itself, as a pool of the library drives it: granules of 16 bytes, sizes rounded up to the alignment
 * (to 256 bytes at most), nodes secured before each allocation, one region (more where the library's largest block does
 * not reach).
 */
#include "contenders.h"

#include "core/tlsf.h"

#include <stdlib.h>

enum { GRANULE_LOG2 = 4, GRANULE = 1 << GRANULE_LOG2, MOST_ROUNDING = 256, REGIONS_LOG2 = 4 };

struct core {
    struct bda_host host;
    struct bda_nodes nodes;
    struct bda_store regions;
    struct bda_tlsf tlsf;
};

static void destroy(void *self) {
    struct core *core = self;
    bda_nodes_destroy(&core->nodes);
    bda_store_destroy(&core->regions);
    free(core);
}

static bool add_region(struct core *core, uint64_t base, uint64_t bytes) {
    uint32_t index = 0;
    if (bda_store_grow(&core->regions, 1, &index) == 0 ||
        !bda_nodes_take(&core->nodes, &core->tlsf.spare, BDA_TLSF_NODES_PER_ALLOC))
        return false;
    struct bda_region *region = bda_store_at(&core->regions, index);
    region->base = base;
    region->size = (uint32_t)(bytes >> GRANULE_LOG2);
    bda_tlsf_add_region(&core->tlsf, index);
    return true;
}

static void *create(const struct bench_options *options) {
    struct core *core = calloc(1, sizeof *core);
    if (core == NULL)
        return NULL;
    bda_nodes_init(&core->nodes, &core->host);
    bda_store_init(&core->regions, &core->host, sizeof(struct bda_region), REGIONS_LOG2);
    bda_tlsf_init(&core->tlsf, &core->nodes, &core->regions, GRANULE_LOG2);
    uint64_t count = (options->pool_bytes + BENCH_MOST_BLOCK - 1) / BENCH_MOST_BLOCK;
    uint64_t each = bda_align_up(options->pool_bytes / count, 1 << 16);
    for (uint64_t i = 0; i < count; i++)
        if (!add_region(core, (i + 1) << 40, each)) {
            destroy(core);
            return NULL;
        }
    return core;
}

static bool alloc(void *self, uint64_t size, uint64_t alignment, struct bench_range *range) {
    struct core *core = self;
    struct bda_tlsf *tlsf = &core->tlsf;
    if (tlsf->spare.count < BDA_TLSF_NODES_PER_ALLOC &&
        !bda_nodes_take(&core->nodes, &tlsf->spare, BDA_TLSF_NODES_PER_ALLOC))
        return false;
    alignment = bda_max(alignment, GRANULE);
    uint64_t room = bda_align_up(size, bda_min(alignment, MOST_ROUNDING));
    struct bda_taken taken = bda_tlsf_take(tlsf, (uint32_t)(room >> GRANULE_LOG2), alignment);
    if (taken.index == 0)
        return false;
    const struct bda_region *region =
        bda_store_element(&core->regions, bda_node_region(taken.node), REGIONS_LOG2, sizeof *region);
    *range = (struct bench_range){ taken.index, region->base + ((uint64_t)taken.node->offset << GRANULE_LOG2) };
    return true;
}

static void free_range(void *self, struct bench_range range) {
    struct core *core = self;
    struct bda_node *node = bda_node_at(&core->nodes, (uint32_t)range.handle);
    bda_node_retire(node, BDA_NODE_RETIRED);
    bda_tlsf_free_node(&core->tlsf, (uint32_t)range.handle, node);
}

static uint64_t host_bytes(void *self) {
    const struct core *core = self;
    return core->host.bytes + sizeof *core;
}

const struct contender bench_core = {
    .name = "core",
    .what = "libbdaalloc's TLSF alone, no handles checked, no lock",
    .has_pool = true,
    .create = create,
    .destroy = destroy,
    .alloc = alloc,
    .free = free_range,
    .host_bytes = host_bytes,
};
