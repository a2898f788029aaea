/* Kinds of buffers, see kinds.h. */
#include "memory/kinds.h"

#include "memory/usage.h"

/* Somebody is writing this one. No usage: video, for one, is not plain. */
#define TAKEN UINT32_MAX

/* An answer that is not as promised (or not as it was) teaches nothing. */
static bool is_as_promised(const struct bda_kind *kind, const struct bda_device *device, VkDeviceSize size,
                           const struct bda_requirements *r) {
    return device->features.maintenance4_enabled && !r->prefers_dedicated && !r->requires_dedicated &&
           r->alignment == kind->alignment && r->type_bits == kind->type_bits &&
           r->size <= bda_align_up(size, kind->alignment);
}

void bda_kind_learn(struct bda_kind *kind, const struct bda_device *device, VkDeviceSize size,
                    const struct bda_requirements *requirements) {
    VkDeviceSize most = atomic_load_explicit(&kind->most_promised, memory_order_relaxed);
    if (!is_as_promised(kind, device, size, requirements))
        return;
    while (size > most && !atomic_compare_exchange_weak_explicit(&kind->most_promised, &most, size,
                                                                 memory_order_relaxed, memory_order_relaxed))
        ;
}

static void write_kind(struct bda_kind *kind, const struct bda_device *device, VkBufferUsageFlags usage,
                       VkDeviceSize size, const struct bda_requirements *requirements) {
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): it is a place in the table, always */
    kind->usage_alignment = bda_usage_alignment(device, usage, false);
    kind->alignment = requirements->alignment;
    kind->type_bits = requirements->type_bits;
    bda_kind_learn(kind, device, size, requirements);
    atomic_store_explicit(&kind->key, usage, memory_order_release);
}

void bda_kinds_learn(struct bda_kinds *kinds, const struct bda_device *device, VkBufferUsageFlags usage,
                     VkDeviceSize size, const struct bda_requirements *requirements) {
    struct bda_kind *kind = bda_kinds_at(kinds, usage);
    struct bda_kind *known = bda_kinds_find(kinds, usage);
    if (known != NULL) {
        bda_kind_learn(known, device, size, requirements);
        return;
    }
    for (struct bda_kind *end = kind + BDA_KIND_TRIES; kind < end; kind++) {
        uint32_t none = 0; /* two threads may write the same usage down twice, which does no harm */
        if (atomic_compare_exchange_strong_explicit(&kind->key, &none, TAKEN, memory_order_acquire,
                                                    memory_order_relaxed)) {
            write_kind(kind, device, usage, size, requirements);
            return;
        }
    }
}
