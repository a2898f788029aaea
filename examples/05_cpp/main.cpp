/*
 * 05_cpp: the first pointer from C++14.
 *
 * The header is plain C and needs no wrapper. What C++ adds is lifetime: an Allocator and an Allocation of a few lines
 * each, which free what they own when they go out of scope. A real program would make them its own.
 */
#include "example.h"
#include "first_pointer.h"

#include <cinttypes>
#include <cstdio>
#include <utility>
#include <vector>

namespace {

/* Owns a BdaAllocator. Moves are left out: it outlives whatever is allocated from it. */
class Allocator {
  public:
    explicit Allocator(const BdaAllocatorInfo &info) {
        EX_CHECK(bda_create_allocator(&info, &allocator_));
    }
    ~Allocator() {
        EX_CHECK(bda_destroy_allocator(allocator_)); /* VK_INCOMPLETE if something were still live */
    }
    Allocator(const Allocator &) = delete;
    Allocator &operator=(const Allocator &) = delete;
    BdaAllocator get() const {
        return allocator_;
    }

  private:
    BdaAllocator allocator_ = nullptr;
};

/* Owns `count` elements of T that shaders reach at address(). */
template <typename T> class GpuArray {
  public:
    GpuArray(const Allocator &allocator, std::size_t count, BdaIntent intent, const char *name)
        : allocator_(allocator.get()) {
        BdaAllocInfo info{};
        info.size = count * sizeof(T);
        info.alignment = alignof(T) > 16 ? alignof(T) : 0;
        info.intent = intent;
        info.name = name;
        EX_CHECK(bda_alloc(allocator_, &info, &allocation_));
    }
    ~GpuArray() {
        EX_CHECK(bda_free(allocator_, allocation_.handle)); /* handle 0, after a move, does nothing */
    }
    GpuArray(GpuArray &&other) noexcept
        : allocator_(other.allocator_), allocation_(std::exchange(other.allocation_, BdaAllocation{})) {
    }
    GpuArray(const GpuArray &) = delete;
    GpuArray &operator=(const GpuArray &) = delete;

    VkDeviceAddress address() const {
        return allocation_.address;
    }
    void write(const std::vector<T> &data) {
        EX_CHECK(bda_write(allocator_, allocation_.handle, 0, data.data(), data.size() * sizeof(T)));
    }
    std::vector<T> read() const {
        std::vector<T> data(static_cast<std::size_t>(allocation_.size) / sizeof(T));
        EX_CHECK(bda_read(allocator_, allocation_.handle, 0, data.data(), data.size() * sizeof(T)));
        return data;
    }

  private:
    BdaAllocator allocator_;
    BdaAllocation allocation_{};
};

struct Push {
    VkDeviceAddress values;
    std::uint32_t count;
};

BdaAllocatorInfo describe(ex &context) {
    BdaAllocatorInfo info{}; /* zero is a good default in every info struct */
    info.api_version = VK_API_VERSION_1_2;
    info.instance = context.instance;
    info.physical_device = context.physical_device;
    info.device = context.device;
    info.get_instance_proc_addr = vkGetInstanceProcAddr;
    info.device_info = &context.device_info;
    info.message = ex_message;
    info.message_user = &context;
    return info;
}

bool double_on_gpu(ex &context) {
    std::vector<std::uint32_t> values(1000);
    for (std::size_t i = 0; i < values.size(); i++)
        values[i] = static_cast<std::uint32_t>(i + 1);
    const auto count = static_cast<std::uint32_t>(values.size());

    const Allocator allocator(describe(context));
    GpuArray<std::uint32_t> first(allocator, values.size(), BDA_INTENT_READBACK, "values");
    first.write(values);
    const GpuArray<std::uint32_t> array(std::move(first)); /* owners move, the memory stays where it is */
    std::printf("pointer    GPU 0x%016" PRIx64 "\n", array.address());

    ex_pipeline pipeline;
    ex_create_pipeline(&context, first_pointer_spv, sizeof first_pointer_spv, sizeof(Push), &pipeline);
    const Push push{ array.address(), count };
    ex_dispatch(&context, &pipeline, &push, (count + 63) / 64);
    ex_destroy_pipeline(&context, &pipeline);

    std::size_t wrong = 0;
    const std::vector<std::uint32_t> result = array.read();
    for (std::size_t i = 0; i < values.size(); i++)
        wrong += result[i] != 2 * values[i];
    std::printf("proved     %zu of %zu values are doubled; the destructors free array and allocator\n",
                values.size() - wrong, values.size());
    return wrong == 0;
}

} // namespace

int main() {
    ex context;
    ex_start(&context, "05_cpp: the first pointer from C++14", 0);
    const bool passed = double_on_gpu(context);
    return ex_finish(&context, passed);
}
