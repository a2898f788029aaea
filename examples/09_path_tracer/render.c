/* Pipelines, dispatches and their times; see render.h. */
#include "render.h"

#include "by_index.h"
#include "by_offset.h"
#include "by_pointer.h"

#include <stdlib.h>

/* A dispatch renders at most so many samples of some five rays each: enough to fill a large GPU, and soon over on a
 * small one. A software driver takes as long for fewer. */
enum { SAMPLES_PER_DISPATCH = 1 << 20, SAMPLES_PER_CPU_DISPATCH = 1 << 16 };

/* As in the shader. */
enum { TILE_SIDE = 8, TILE_PIXELS = TILE_SIDE * TILE_SIDE };

/* As the shader reads them. */
struct float4 {
    float x, y, z, w;
};

struct frame {
    uint64_t root;
    VkDeviceAddress picture;
    uint32_t width, height;
    uint32_t seed;
    uint32_t bounces;
    struct float4 eye, right, up, forward;
    struct float4 lamp_corner, lamp_edges[2], lamp_radiance;
    struct float4 sky;
    VkDeviceAddress base;
    uint64_t padding;
};

struct push {
    VkDeviceAddress frame;
    uint32_t first_tile;
    uint32_t first_sample;
    uint32_t samples;
};

static struct float4 widen(struct vec3 a) {
    return (struct float4){ a.x, a.y, a.z, 0 };
}

static BdaAllocation allocate(BdaAllocator allocator, VkDeviceSize size, BdaIntent intent, const char *name) {
    BdaAllocation allocation;
    EX_CHECK(bda_alloc(allocator, &(BdaAllocInfo){ .size = size, .intent = intent, .name = name }, &allocation));
    return allocation;
}

/* ---- Beginning and end ---------------------------------------------------------------------------------------- */

static void write_frame(struct renderer *renderer, const struct world *world, const struct scene *scene,
                        struct upload *upload) {
    struct camera camera = scene_camera(renderer->info.width, renderer->info.height);
    struct frame frame = { .root = world->places[0],
                           .picture = renderer->picture.address,
                           .width = renderer->info.width,
                           .height = renderer->info.height,
                           .seed = renderer->info.seed,
                           .bounces = renderer->info.bounces,
                           .eye = widen(camera.eye),
                           .right = widen(camera.right),
                           .up = widen(camera.up),
                           .forward = widen(camera.forward),
                           .lamp_corner = widen(scene->lamp.corner),
                           .lamp_edges = { widen(scene->lamp.edges[0]), widen(scene->lamp.edges[1]) },
                           .lamp_radiance = widen(scene->lamp.radiance),
                           .sky = widen(scene->sky),
                           .base = world->allocations[0].address };
    upload_write(upload, &renderer->frame, 0, &frame, sizeof frame);
    upload_flush(upload);
}

static void create_timestamps(struct renderer *renderer) {
    VkQueueFamilyProperties families[32];
    uint32_t count = 32;
    vkGetPhysicalDeviceQueueFamilyProperties(renderer->ex->physical_device, &count, families);
    uint32_t bits = families[renderer->ex->queue_family].timestampValidBits;
    if (bits == 0)
        return;
    renderer->timestamp_mask = bits < 64 ? (1ull << bits) - 1 : UINT64_MAX;
    VkQueryPoolCreateInfo info = { .sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
                                   .queryType = VK_QUERY_TYPE_TIMESTAMP,
                                   .queryCount = 2 };
    EX_CHECK(vkCreateQueryPool(renderer->ex->device, &info, NULL, &renderer->timestamps));
}

/* What pointers save: a set layout, a pool, a set, and the buffer and the range that it names. */
static void create_set(struct renderer *renderer, const BdaAllocation *store) {
    VkDevice device = renderer->ex->device;
    VkDescriptorSetLayoutBinding binding = { .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                                             .descriptorCount = 1,
                                             .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT };
    VkDescriptorSetLayoutCreateInfo layout_info = { .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
                                                    .bindingCount = 1,
                                                    .pBindings = &binding };
    EX_CHECK(vkCreateDescriptorSetLayout(device, &layout_info, NULL, &renderer->set_layout));
    VkDescriptorPoolSize size = { .type = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, .descriptorCount = 1 };
    VkDescriptorPoolCreateInfo pool_info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO, .maxSets = 1, .poolSizeCount = 1, .pPoolSizes = &size
    };
    EX_CHECK(vkCreateDescriptorPool(device, &pool_info, NULL, &renderer->set_pool));
    VkDescriptorSetAllocateInfo set_info = { .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
                                             .descriptorPool = renderer->set_pool,
                                             .descriptorSetCount = 1,
                                             .pSetLayouts = &renderer->set_layout };
    EX_CHECK(vkAllocateDescriptorSets(device, &set_info, &renderer->set));
    VkDescriptorBufferInfo buffer = { .buffer = store->buffer, .offset = store->offset, .range = store->size };
    VkWriteDescriptorSet write = { .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                                   .dstSet = renderer->set,
                                   .descriptorCount = 1,
                                   .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                                   .pBufferInfo = &buffer };
    vkUpdateDescriptorSets(device, 1, &write, 0, NULL);
}

/* As ex_create_pipeline, with the set. */
static void create_pipeline_with_set(struct renderer *renderer) {
    VkDevice device = renderer->ex->device;
    struct ex_pipeline *pipeline = &renderer->pipeline;
    VkShaderModuleCreateInfo module_info = { .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
                                             .codeSize = sizeof by_index_spv,
                                             .pCode = by_index_spv };
    EX_CHECK(vkCreateShaderModule(device, &module_info, NULL, &pipeline->module));
    VkPushConstantRange range = { .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT, .size = sizeof(struct push) };
    VkPipelineLayoutCreateInfo layout_info = { .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                               .setLayoutCount = 1,
                                               .pSetLayouts = &renderer->set_layout,
                                               .pushConstantRangeCount = 1,
                                               .pPushConstantRanges = &range };
    EX_CHECK(vkCreatePipelineLayout(device, &layout_info, NULL, &pipeline->layout));
    VkComputePipelineCreateInfo info = { .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
                                         .stage = { .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                                                    .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                                                    .module = pipeline->module,
                                                    .pName = "main" },
                                         .layout = pipeline->layout };
    EX_CHECK(vkCreateComputePipelines(device, VK_NULL_HANDLE, 1, &info, NULL, &pipeline->pipeline));
    pipeline->push_size = sizeof(struct push);
}

static void create_pipeline(struct renderer *renderer, enum way way, const struct world *world) {
    uint32_t push_size = sizeof(struct push);
    if (way == BY_INDEX) {
        create_set(renderer, &world->allocations[0]);
        create_pipeline_with_set(renderer);
    } else if (way == BY_OFFSET) {
        ex_create_pipeline(renderer->ex, by_offset_spv, sizeof by_offset_spv, push_size, &renderer->pipeline);
    } else {
        ex_create_pipeline(renderer->ex, by_pointer_spv, sizeof by_pointer_spv, push_size, &renderer->pipeline);
    }
}

void start_renderer(struct renderer *renderer, enum way way, const struct world *world, const struct scene *scene,
                    struct picture_info info, struct upload *upload) {
    VkDeviceSize picture_size = (VkDeviceSize)info.width * info.height * sizeof(struct float4);
    *renderer = (struct renderer){ .ex = upload->ex, .allocator = upload->allocator, .info = info };
    renderer->frame = allocate(renderer->allocator, sizeof(struct frame), BDA_INTENT_DEVICE, "frame");
    renderer->picture = allocate(renderer->allocator, picture_size, BDA_INTENT_DEVICE, "picture");
    write_frame(renderer, world, scene, upload);
    create_timestamps(renderer);
    create_pipeline(renderer, way, world);
}

void stop_renderer(struct renderer *renderer) {
    VkDevice device = renderer->ex->device;
    ex_destroy_pipeline(renderer->ex, &renderer->pipeline);
    vkDestroyDescriptorPool(device, renderer->set_pool, NULL);
    vkDestroyDescriptorSetLayout(device, renderer->set_layout, NULL);
    vkDestroyQueryPool(device, renderer->timestamps, NULL);
    EX_CHECK(bda_free_many(renderer->allocator, 2, (BdaHandle[]){ renderer->frame.handle, renderer->picture.handle }));
}

/* ---- Rounds --------------------------------------------------------------------------------------------------- */

/* Between two timestamps, where there are any. */
static void record(const struct renderer *renderer, VkCommandBuffer commands, const struct push *push, uint32_t tiles) {
    if (renderer->timestamps) {
        vkCmdResetQueryPool(commands, renderer->timestamps, 0, 2);
        vkCmdWriteTimestamp(commands, VK_PIPELINE_STAGE_TOP_OF_PIPE_BIT, renderer->timestamps, 0);
    }
    if (renderer->set)
        vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE, renderer->pipeline.layout, 0, 1,
                                &renderer->set, 0, NULL);
    ex_record_dispatch(commands, &renderer->pipeline, push, tiles);
    if (renderer->timestamps)
        vkCmdWriteTimestamp(commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, renderer->timestamps, 1);
}

static double read_seconds(const struct renderer *renderer) {
    uint64_t ticks[2];
    EX_CHECK(vkGetQueryPoolResults(renderer->ex->device, renderer->timestamps, 0, 2, sizeof ticks, ticks,
                                   sizeof ticks[0], VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT));
    uint64_t passed = (ticks[1] - ticks[0]) & renderer->timestamp_mask; /* across a wrap, too */
    return (double)passed * (double)renderer->ex->properties.limits.timestampPeriod * 1e-9;
}

static double time_dispatch(const struct renderer *renderer, const struct push *push, uint32_t tiles) {
    VkCommandBuffer commands = ex_begin(renderer->ex);
    record(renderer, commands, push, tiles);
    double before = ex_seconds();
    ex_end(renderer->ex, commands);
    double seconds = ex_seconds() - before;
    return renderer->timestamps ? read_seconds(renderer) : seconds;
}

static uint32_t tiles_per_dispatch(const struct renderer *renderer) {
    bool is_cpu = renderer->ex->properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU;
    return (uint32_t)(is_cpu ? SAMPLES_PER_CPU_DISPATCH : SAMPLES_PER_DISPATCH) / TILE_PIXELS;
}

/* One sample of each pixel of some tiles at least, all samples of all tiles at most. */
void render_round(struct renderer *renderer, uint32_t samples) {
    uint32_t columns = (renderer->info.width + TILE_SIDE - 1) / TILE_SIDE;
    uint32_t all_tiles = columns * ((renderer->info.height + TILE_SIDE - 1) / TILE_SIDE);
    uint32_t at_once = tiles_per_dispatch(renderer);
    uint32_t tile_step = all_tiles < at_once ? all_tiles : at_once;
    uint32_t sample_step = at_once / tile_step;
    double seconds = 0;
    for (uint32_t done = 0; done < samples; done += sample_step) {
        uint32_t count = samples - done < sample_step ? samples - done : sample_step;
        for (uint32_t tile = 0; tile < all_tiles; tile += tile_step) {
            struct push push = { renderer->frame.address, tile, renderer->samples, count };
            seconds += time_dispatch(renderer, &push, all_tiles - tile < tile_step ? all_tiles - tile : tile_step);
        }
        renderer->samples += count;
    }
    renderer->seconds[renderer->rounds++] = seconds;
}

float *read_picture(struct renderer *renderer) {
    BdaAllocation copy = allocate(renderer->allocator, renderer->picture.size, BDA_INTENT_READBACK, "picture's copy");
    VkCommandBuffer commands = ex_begin(renderer->ex);
    VkBufferCopy region = { renderer->picture.offset, copy.offset, copy.size };
    vkCmdCopyBuffer(commands, renderer->picture.buffer, copy.buffer, 1, &region);
    ex_end(renderer->ex, commands);
    float *sums = malloc((size_t)copy.size);
    if (!sums)
        ex_fail("out of memory");
    EX_CHECK(bda_read(renderer->allocator, copy.handle, 0, sums, copy.size));
    EX_CHECK(bda_free(renderer->allocator, copy.handle));
    return sums;
}
