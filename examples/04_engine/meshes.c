/* Loads meshes on POSIX threads; see meshes.h. The allocator needs no lock of ours: its functions may be called from
 * any thread at any time. Only our own list of arrivals is guarded. */
#include "meshes.h"

#include <stdio.h>

/* Short-lived allocations of a loader per mesh, as a decoder's temporary memory would be. */
enum { SCRATCH_PER_MESH = 64 };

/* A buffer of its own, since an engine hands it to vkCmdBindVertexBuffers and vkCmdBindIndexBuffer; the memory under it
 * is a piece of a block all the same. */
static BdaAllocation allocate_buffer(BdaAllocator allocator, VkDeviceSize size, VkBufferUsageFlags usage,
                                     const char *name) {
    VkBufferCreateInfo buffer_info = { .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                       .size = size,
                                       .usage = usage | VK_BUFFER_USAGE_TRANSFER_DST_BIT };
    BdaAllocation allocation;
    EX_CHECK(bda_alloc_buffer(allocator, &buffer_info, &(BdaAllocInfo){ .intent = BDA_INTENT_DEVICE, .name = name },
                              &allocation));
    return allocation;
}

static void use_scratch(BdaAllocator allocator) {
    BdaAllocation scratch[SCRATCH_PER_MESH];
    for (uint32_t i = 0; i < SCRATCH_PER_MESH; i++) {
        BdaAllocInfo info = { .size = 256 + 64 * i, .intent = BDA_INTENT_DEVICE, .name = "loader/scratch" };
        EX_CHECK(bda_alloc(allocator, &info, &scratch[i]));
    }
    for (uint32_t i = 0; i < SCRATCH_PER_MESH; i++)
        EX_CHECK(bda_free(allocator, scratch[i].handle));
}

static void write_grid(float *vertices, uint32_t *indices, uint32_t width, uint32_t height) {
    for (uint32_t y = 0; y <= height; y++)
        for (uint32_t x = 0; x <= width; x++) {
            *vertices++ = (float)x;
            *vertices++ = (float)y;
        }
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++) {
            uint32_t corner = y * (width + 1) + x, below = corner + width + 1;
            uint32_t square[6] = { corner, corner + 1, below, below, corner + 1, below + 1 };
            for (uint32_t i = 0; i < 6; i++)
                *indices++ = square[i];
        }
}

static struct mesh load_mesh(BdaAllocator allocator, uint32_t id) {
    uint32_t width = 20 + id, height = 30 + id % 7;
    VkDeviceSize vertex_bytes = (VkDeviceSize)(width + 1) * (height + 1) * 2 * sizeof(float);
    VkDeviceSize index_bytes = (VkDeviceSize)width * height * 6 * sizeof(uint32_t);
    char name[32];
    struct mesh mesh = { .triangles = 2 * width * height };
    snprintf(name, sizeof name, "mesh/%u/vertices", id);
    mesh.vertices = allocate_buffer(allocator, vertex_bytes, VK_BUFFER_USAGE_VERTEX_BUFFER_BIT, name);
    snprintf(name, sizeof name, "mesh/%u/indices", id);
    mesh.indices = allocate_buffer(allocator, index_bytes, VK_BUFFER_USAGE_INDEX_BUFFER_BIT, name);
    BdaAllocInfo staging_info = { .size = vertex_bytes + index_bytes,
                                  .intent = BDA_INTENT_UPLOAD,
                                  .name = "loader/staging" };
    EX_CHECK(bda_alloc(allocator, &staging_info, &mesh.staging));
    char *bytes = mesh.staging.mapped;
    write_grid((float *)(void *)bytes, (uint32_t *)(void *)(bytes + vertex_bytes), width, height);
    EX_CHECK(bda_flush(allocator, mesh.staging.handle, 0, VK_WHOLE_SIZE));
    return mesh;
}

static void *run_loader(void *argument) {
    struct loaders *loaders = argument;
    pthread_mutex_lock(&loaders->mutex);
    uint32_t first = MESHES_PER_LOADER * loaders->next_loader++;
    pthread_mutex_unlock(&loaders->mutex);
    for (uint32_t i = 0; i < MESHES_PER_LOADER; i++) {
        struct mesh mesh = load_mesh(loaders->allocator, first + i);
        use_scratch(loaders->allocator);
        pthread_mutex_lock(&loaders->mutex);
        loaders->arrived[loaders->arrived_count++] = mesh;
        pthread_mutex_unlock(&loaders->mutex);
    }
    return NULL;
}

void start_loaders(struct loaders *loaders, BdaAllocator allocator) {
    *loaders = (struct loaders){ .allocator = allocator };
    if (pthread_mutex_init(&loaders->mutex, NULL) != 0)
        ex_fail("cannot make a mutex");
    for (; loaders->started < LOADERS; loaders->started++)
        if (pthread_create(&loaders->threads[loaders->started], NULL, run_loader, loaders) != 0)
            ex_fail("cannot start a thread");
}

void join_loaders(struct loaders *loaders) {
    for (uint32_t i = 0; i < loaders->started; i++)
        pthread_join(loaders->threads[i], NULL);
    pthread_mutex_destroy(&loaders->mutex);
}

uint32_t take_arrived(struct loaders *loaders, struct mesh *meshes) {
    pthread_mutex_lock(&loaders->mutex);
    uint32_t count = loaders->arrived_count;
    for (uint32_t i = 0; i < count; i++)
        meshes[i] = loaders->arrived[i];
    loaders->arrived_count = 0;
    pthread_mutex_unlock(&loaders->mutex);
    return count;
}
