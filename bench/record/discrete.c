/* Memory types of a discrete GPU, see discrete.h. */
#include "discrete.h"

#include <stdlib.h>
#include <string.h>

enum { GPU_HEAP, HOST_HEAP, WINDOW_HEAP, HEAP_COUNT };

#define WINDOW_SIZE ((VkDeviceSize)256 << 20) /* what a GPU shows to the CPU without resizable BAR */

static const VkMemoryType types[] = {
    { VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, GPU_HEAP },
    { VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT, HOST_HEAP },
    { VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT | VK_MEMORY_PROPERTY_HOST_CACHED_BIT,
      HOST_HEAP },
    { VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT | VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT,
      WINDOW_HEAP },
};
enum { TYPE_COUNT = sizeof types / sizeof types[0] };

bool rec_discrete_wanted(const VkPhysicalDeviceMemoryProperties *real) {
    const VkMemoryPropertyFlags all = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT | VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                                      VK_MEMORY_PROPERTY_HOST_COHERENT_BIT | VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
    const char *wish = getenv("BDA_RECORD_MEMORY");
    return wish != NULL && strcmp(wish, "discrete") == 0 && real->memoryHeapCount == 1 && real->memoryTypeCount == 1 &&
           (real->memoryTypes[0].propertyFlags & all) == all;
}

void rec_discrete_properties(VkPhysicalDeviceMemoryProperties *memory) {
    memory->memoryTypeCount = TYPE_COUNT;
    memcpy(memory->memoryTypes, types, sizeof types);
    memory->memoryHeapCount = HEAP_COUNT;
    memory->memoryHeaps[HOST_HEAP] = (VkMemoryHeap){ .size = memory->memoryHeaps[GPU_HEAP].size };
    memory->memoryHeaps[WINDOW_HEAP] = (VkMemoryHeap){ .size = WINDOW_SIZE, .flags = VK_MEMORY_HEAP_DEVICE_LOCAL_BIT };
}

void rec_discrete_budget(void *chain) {
    for (VkBaseOutStructure *next = chain; next != NULL; next = next->pNext) {
        if (next->sType != VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT)
            continue;
        VkPhysicalDeviceMemoryBudgetPropertiesEXT *budget = (VkPhysicalDeviceMemoryBudgetPropertiesEXT *)next;
        budget->heapBudget[HOST_HEAP] = budget->heapBudget[GPU_HEAP];
        budget->heapUsage[HOST_HEAP] = budget->heapUsage[GPU_HEAP];
        budget->heapBudget[WINDOW_HEAP] = WINDOW_SIZE;
        budget->heapUsage[WINDOW_HEAP] = 0;
    }
}

uint32_t rec_discrete_bits(uint32_t real_bits) {
    return (real_bits & 1) != 0 ? (1u << TYPE_COUNT) - 1 : 0;
}
