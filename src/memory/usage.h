/*
 * What memory is used for: which uses share a pool, and which alignment each of them needs without being asked.
 *
 * Usage is 64 bits wide because VkBufferUsageFlags2 is; its low bits are VkBufferUsageFlagBits.
 */
#ifndef BDA_MEMORY_USAGE_H
#define BDA_MEMORY_USAGE_H

#include "memory/device.h"

/* Uses that may lie in one block. Descriptor buffers are apart because drivers offer few memory types for them and
 * count every one against an address-space limit; video because its buffers depend on a profile. */
enum bda_usage_class { BDA_USAGE_GENERAL, BDA_USAGE_DESCRIPTOR, BDA_USAGE_VIDEO, BDA_USAGE_CLASS_COUNT };

enum { BDA_LEAST_ALIGNMENT = 16 }; /* serves every scalar and every vector of 32-bit components */

/* The class of a usage. */
enum bda_usage_class bda_usage_class_of(uint64_t usage);

/* Whether the features are enabled that a usage needs, as far as the library knows them. */
bool bda_usage_is_enabled(const struct bda_device *device, uint64_t usage);

/* What the spanning buffers of a class are made for: everything of the class that the device has enabled. 0: the class
 * cannot have ranges. From what is enabled, not by trying: drivers accept more than the rules allow. */
VkBufferUsageFlags bda_usage_of_class(const struct bda_device *device, enum bda_usage_class class);

/* The alignment that `usage` needs, of address and offset; at least BDA_LEAST_ALIGNMENT. */
VkDeviceSize bda_usage_alignment(const struct bda_device *device, uint64_t usage, bool scratch);

#endif
