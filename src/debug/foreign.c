/* See foreign.h. */
#include "debug/foreign.h"

#include "alloc/locate.h"

struct bda_foreign {
    struct bda_foreign *next;
    VkDeviceAddress address; /* its lowest 48 bits */
    VkDeviceSize size;
    bool settled; /* neither on its way in nor out: only then it can be removed */
};

/* Its lock is the list's, too. */
static struct bda_shadow *shadow_of(BdaAllocator allocator) {
    return &allocator->pointers->shadow;
}

/* Plain and sign-extended addresses are the same to shaders. */
static VkDeviceAddress plain(VkDeviceAddress address) {
    return address & (((VkDeviceAddress)1 << BDA_SHADOW_TOP_LOG2) - 1);
}

/* ---- What is in the way ---- */

static bool is_in_block(BdaAllocator allocator, VkDeviceAddress first, VkDeviceAddress last) {
    struct bda_place place;
    return bda_locate_block(allocator, first, &place) ||
           (bda_locate_above(allocator, first, &place) && place.base <= last);
}

static bool is_ours(BdaAllocator allocator, VkDeviceAddress address, VkDeviceSize size) {
    VkDeviceAddress other = bda_locate_other_form(address);
    return is_in_block(allocator, address, address + size - 1) || is_in_block(allocator, other, other + size - 1);
}

/* The lock is held. */
static bool overlaps_another(BdaAllocator allocator, VkDeviceAddress address, VkDeviceSize size) {
    for (const struct bda_foreign *f = allocator->pointers->foreign; f != NULL; f = f->next)
        if (f->address < address + size && address < f->address + f->size)
            return true;
    return false;
}

/* The lock is held. */
static struct bda_foreign *find(BdaAllocator allocator, VkDeviceAddress address, const char **reason) {
    struct bda_foreign *f = allocator->pointers->foreign;
    while (f != NULL && (f->address != address || !f->settled))
        f = f->next;
    if (f == NULL)
        *reason = "no range that begins there was added, or it has been removed";
    return f;
}

/* ---- The list ---- */

static void forget(BdaAllocator allocator, struct bda_foreign *foreign) {
    bda_mutex_lock(&shadow_of(allocator)->lock);
    struct bda_foreign **at = &allocator->pointers->foreign;
    while (*at != foreign)
        at = &(*at)->next;
    *at = foreign->next;
    bda_mutex_unlock(&shadow_of(allocator)->lock);
    bda_host_release(&allocator->host, foreign, sizeof *foreign);
}

/* False: it overlaps another one. */
static bool remember(BdaAllocator allocator, struct bda_foreign *foreign) {
    bda_mutex_lock(&shadow_of(allocator)->lock);
    bool good = !overlaps_another(allocator, foreign->address, foreign->size);
    if (good) {
        foreign->next = allocator->pointers->foreign;
        allocator->pointers->foreign = foreign;
    }
    bda_mutex_unlock(&shadow_of(allocator)->lock);
    return good;
}

static struct bda_foreign *make(BdaAllocator allocator, VkDeviceAddress address, VkDeviceSize size) {
    struct bda_foreign *made = bda_host_allocate(&allocator->host, sizeof *made, _Alignof(struct bda_foreign));
    if (made != NULL)
        *made = (struct bda_foreign){ .address = plain(address), .size = size };
    return made;
}

/* ---- Coming and going ---- */

VkResult bda_foreign_add(BdaAllocator allocator, VkDeviceAddress address, VkDeviceSize size, const char **reason) {
    *reason = "the range overlaps memory of this allocator";
    if (is_ours(allocator, address, size))
        return VK_ERROR_VALIDATION_FAILED_EXT;
    struct bda_foreign *foreign = make(allocator, address, size);
    *reason = NULL;
    if (foreign == NULL)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    if (!remember(allocator, foreign)) {
        bda_host_release(&allocator->host, foreign, sizeof *foreign);
        *reason = "the range overlaps one that was added before";
        return VK_ERROR_VALIDATION_FAILED_EXT;
    }
    VkResult result = bda_shadow_secure(shadow_of(allocator), address, size, reason);
    if (result != VK_SUCCESS) {
        forget(allocator, foreign);
        return result;
    }
    result = bda_shadow_cover(shadow_of(allocator), address, size);
    if (result != VK_SUCCESS) {
        bda_shadow_uncover(shadow_of(allocator), address, size);
        forget(allocator, foreign);
        return result;
    }
    bda_shadow_set(shadow_of(allocator), address, size, bda_pointers_next_colour(allocator->pointers));
    bda_mutex_lock(&shadow_of(allocator)->lock);
    foreign->settled = true;
    bda_mutex_unlock(&shadow_of(allocator)->lock);
    return VK_SUCCESS;
}

VkResult bda_foreign_remove(BdaAllocator allocator, VkDeviceAddress address, VkDeviceSize size, const char **reason) {
    bda_mutex_lock(&shadow_of(allocator)->lock);
    struct bda_foreign *foreign = find(allocator, plain(address), reason);
    if (foreign != NULL && foreign->size != size) {
        *reason = "the range was added with another size";
        foreign = NULL;
    }
    if (foreign != NULL)
        foreign->settled = false;
    bda_mutex_unlock(&shadow_of(allocator)->lock);
    if (foreign == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    bda_shadow_clear(shadow_of(allocator), address, size);
    bda_shadow_uncover(shadow_of(allocator), address, size);
    forget(allocator, foreign);
    return VK_SUCCESS;
}

void bda_foreign_finish(BdaAllocator allocator) {
    struct bda_foreign *foreign = allocator->pointers->foreign;
    while (foreign != NULL) {
        struct bda_foreign *next = foreign->next;
        bda_host_release(&allocator->host, foreign, sizeof *foreign);
        foreign = next;
    }
    allocator->pointers->foreign = NULL;
}
