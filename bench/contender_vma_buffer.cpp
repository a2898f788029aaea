// VMA's way to a pointer: vmaCreateBuffer and vkGetBufferDeviceAddress, in blocks of VMA's own default size; externally
// synchronised, and as it is by default, safe for threads.
#include "contenders.h"
#include "device.h"
#include "vma.h"

#include <new>
#include <vector>

namespace {

struct Buffer {
    VkBuffer buffer;
    VmaAllocation allocation;
};

// A buffer needs two handles of VMA's and a range has room for one, so they stand in a table that is reached by index;
// with threads, the buffer stands in its allocation, as VMA's pointer for the user.
struct Buffers {
    VkDevice device;
    VmaAllocator allocator;
    PFN_vkGetBufferDeviceAddress get_address;
    std::vector<Buffer> all;
    std::vector<uint32_t> free;
};

VmaVulkanFunctions functions_of(const bench_device *device) {
    VmaVulkanFunctions functions = {};
    functions.vkGetInstanceProcAddr = device->get_instance_proc_addr;
    functions.vkGetDeviceProcAddr = reinterpret_cast<PFN_vkGetDeviceProcAddr>(
        device->get_instance_proc_addr(device->instance, "vkGetDeviceProcAddr"));
    return functions;
}

void *create_with(const bench_options *options, VmaAllocatorCreateFlags flags) {
    if (options->device == nullptr)
        return nullptr;
    const bench_device *device = options->device;
    const VmaVulkanFunctions functions = functions_of(device);
    VmaAllocatorCreateInfo info = {};
    info.flags = VMA_ALLOCATOR_CREATE_BUFFER_DEVICE_ADDRESS_BIT | flags;
    info.physicalDevice = device->physical_device;
    info.device = device->device;
    info.instance = device->instance;
    info.vulkanApiVersion = device->api_version;
    info.pVulkanFunctions = &functions;
    Buffers *self = new (std::nothrow) Buffers{ device->device, VK_NULL_HANDLE, nullptr, {}, {} };
    if (self == nullptr)
        return nullptr;
    self->get_address = reinterpret_cast<PFN_vkGetBufferDeviceAddress>(
        functions.vkGetDeviceProcAddr(device->device, "vkGetBufferDeviceAddress"));
    if (self->get_address != nullptr && vmaCreateAllocator(&info, &self->allocator) == VK_SUCCESS)
        return self;
    delete self;
    return nullptr;
}

void *create(const bench_options *options) {
    return create_with(options, VMA_ALLOCATOR_CREATE_EXTERNALLY_SYNCHRONIZED_BIT);
}

void *create_locked(const bench_options *options) {
    return create_with(options, 0);
}

void destroy(void *self) {
    Buffers *buffers = static_cast<Buffers *>(self);
    for (const Buffer &b : buffers->all)
        if (b.buffer != VK_NULL_HANDLE)
            vmaDestroyBuffer(buffers->allocator, b.buffer, b.allocation);
    vmaDestroyAllocator(buffers->allocator);
    delete buffers;
}

// The place of a new buffer in the table.
uint32_t take_place(Buffers *buffers) {
    if (buffers->free.empty()) {
        buffers->all.push_back({ VK_NULL_HANDLE, VK_NULL_HANDLE });
        return static_cast<uint32_t>(buffers->all.size() - 1);
    }
    const uint32_t place = buffers->free.back();
    buffers->free.pop_back();
    return place;
}

bool make_buffer(const Buffers *buffers, uint64_t size, uint64_t alignment, Buffer *b, uint64_t *address) {
    VkBufferCreateInfo buffer_info = {};
    buffer_info.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO;
    buffer_info.size = size;
    buffer_info.usage = BENCH_BUFFER_USAGE;
    VmaAllocationCreateInfo info = {};
    info.usage = VMA_MEMORY_USAGE_AUTO_PREFER_DEVICE;
    if (vmaCreateBufferWithAlignment(buffers->allocator, &buffer_info, &info, alignment, &b->buffer, &b->allocation,
                                     nullptr) != VK_SUCCESS)
        return false;
    VkBufferDeviceAddressInfo address_info = {};
    address_info.sType = VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO;
    address_info.buffer = b->buffer;
    *address = buffers->get_address(buffers->device, &address_info);
    return true;
}

bool alloc(void *self, uint64_t size, uint64_t alignment, bench_range *range) {
    Buffers *buffers = static_cast<Buffers *>(self);
    Buffer b = {};
    uint64_t address = 0;
    if (!make_buffer(buffers, size, alignment, &b, &address))
        return false;
    const uint32_t place = take_place(buffers);
    buffers->all[place] = b;
    *range = { place + 1u, address };
    return true;
}

void free_range(void *self, bench_range range) {
    Buffers *buffers = static_cast<Buffers *>(self);
    const uint32_t place = static_cast<uint32_t>(range.handle - 1);
    vmaDestroyBuffer(buffers->allocator, buffers->all[place].buffer, buffers->all[place].allocation);
    buffers->all[place] = { VK_NULL_HANDLE, VK_NULL_HANDLE };
    buffers->free.push_back(place);
}

bool alloc_locked(void *self, uint64_t size, uint64_t alignment, bench_range *range) {
    const Buffers *buffers = static_cast<Buffers *>(self);
    Buffer b = {};
    uint64_t address = 0;
    if (!make_buffer(buffers, size, alignment, &b, &address))
        return false;
    vmaSetAllocationUserData(buffers->allocator, b.allocation, (void *)(uintptr_t)b.buffer);
    *range = { (uint64_t)(uintptr_t)b.allocation, address };
    return true;
}

void free_locked(void *self, bench_range range) {
    const Buffers *buffers = static_cast<Buffers *>(self);
    const VmaAllocation allocation = (VmaAllocation)(uintptr_t)range.handle;
    VmaAllocationInfo info = {};
    vmaGetAllocationInfo(buffers->allocator, allocation, &info);
    vmaDestroyBuffer(buffers->allocator, (VkBuffer)(uintptr_t)info.pUserData, allocation);
}

contender make() {
    contender c = {};
    c.name = "vma-buffer";
    c.what = "vmaCreateBuffer and its address, externally synchronised";
    c.has_pool = true;
    c.makes_buffers = true;
    c.create = create;
    c.destroy = destroy;
    c.alloc = alloc;
    c.free = free_range;
    return c;
}

// VMA keeps no list of buffers: whoever plays this frees them.
contender make_locked() {
    contender c = make();
    c.name = "vma-buffer-locked";
    c.what = "vmaCreateBuffer and its address, safe for threads";
    c.threads = BENCH_ONLY_THREADS;
    c.create = create_locked;
    c.alloc = alloc_locked;
    c.free = free_locked;
    return c;
}

} // namespace

extern "C" const contender bench_vma_buffer = make();
extern "C" const contender bench_vma_buffer_locked = make_locked();
