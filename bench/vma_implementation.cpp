// The one translation unit that holds VMA's code, compiled without our warnings, and the counting of its host memory:
// the size stands in front of each piece. VMA takes its records in large pieces, so that this costs its figures
// nothing.
#define VMA_IMPLEMENTATION
#include "vma.h"

#include <cstdlib>

std::atomic<uint64_t> vma_host_bytes;

namespace {

struct Header {
    uint64_t size;
    void *raw;
};

} // namespace

void *vma_host_allocate(size_t size, size_t alignment) {
    const size_t step = alignment > alignof(std::max_align_t) ? alignment : alignof(std::max_align_t);
    void *raw = std::malloc(size + step + sizeof(Header));
    if (raw == nullptr)
        return nullptr;
    const uintptr_t place = (reinterpret_cast<uintptr_t>(raw) + sizeof(Header) + step - 1) / step * step;
    reinterpret_cast<Header *>(place)[-1] = { size, raw };
    vma_host_bytes += size;
    return reinterpret_cast<void *>(place);
}

void vma_host_free(void *memory) {
    if (memory == nullptr)
        return;
    const Header header = static_cast<Header *>(memory)[-1];
    vma_host_bytes -= header.size;
    std::free(header.raw);
}
