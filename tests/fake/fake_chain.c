/*
 * pNext chains: which structs may hang on which, each once ("Valid Usage for Structure Pointer Chains").
 */
#include "fake_internal.h"

const void *fake_find(const void *chain, VkStructureType type) {
    for (const VkBaseInStructure *link = chain; link != NULL; link = link->pNext) {
        if (link->sType == type) {
            return link;
        }
    }
    return NULL;
}

static bool may_hang(VkStructureType type, const struct fake_link *links, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (links[i].type == type) {
            return links[i].allowed;
        }
    }
    return false;
}

void fake_check_chain(struct fake_driver *driver, const void *chain, const struct fake_link *links, size_t count,
                      const char *owner) {
    char rule[128];
    for (const VkBaseInStructure *link = chain; link != NULL; link = link->pNext) {
        if (!may_hang(link->sType, links, count)) {
            (void)snprintf(rule, sizeof rule, "VUID-%s-pNext-pNext", owner);
            fake_violate(driver, rule, "sType %d is not allowed, or its feature is not enabled", (int)link->sType);
        }
        if (fake_find(link->pNext, link->sType) != NULL) {
            (void)snprintf(rule, sizeof rule, "VUID-%s-sType-unique", owner);
            fake_violate(driver, rule, "sType %d stands in the chain twice", (int)link->sType);
        }
    }
}

void fake_check_type(struct fake_driver *driver, VkStructureType is, VkStructureType should, const char *owner) {
    if (is != should) {
        char rule[128];
        (void)snprintf(rule, sizeof rule, "VUID-%s-sType-sType", owner);
        fake_violate(driver, rule, "sType is %d, not %d", (int)is, (int)should);
    }
}
