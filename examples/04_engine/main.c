/*
 * 04_engine: how a renderer would sit on the library.
 *
 * Four threads load meshes into vertex and index buffers of their own (bda_alloc_buffer) and fill staging memory, while
 * the frame loop copies what has arrived, uploads each frame's data, and "draws": a shader follows the frame's pointers
 * to the meshes and sums their areas. Whatever a frame was the last to use is freed with bda_free_after on the timeline
 * semaphore that the frame signals; bda_collect, once a frame, takes it back. Each frame's sums are checked on the CPU.
 *
 * 04_engine --dump heap writes what is in the heap to heap-001.json and so on, one file every ten frames; bda_view
 * makes a page of them.
 */
#include "meshes.h"

#include "draw_meshes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { FRAMES = 100, IN_FLIGHT = 2, FRAMES_PER_DUMP = 10 };

/* The layouts of draw_meshes.comp. */
struct frame_mesh {
    VkDeviceAddress vertices;
    VkDeviceAddress indices;
    uint32_t triangles;
    uint32_t unused;
};

struct frame_data {
    VkDeviceAddress results;
    float scale;
    uint32_t mesh_count;
    struct frame_mesh meshes[MESHES];
};

/* One of the frames in flight. `number` 0: never used. */
struct frame {
    uint64_t number;
    uint32_t mesh_count;
    uint32_t scale;
    BdaAllocation results;
    VkCommandPool pool;
    VkCommandBuffer commands;
};

struct engine {
    struct ex *ex;
    BdaAllocator allocator;
    VkSemaphore timeline; /* reaches a frame's number when the GPU has finished it */
    struct ex_pipeline pipeline;
    struct frame frames[IN_FLIGHT];
    struct loaders loaders;
    struct mesh meshes[MESHES];
    uint32_t mesh_count;
    uint64_t sums;
    uint64_t wrong;
    const char *dump_name; /* NULL: no dumps */
};

static void start_engine(struct engine *engine) {
    struct ex *ex = engine->ex;
    BdaAllocatorInfo info = ex_allocator_info(ex);
    EX_CHECK(bda_create_allocator(&info, &engine->allocator));
    ex_use_checks(ex, engine->allocator);
    /* The block for the frames' uploads is made now, so that no frame waits for the driver to make one. */
    EX_CHECK(bda_warm_up(engine->allocator, &(BdaAllocInfo){ .intent = BDA_INTENT_UPLOAD },
                         IN_FLIGHT * sizeof(struct frame_data)));
    VkSemaphoreTypeCreateInfo type = { .sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
                                       .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE };
    VkSemaphoreCreateInfo semaphore_info = { .sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, .pNext = &type };
    EX_CHECK(vkCreateSemaphore(ex->device, &semaphore_info, NULL, &engine->timeline));
    ex_create_pipeline(ex, draw_meshes_spv, sizeof draw_meshes_spv, sizeof(VkDeviceAddress), &engine->pipeline);
    for (uint32_t i = 0; i < IN_FLIGHT; i++) {
        struct frame *frame = &engine->frames[i];
        VkCommandPoolCreateInfo pool_info = { .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                              .queueFamilyIndex = ex->queue_family };
        EX_CHECK(vkCreateCommandPool(ex->device, &pool_info, NULL, &frame->pool));
        VkCommandBufferAllocateInfo commands_info = { .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                                      .commandPool = frame->pool,
                                                      .commandBufferCount = 1 };
        EX_CHECK(vkAllocateCommandBuffers(ex->device, &commands_info, &frame->commands));
    }
    start_loaders(&engine->loaders, engine->allocator);
}

static void wait_for(struct engine *engine, uint64_t number) {
    VkSemaphoreWaitInfo wait = { .sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
                                 .semaphoreCount = 1,
                                 .pSemaphores = &engine->timeline,
                                 .pValues = &number };
    EX_CHECK(vkWaitSemaphores(engine->ex->device, &wait, 60ull * 1000 * 1000 * 1000));
}

/* The GPU has finished the frame: its sums are read, and its results can be freed at once. */
static void finish_frame(struct engine *engine, struct frame *frame) {
    if (frame->number == 0)
        return;
    wait_for(engine, frame->number);
    uint32_t sums[MESHES];
    EX_CHECK(bda_read(engine->allocator, frame->results.handle, 0, sums, sizeof sums));
    for (uint32_t i = 0; i < frame->mesh_count; i++, engine->sums++)
        engine->wrong += sums[i] != engine->meshes[i].triangles * frame->scale * frame->scale;
    EX_CHECK(bda_free(engine->allocator, frame->results.handle));
}

/* A mesh's bytes go from staging into its two buffers, and the staging memory is free once this frame is done. */
static void record_upload(struct engine *engine, const struct frame *frame, const struct mesh *mesh) {
    const BdaAllocation *staging = &mesh->staging;
    VkBufferCopy vertices = { .srcOffset = staging->offset,
                              .dstOffset = mesh->vertices.offset,
                              .size = mesh->vertices.size };
    VkBufferCopy indices = { .srcOffset = staging->offset + mesh->vertices.size,
                             .dstOffset = mesh->indices.offset,
                             .size = mesh->indices.size };
    vkCmdCopyBuffer(frame->commands, staging->buffer, mesh->vertices.buffer, 1, &vertices);
    vkCmdCopyBuffer(frame->commands, staging->buffer, mesh->indices.buffer, 1, &indices);
    EX_CHECK(bda_free_after(engine->allocator, staging->handle, engine->timeline, frame->number));
}

/* This frame's data, in memory of this frame's own; it is free once the frame is done. */
static VkDeviceAddress upload_frame(struct engine *engine, const struct frame *frame) {
    struct frame_data data = { .results = frame->results.address,
                               .scale = (float)frame->scale,
                               .mesh_count = frame->mesh_count };
    for (uint32_t i = 0; i < frame->mesh_count; i++) {
        const struct mesh *mesh = &engine->meshes[i];
        data.meshes[i] = (struct frame_mesh){ mesh->vertices.address, mesh->indices.address, mesh->triangles, 0 };
    }
    BdaAllocation memory;
    EX_CHECK(bda_alloc(engine->allocator,
                       &(BdaAllocInfo){ .size = sizeof data, .intent = BDA_INTENT_UPLOAD, .name = "frame/data" },
                       &memory));
    EX_CHECK(bda_write(engine->allocator, memory.handle, 0, &data, sizeof data));
    EX_CHECK(bda_free_after(engine->allocator, memory.handle, engine->timeline, frame->number));
    return memory.address;
}

static void submit(struct engine *engine, const struct frame *frame) {
    VkTimelineSemaphoreSubmitInfo values = { .sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
                                             .signalSemaphoreValueCount = 1,
                                             .pSignalSemaphoreValues = &frame->number };
    VkSubmitInfo info = { .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                          .pNext = &values,
                          .commandBufferCount = 1,
                          .pCommandBuffers = &frame->commands,
                          .signalSemaphoreCount = 1,
                          .pSignalSemaphores = &engine->timeline };
    EX_CHECK(vkQueueSubmit(engine->ex->queue, 1, &info, VK_NULL_HANDLE));
}

static void dump_heap(const struct engine *engine, uint64_t frame) {
    char label[64];
    snprintf(label, sizeof label, "04_engine, frame %" PRIu64, frame);
    ex_dump_heap(engine->ex, engine->allocator, engine->dump_name, frame / FRAMES_PER_DUMP, label);
}

static void run_frame(struct engine *engine, uint64_t number) {
    bda_set_frame(engine->allocator, number);
    struct frame *frame = &engine->frames[number % IN_FLIGHT];
    finish_frame(engine, frame); /* the one that had this place before */
    EX_CHECK(bda_collect(engine->allocator));

    frame->number = number;
    frame->scale = 1 + (uint32_t)(number % 5);
    EX_CHECK(vkResetCommandPool(engine->ex->device, frame->pool, 0));
    VkCommandBufferBeginInfo begin = { .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                       .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT };
    EX_CHECK(vkBeginCommandBuffer(frame->commands, &begin));
    uint32_t arrived = take_arrived(&engine->loaders, engine->meshes + engine->mesh_count);
    for (uint32_t i = 0; i < arrived; i++)
        record_upload(engine, frame, &engine->meshes[engine->mesh_count + i]);
    engine->mesh_count += arrived;
    frame->mesh_count = engine->mesh_count;
    ex_record_barrier(frame->commands);

    BdaAllocInfo results_info = { .size = MESHES * sizeof(uint32_t),
                                  .intent = BDA_INTENT_READBACK,
                                  .flags = BDA_ALLOC_ZERO_BIT,
                                  .name = "frame/results" };
    EX_CHECK(bda_alloc(engine->allocator, &results_info, &frame->results));
    VkDeviceAddress data = upload_frame(engine, frame);
    ex_record_dispatch(frame->commands, &engine->pipeline, &data, frame->mesh_count);
    ex_record_barrier(frame->commands);
    EX_CHECK(vkEndCommandBuffer(frame->commands));
    submit(engine, frame);
    if (engine->dump_name != NULL && number % FRAMES_PER_DUMP == 0)
        dump_heap(engine, number);
}

static void print_stats(BdaAllocator allocator, const char *when) {
    BdaStats stats = { .next = NULL };
    EX_CHECK(bda_get_stats(allocator, &stats));
    printf("%s\n", when);
    for (uint32_t i = 0; i < stats.heap_count; i++) {
        const BdaUse *use = &stats.heaps[i].use;
        if (use->block_count > 0)
            printf("  heap %u   %" PRIu64 " blocks, %" PRIu64 " KiB; %" PRIu64 " allocations, %" PRIu64
                   " KiB; pending %" PRIu64 "; budget %" PRIu64 " MiB\n",
                   i, use->block_count, use->reserved >> 10, use->allocation_count, use->used >> 10, use->pending_count,
                   stats.heaps[i].budget >> 20);
    }
}

static void print_mesh(BdaAllocator allocator, const struct mesh *mesh) {
    BdaAllocationInfo info = { .next = NULL };
    EX_CHECK(bda_get_info(allocator, mesh->vertices.handle, &info));
    printf("for one    '%s': GPU 0x%016" PRIx64 ", %" PRIu64 " bytes, memory type %u, a VkBuffer of its own\n",
           info.name, info.allocation.address, info.allocation.size, info.memory_type);
}

/* Meshes are freed like anything else that the last frame used. */
static bool stop_engine(struct engine *engine, uint64_t last) {
    for (uint32_t i = 0; i < engine->mesh_count; i++) {
        EX_CHECK(bda_free_after(engine->allocator, engine->meshes[i].vertices.handle, engine->timeline, last));
        EX_CHECK(bda_free_after(engine->allocator, engine->meshes[i].indices.handle, engine->timeline, last));
    }
    for (uint32_t i = 0; i < IN_FLIGHT; i++) {
        finish_frame(engine, &engine->frames[i]);
        vkDestroyCommandPool(engine->ex->device, engine->frames[i].pool, NULL);
    }
    EX_CHECK(bda_collect(engine->allocator));
    BdaStats stats = { .next = NULL };
    EX_CHECK(bda_get_stats(engine->allocator, &stats));
    print_stats(engine->allocator, "after the last frame was collected");
    ex_report_checks(engine->ex, engine->allocator);
    EX_CHECK(bda_destroy_allocator(engine->allocator)); /* before the semaphore: pending frees may refer to it */
    vkDestroySemaphore(engine->ex->device, engine->timeline, NULL);
    ex_destroy_pipeline(engine->ex, &engine->pipeline);
    return stats.total.allocation_count == 0 && stats.total.pending_count == 0;
}

int main(int argc, char **argv) {
    struct ex ex;
    ex_start(&ex, "04_engine: loading threads, frames in flight, frees on a timeline", 0);
    static struct engine engine;
    engine.ex = &ex;
    engine.dump_name = argc == 3 && strcmp(argv[1], "--dump") == 0 ? argv[2] : NULL;
    start_engine(&engine);

    uint64_t number = 0;
    while (number < FRAMES || engine.mesh_count < MESHES) /* with a slow loader, more frames */
        run_frame(&engine, ++number);
    join_loaders(&engine.loaders);
    print_mesh(engine.allocator, &engine.meshes[0]);
    print_stats(engine.allocator, "after the last frame was submitted");
    bool empty = stop_engine(&engine, number);

    printf("proved     %" PRIu64 " of %" PRIu64 " sums over %" PRIu64
           " frames are right; %u meshes from %d threads%s\n",
           engine.sums - engine.wrong, engine.sums, number, engine.mesh_count, LOADERS,
           empty ? ", and nothing is left" : "; something is LEFT");
    return ex_finish(&ex, engine.wrong == 0 && engine.sums > 0 && empty);
}
