// VMA's header with the switches that every user of it here shares. Its warnings are its own business.
#ifndef BENCH_VMA_H
#define BENCH_VMA_H

#define VMA_STATIC_VULKAN_FUNCTIONS  0
#define VMA_DYNAMIC_VULKAN_FUNCTIONS 1
#ifndef VK_NO_PROTOTYPES
#define VK_NO_PROTOTYPES
#endif
// Host memory of all of VMA, counted: a virtual block keeps most of its records outside of the callbacks given to it.
#include <atomic>
#include <cstddef>
#include <cstdint>
extern std::atomic<uint64_t> vma_host_bytes;
void *vma_host_allocate(size_t size, size_t alignment);
void vma_host_free(void *memory);
#define VMA_SYSTEM_ALIGNED_MALLOC(size, alignment) vma_host_allocate(size, alignment)
#define VMA_SYSTEM_ALIGNED_FREE(memory)            vma_host_free(memory)

#include <vk_mem_alloc.h>

#endif
