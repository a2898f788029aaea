/*
 * The memory tables of real devices: what vkGetPhysicalDeviceMemoryProperties answers there, so that choices can be
 * tested on hardware that nobody here owns. Facts only, transcribed; every table names its source, and what the source
 * does not tell is not guessed.
 *
 *   window   a small heap of the device's own memory that the CPU can see (the PCI aperture, 256 MiB of it).
 *   twin     a type with the flags and heap of its neighbour, kept by the driver for a purpose of its own.
 */
#ifndef BDA_TESTS_MEMORY_TABLES_H
#define BDA_TESTS_MEMORY_TABLES_H

#include <vulkan/vulkan_core.h>

enum {
    MT_LOCAL = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT,
    MT_COHERENT = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT,
    MT_CACHED = MT_COHERENT | VK_MEMORY_PROPERTY_HOST_CACHED_BIT,
    MT_LAZY = VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT,
    MT_AMD = VK_MEMORY_PROPERTY_DEVICE_COHERENT_BIT_AMD | VK_MEMORY_PROPERTY_DEVICE_UNCACHED_BIT_AMD,
    MT_HEAP = VK_MEMORY_HEAP_DEVICE_LOCAL_BIT,
    MT_HEAP_AMD = VK_MEMORY_HEAP_DEVICE_LOCAL_BIT | VK_MEMORY_HEAP_MULTI_INSTANCE_BIT,
};

struct memory_table {
    const char *device;
    VkPhysicalDeviceMemoryProperties properties;
};

/* llvmpipe (LLVM 15.0.6), Mesa 22.3.6; vulkaninfo on Debian 12, where this was written. One heap, one type. */
static const struct memory_table lavapipe = {
    .device = "lavapipe, Mesa 22.3.6",
    .properties = {
        .memoryTypeCount = 1,
        .memoryTypes = { { MT_LOCAL | MT_CACHED, 0 } },
        .memoryHeapCount = 1,
        .memoryHeaps = { { 2147483648, MT_HEAP } },
    },
};

/* NVIDIA H200, driver 580.159; the founders' field notes, which give the sizes in whole GiB. All of the device's
 * memory is visible to the CPU. */
static const struct memory_table nvidia_h200 = {
    .device = "NVIDIA H200, 580.159",
    .properties = {
        .memoryTypeCount = 5,
        .memoryTypes = { { 0, 1 }, { MT_LOCAL, 0 }, { MT_COHERENT, 1 }, { MT_CACHED, 1 },
                         { MT_LOCAL | MT_COHERENT, 0 } },
        .memoryHeapCount = 2,
        .memoryHeaps = { { 140ULL << 30, MT_HEAP }, { 94ULL << 30, 0 } },
    },
};

/* NVIDIA Quadro K620, driver 390.87; github.com/YuangQian/record, vulkaninfo.txt (69646d7a). No window at all, and
 * types without flags that differ only in the images they take. */
static const struct memory_table nvidia_k620 = {
    .device = "NVIDIA Quadro K620, 390.87",
    .properties = {
        .memoryTypeCount = 11,
        .memoryTypes = { { 0, 1 }, { 0, 1 }, { 0, 1 }, { 0, 1 }, { 0, 1 }, { 0, 1 }, { 0, 1 }, { MT_LOCAL, 0 },
                         { MT_LOCAL, 0 }, { MT_COHERENT, 1 }, { MT_CACHED, 1 } },
        .memoryHeapCount = 2,
        .memoryHeaps = { { 2147483648, MT_HEAP }, { 12570052608, 0 } },
    },
};

/* NVIDIA GeForce GTX 1650, driver 466.77, Windows; github.com/emirhantasdeviren/vulkan-rs, vkinfo.txt (7b035977).
 * Without resizable BAR: a window of 214 MiB. */
static const struct memory_table nvidia_gtx_1650 = {
    .device = "NVIDIA GeForce GTX 1650, 466.77",
    .properties = {
        .memoryTypeCount = 5,
        .memoryTypes = { { 0, 1 }, { MT_LOCAL, 0 }, { MT_COHERENT, 1 }, { MT_CACHED, 1 },
                         { MT_LOCAL | MT_COHERENT, 2 } },
        .memoryHeapCount = 3,
        .memoryHeaps = { { 4154458112, MT_HEAP }, { 8515141632, 0 }, { 224395264, MT_HEAP } },
    },
};

/* NVIDIA GeForce RTX 3060 Ti, driver 561.09, Windows; github.com/heintjepeintje/nexus, vulkaninfo.txt (21326aba).
 * With resizable BAR: no window, all of the device's memory is visible. */
static const struct memory_table nvidia_rtx_3060_ti = {
    .device = "NVIDIA GeForce RTX 3060 Ti, 561.09",
    .properties = {
        .memoryTypeCount = 6,
        .memoryTypes = { { 0, 1 }, { MT_LOCAL, 0 }, { MT_LOCAL, 0 }, { MT_COHERENT, 1 }, { MT_CACHED, 1 },
                         { MT_LOCAL | MT_COHERENT, 0 } },
        .memoryHeapCount = 2,
        .memoryHeaps = { { 8413773824, MT_HEAP }, { 8237154304, 0 } },
    },
};

/* AMD Radeon RX 6600, driver 23.3.1 (2.0.250), Windows; github.com/heroseh/hcc-amd-vulkan-driver-crash,
 * vulkaninfo.txt (cd38aea8). A window of 256 MiB, and device-coherent variants of every type. */
static const struct memory_table amd_rx_6600 = {
    .device = "AMD Radeon RX 6600, 23.3.1",
    .properties = {
        .memoryTypeCount = 8,
        .memoryTypes = { { MT_LOCAL, 0 }, { MT_COHERENT, 1 }, { MT_LOCAL | MT_COHERENT, 2 }, { MT_CACHED, 1 },
                         { MT_LOCAL | MT_AMD, 0 }, { MT_COHERENT | MT_AMD, 1 }, { MT_LOCAL | MT_COHERENT | MT_AMD, 2 },
                         { MT_CACHED | MT_AMD, 1 } },
        .memoryHeapCount = 3,
        .memoryHeaps = { { 8304721920, MT_HEAP_AMD }, { 16852713472, 0 }, { 268435456, MT_HEAP_AMD } },
    },
};

/* AMD Radeon RX 470, RADV of Mesa 23.2.1; github.com/Soepgroente/scop, vulkaninfo.txt (115a88ca). A window of 256 MiB;
 * types 1, 4 and 6 are twins that take no image. */
static const struct memory_table amd_rx_470_radv = {
    .device = "AMD Radeon RX 470, RADV, Mesa 23.2.1",
    .properties = {
        .memoryTypeCount = 7,
        .memoryTypes = { { MT_LOCAL, 0 }, { MT_LOCAL, 0 }, { MT_COHERENT, 1 }, { MT_LOCAL | MT_COHERENT, 2 },
                         { MT_LOCAL | MT_COHERENT, 2 }, { MT_CACHED, 1 }, { MT_CACHED, 1 } },
        .memoryHeapCount = 3,
        .memoryHeaps = { { 4026531840, MT_HEAP }, { 4294967296, 0 }, { 268435456, MT_HEAP } },
    },
};

/* AMD Radeon(TM) Graphics, an integrated GPU, driver 23.19.10.11 (2.0.279), Windows; github.com/heintjepeintje/nexus,
 * vulkaninfo.txt (21326aba). Most of what it can use is host memory; eight types and a twin of each. */
static const struct memory_table amd_integrated = {
    .device = "AMD Radeon(TM) Graphics, 23.19.10.11",
    .properties = {
        .memoryTypeCount = 16,
        .memoryTypes = { { MT_LOCAL, 0 }, { MT_COHERENT, 1 }, { MT_LOCAL | MT_COHERENT, 2 }, { MT_CACHED, 1 },
                         { MT_LOCAL | MT_AMD, 0 }, { MT_COHERENT | MT_AMD, 1 }, { MT_LOCAL | MT_COHERENT | MT_AMD, 2 },
                         { MT_CACHED | MT_AMD, 1 }, { MT_LOCAL, 0 }, { MT_COHERENT, 1 }, { MT_LOCAL | MT_COHERENT, 2 },
                         { MT_CACHED, 1 }, { MT_LOCAL | MT_AMD, 0 }, { MT_COHERENT | MT_AMD, 1 },
                         { MT_LOCAL | MT_COHERENT | MT_AMD, 2 }, { MT_CACHED | MT_AMD, 1 } },
        .memoryHeapCount = 3,
        .memoryHeaps = { { 268435456, MT_HEAP_AMD }, { 7968129024, 0 }, { 268435456, MT_HEAP_AMD } },
    },
};

/* Intel(R) Graphics (ADL GT2), integrated, ANV of Mesa 23.2.1; github.com/sumit0x0d/multimedia-framework,
 * vulkaninfo.txt (277c52ec). One heap, three ways to see it. */
static const struct memory_table intel_alder_lake = {
    .device = "Intel Graphics (ADL GT2), ANV, Mesa 23.2.1",
    .properties = {
        .memoryTypeCount = 3,
        .memoryTypes = { { MT_LOCAL, 0 }, { MT_LOCAL | MT_COHERENT, 0 }, { MT_LOCAL | MT_CACHED, 0 } },
        .memoryHeapCount = 1,
        .memoryHeaps = { { 12274556928, MT_HEAP } },
    },
};

/* Intel(R) UHD Graphics 630, integrated, driver 100.9415, Windows; github.com/emirhantasdeviren/vulkan-rs, vkinfo.txt
 * (7b035977). The type with the fewest flags comes last, which the specification does not allow. */
static const struct memory_table intel_uhd_630 = {
    .device = "Intel UHD Graphics 630, 100.9415",
    .properties = {
        .memoryTypeCount = 3,
        .memoryTypes = { { MT_LOCAL | MT_COHERENT, 0 }, { MT_LOCAL | MT_CACHED, 0 }, { MT_LOCAL, 0 } },
        .memoryHeapCount = 1,
        .memoryHeaps = { { 8649359360, MT_HEAP } },
    },
};

/* Apple M2, MoltenVK 1.2.11; github.com/dhkim92-dev/easy-vulkan, vulkaninfo.txt (ba811190). One heap, with a lazily
 * allocated type for attachments that never leave the tile. */
static const struct memory_table apple_m2 = {
    .device = "Apple M2, MoltenVK 1.2.11",
    .properties = {
        .memoryTypeCount = 3,
        .memoryTypes = { { MT_LOCAL, 0 }, { MT_LOCAL | MT_CACHED, 0 }, { MT_LOCAL | MT_LAZY, 0 } },
        .memoryHeapCount = 1,
        .memoryHeaps = { { 17179869184, MT_HEAP } },
    },
};

/* Raspberry Pi 4, V3D 4.2, V3DV of Mesa 23.1.3; github.com/GPUOpen-LibrariesAndSDKs/VulkanMemoryAllocator, issue 362.
 * No cached memory at all. */
static const struct memory_table raspberry_pi_4 = {
    .device = "Raspberry Pi 4 (V3D 4.2), V3DV, Mesa 23.1.3",
    .properties = {
        .memoryTypeCount = 1,
        .memoryTypes = { { MT_LOCAL | MT_COHERENT, 0 } },
        .memoryHeapCount = 1,
        .memoryHeaps = { { 969521152, MT_HEAP } },
    },
};

static const struct memory_table *const memory_tables[] = {
    &lavapipe,        &nvidia_h200,    &nvidia_k620,      &nvidia_gtx_1650, &nvidia_rtx_3060_ti, &amd_rx_6600,
    &amd_rx_470_radv, &amd_integrated, &intel_alder_lake, &intel_uhd_630,   &apple_m2,           &raspberry_pi_4,
};

enum { MEMORY_TABLE_COUNT = sizeof memory_tables / sizeof memory_tables[0] };

#endif
