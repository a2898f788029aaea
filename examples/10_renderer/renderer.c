/* Frames in flight, and what they are made of; see renderer.h. The passes stand in passes.c. */
#include "renderer.h"

#include "passes.h"

#include <string.h>

enum { SHADOW_SIZE = 1024 };

/* A frame takes under a second, on a software driver a few; one that takes this long will never end. */
static const uint64_t patience_ns = 120ull * 1000 * 1000 * 1000;

static const float pi = 3.14159265f;

static BdaArena create_arena(BdaAllocator allocator, BdaIntent intent, const char *name) {
    BdaArenaInfo info = { .chunk = { .intent = intent, .name = name }, .max_chunk_size = 64 << 20 };
    BdaArena arena;
    EX_CHECK(bda_create_arena(allocator, &info, &arena));
    return arena;
}

static BdaAllocation allocate(BdaAllocator allocator, VkDeviceSize size, BdaIntent intent, const char *name) {
    BdaAllocation allocation;
    EX_CHECK(bda_alloc(allocator, &(BdaAllocInfo){ .size = size, .intent = intent, .name = name }, &allocation));
    return allocation;
}

static VkSemaphore create_timeline(struct ex *ex) {
    VkSemaphoreTypeCreateInfo type = { .sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
                                       .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE };
    VkSemaphoreCreateInfo info = { .sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, .pNext = &type };
    VkSemaphore semaphore;
    EX_CHECK(vkCreateSemaphore(ex->device, &info, NULL, &semaphore));
    return semaphore;
}

static void create_flight(struct renderer *renderer, struct flight *flight) {
    struct ex *ex = renderer->ex;
    VkCommandPoolCreateInfo pool_info = { .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                          .queueFamilyIndex = ex->queue_family };
    EX_CHECK(vkCreateCommandPool(ex->device, &pool_info, NULL, &flight->pool));
    VkCommandBufferAllocateInfo commands_info = { .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                                  .commandPool = flight->pool,
                                                  .commandBufferCount = 1 };
    EX_CHECK(vkAllocateCommandBuffers(ex->device, &commands_info, &flight->commands));
    VkDeviceSize size = sizeof(VkDrawIndirectCommand) * VIEWS * renderer->scene->mesh_count;
    flight->report = allocate(renderer->allocator, size, BDA_INTENT_READBACK, "frame/report");
}

void renderer_create(struct renderer *renderer, struct ex *ex, BdaAllocator allocator, const struct scene *scene,
                     VkExtent2D extent, struct window *window) {
    *renderer = (struct renderer){ .ex = ex, .allocator = allocator, .scene = scene, .window = window };
    targets_create(&renderer->targets, ex, allocator, extent, SHADOW_SIZE);
    pipelines_create(&renderer->pipelines, ex);
    world_create(&renderer->world, ex, allocator, scene);
    renderer->timeline = create_timeline(ex);
    renderer->uploads = create_arena(allocator, BDA_INTENT_UPLOAD, "frame/uploads");
    renderer->scratch = create_arena(allocator, BDA_INTENT_DEVICE, "frame/scratch");
    VkDeviceSize texels = (VkDeviceSize)SHADOW_SIZE * SHADOW_SIZE;
    renderer->shadow_map = allocate(allocator, texels * sizeof(float), BDA_INTENT_DEVICE, "shadow map");
    VkDeviceSize pixels = (VkDeviceSize)extent.width * extent.height;
    renderer->picture = allocate(allocator, 4 * pixels, BDA_INTENT_READBACK, "picture");
    for (uint32_t i = 0; i < IN_FLIGHT; i++)
        create_flight(renderer, &renderer->flights[i]);
}

void renderer_destroy(struct renderer *renderer, uint64_t last) {
    struct ex *ex = renderer->ex;
    BdaAllocator allocator = renderer->allocator;
    for (uint32_t i = 0; i < IN_FLIGHT; i++) {
        EX_CHECK(bda_free(allocator, renderer->flights[i].report.handle));
        vkDestroyCommandPool(ex->device, renderer->flights[i].pool, NULL);
    }
    EX_CHECK(bda_free(allocator, renderer->picture.handle));
    EX_CHECK(bda_free(allocator, renderer->shadow_map.handle));
    bda_destroy_arena(renderer->scratch);
    bda_destroy_arena(renderer->uploads);
    world_destroy(&renderer->world, renderer->timeline, last);
    EX_CHECK(bda_collect(allocator)); /* while the semaphore is there to be asked */
    vkDestroySemaphore(ex->device, renderer->timeline, NULL);
    pipelines_destroy(&renderer->pipelines, ex);
    targets_destroy(&renderer->targets, ex, allocator);
}

/* ---- What a frame shows ------------------------------------------------------------------------------------------ */

float renderer_seconds(uint64_t number) {
    return (float)number / 60.0f;
}

static struct vec3 find_eye(const struct orbit *orbit, float seconds) {
    float angle = orbit->angle + orbit->speed * seconds;
    struct vec3 away = { orbit->distance * sinf(angle), orbit->height, orbit->distance * cosf(angle) };
    return vec3_add(orbit->at, away);
}

/* The sun's view stands still, so that its texels do not crawl over what rests. */
struct mat4 renderer_clip(const struct renderer *renderer, enum view view, float seconds) {
    const struct scene *scene = renderer->scene;
    struct mat4 look, project;
    if (view == VIEW_CAMERA) {
        VkExtent2D extent = renderer->targets.extent;
        look = mat4_look(find_eye(&scene->camera, seconds), scene->camera.at);
        project = mat4_perspective(0.22f * pi, (float)extent.width / (float)extent.height, 0.1f, 2500.0f);
    } else {
        float reach = scene->shadow_reach;
        look = mat4_look(vec3_scale(scene->to_sun, 2.0f * reach), (struct vec3){ 0.0f, 0.0f, 0.0f });
        project = mat4_parallel(reach, 0.1f * reach, 4.0f * reach);
    }
    return mat4_multiply(&project, &look);
}

static void *take_upload(struct renderer *renderer, VkDeviceSize size, VkDeviceAddress *address) {
    BdaPiece piece;
    EX_CHECK(bda_alloc_from_arena(renderer->uploads, size, 0, &piece));
    *address = piece.address;
    return piece.mapped;
}

static BdaPiece take_scratch(struct renderer *renderer, VkDeviceSize size) {
    BdaPiece piece;
    EX_CHECK(bda_alloc_from_arena(renderer->scratch, size, 0, &piece));
    return piece;
}

static VkDeviceAddress upload_poses(struct renderer *renderer, float seconds) {
    const struct scene *scene = renderer->scene;
    VkDeviceAddress address = 0;
    if (scene->motion_count > 0) {
        struct affine *poses = take_upload(renderer, scene->motion_count * sizeof *poses, &address);
        for (uint32_t i = 0; i < scene->motion_count; i++)
            poses[i] = scene_pose(&scene->motions[i], seconds);
    }
    return address;
}

static VkDeviceAddress upload_lights(struct renderer *renderer, float seconds) {
    const struct scene *scene = renderer->scene;
    VkDeviceAddress address = 0;
    if (scene->light_count > 0) {
        struct gpu_light *lights = take_upload(renderer, scene->light_count * sizeof *lights, &address);
        for (uint32_t i = 0; i < scene->light_count; i++) {
            const struct light *light = &scene->lights[i];
            struct affine world = scene_find_world(scene, light->node, seconds);
            struct vec3 position = { world.m[0][3], world.m[1][3], world.m[2][3] };
            lights[i] = (struct gpu_light){ position, light->reach, light->colour, 0.0f };
        }
    }
    return address;
}

static VkDeviceAddress upload_view(struct renderer *renderer, enum view view, float seconds, VkDeviceAddress frame,
                                   VkDeviceAddress commands) {
    struct gpu_view data = { .clip = renderer_clip(renderer, view, seconds),
                             .eye = find_eye(&renderer->scene->camera, seconds),
                             .frame = frame,
                             .commands = commands };
    data.frustum = frustum_of(&data.clip);
    data.visible = take_scratch(renderer, renderer->scene->instance_count * sizeof(VkDeviceAddress)).address;
    VkDeviceAddress address;
    void *mapped = take_upload(renderer, sizeof data, &address);
    memcpy(mapped, &data, sizeof data); /* at once: the memory may be one that is slow to read */
    return address;
}

/* Everything that the frame's shaders find behind the views' addresses. */
static struct frame_memory upload_frame(struct renderer *renderer, float seconds) {
    const struct scene *scene = renderer->scene;
    const struct world *world = &renderer->world;
    struct frame_memory memory;
    VkDeviceAddress address;
    void *mapped = take_upload(renderer, sizeof(struct gpu_frame), &address);
    VkDeviceSize command_bytes = scene->mesh_count * sizeof(VkDrawIndirectCommand);
    memory.commands = take_scratch(renderer, VIEWS * command_bytes);
    for (int view = 0; view < VIEWS; view++)
        memory.views[view] = upload_view(renderer, (enum view)view, seconds, address,
                                         memory.commands.address + (VkDeviceSize)view * command_bytes);
    struct gpu_frame data = { .nodes = world->nodes.address,
                              .poses = upload_poses(renderer, seconds),
                              .worlds = take_scratch(renderer, scene->node_count * sizeof(struct affine)).address,
                              .meshes = world->meshes.address,
                              .instances = world->instances.address,
                              .lights = upload_lights(renderer, seconds),
                              .shadow = renderer->shadow_map.address,
                              .sun_view = memory.views[VIEW_SUN],
                              .node_count = scene->node_count,
                              .mesh_count = scene->mesh_count,
                              .instance_count = scene->instance_count,
                              .light_count = scene->light_count,
                              .to_sun = scene->to_sun,
                              .shadow_size = SHADOW_SIZE,
                              .sun_colour = scene->sun_colour,
                              .shadow_texel = 2.0f * scene->shadow_reach / SHADOW_SIZE };
    memcpy(mapped, &data, sizeof data);
    return memory;
}

/* ---- A frame's way ----------------------------------------------------------------------------------------------- */

static void wait_for(struct renderer *renderer, uint64_t number) {
    VkSemaphoreWaitInfo wait = { .sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
                                 .semaphoreCount = 1,
                                 .pSemaphores = &renderer->timeline,
                                 .pValues = &number };
    EX_CHECK(vkWaitSemaphores(renderer->ex->device, &wait, patience_ns));
}

/* The GPU has finished the frame that had this place: its report is read. */
static void finish_flight(struct renderer *renderer, struct flight *flight) {
    if (flight->number == 0)
        return;
    wait_for(renderer, flight->number);
    flight->number = 0;
    EX_CHECK(bda_invalidate(renderer->allocator, flight->report.handle, 0, VK_WHOLE_SIZE));
    const VkDrawIndirectCommand *command = flight->report.mapped;
    for (uint32_t view = 0; view < VIEWS; view++) {
        struct view_report report = { 0, 0, 0 };
        for (uint32_t i = 0; i < renderer->scene->mesh_count; i++, command++) {
            report.draws += command->instanceCount > 0;
            report.instances += command->instanceCount;
            report.triangles += (uint64_t)command->instanceCount * command->vertexCount / 3;
        }
        renderer->last[view] = report;
        renderer->triangles += report.triangles;
    }
    renderer->reported++;
}

static void submit(struct renderer *renderer, const struct flight *flight, VkSemaphore available) {
    VkCommandBufferSubmitInfo commands = { .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_SUBMIT_INFO,
                                           .commandBuffer = flight->commands };
    VkSemaphoreSubmitInfo wait = { .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
                                   .semaphore = available,
                                   .stageMask = VK_PIPELINE_STAGE_2_BLIT_BIT };
    VkSemaphoreSubmitInfo signals[2] = { { .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
                                           .semaphore = renderer->timeline,
                                           .value = flight->number,
                                           .stageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT },
                                         { .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
                                           .semaphore = available ? window_finished(renderer->window) : VK_NULL_HANDLE,
                                           .stageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT } };
    VkSubmitInfo2 info = { .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2,
                           .waitSemaphoreInfoCount = available ? 1 : 0,
                           .pWaitSemaphoreInfos = &wait,
                           .commandBufferInfoCount = 1,
                           .pCommandBufferInfos = &commands,
                           .signalSemaphoreInfoCount = available ? 2 : 1,
                           .pSignalSemaphoreInfos = signals };
    EX_CHECK(vkQueueSubmit2(renderer->ex->queue, 1, &info, VK_NULL_HANDLE));
}

void renderer_draw(struct renderer *renderer, uint64_t number, bool keep) {
    struct flight *flight = &renderer->flights[number % IN_FLIGHT];
    finish_flight(renderer, flight);
    bda_set_frame(renderer->allocator, number);
    EX_CHECK(bda_collect(renderer->allocator));

    VkSemaphore available = VK_NULL_HANDLE;
    bool shown = renderer->window && window_acquire(renderer->window, &available);
    double start = ex_seconds();
    flight->number = number;
    struct frame_memory memory = upload_frame(renderer, renderer_seconds(number));
    EX_CHECK(vkResetCommandPool(renderer->ex->device, flight->pool, 0));
    VkCommandBufferBeginInfo begin = { .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                       .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT };
    EX_CHECK(vkBeginCommandBuffer(flight->commands, &begin));
    record_passes(renderer, flight, &memory);
    record_results(renderer, flight, &memory, keep);
    if (shown)
        window_record(renderer->window, flight->commands, renderer->targets.colour.image, renderer->targets.extent);
    EX_CHECK(vkEndCommandBuffer(flight->commands));
    EX_CHECK(bda_flush_arena(renderer->uploads));
    renderer->recording += ex_seconds() - start;

    submit(renderer, flight, available);
    EX_CHECK(bda_reset_arena(renderer->uploads, renderer->timeline, number));
    EX_CHECK(bda_reset_arena(renderer->scratch, renderer->timeline, number));
    if (shown)
        window_present(renderer->window);
}

/* In the order of their numbers, so that the last report is the last frame's. */
void renderer_finish(struct renderer *renderer) {
    for (uint32_t done = 0; done < IN_FLIGHT; done++) {
        struct flight *oldest = NULL;
        for (uint32_t i = 0; i < IN_FLIGHT; i++) {
            struct flight *flight = &renderer->flights[i];
            if (flight->number > 0 && (!oldest || flight->number < oldest->number))
                oldest = flight;
        }
        if (oldest)
            finish_flight(renderer, oldest);
    }
}
