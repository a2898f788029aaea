/* Records the passes of a frame; see passes.h. */
#include "passes.h"

enum { GROUP = 64 }; /* local_size_x of the compute shaders */

/* Where and how one side of a barrier touches memory. */
struct access {
    VkPipelineStageFlags2 stages;
    VkAccessFlags2 accesses;
};

static const struct access shader_writes = { VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT,
                                             VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT };
static const struct access shader_reads = { VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT |
                                                VK_PIPELINE_STAGE_2_VERTEX_SHADER_BIT |
                                                VK_PIPELINE_STAGE_2_FRAGMENT_SHADER_BIT,
                                            VK_ACCESS_2_SHADER_STORAGE_READ_BIT |
                                                VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT };
static const struct access command_reads = { VK_PIPELINE_STAGE_2_DRAW_INDIRECT_BIT,
                                             VK_ACCESS_2_INDIRECT_COMMAND_READ_BIT };
static const struct access copy_reads = { VK_PIPELINE_STAGE_2_COPY_BIT | VK_PIPELINE_STAGE_2_BLIT_BIT,
                                          VK_ACCESS_2_TRANSFER_READ_BIT };
static const struct access copy_writes = { VK_PIPELINE_STAGE_2_COPY_BIT, VK_ACCESS_2_TRANSFER_WRITE_BIT };
static const struct access host_reads = { VK_PIPELINE_STAGE_2_HOST_BIT, VK_ACCESS_2_HOST_READ_BIT };
static const struct access colour_writes = { VK_PIPELINE_STAGE_2_COLOR_ATTACHMENT_OUTPUT_BIT,
                                             VK_ACCESS_2_COLOR_ATTACHMENT_READ_BIT |
                                                 VK_ACCESS_2_COLOR_ATTACHMENT_WRITE_BIT };
static const struct access depth_writes = {
    VK_PIPELINE_STAGE_2_EARLY_FRAGMENT_TESTS_BIT | VK_PIPELINE_STAGE_2_LATE_FRAGMENT_TESTS_BIT,
    VK_ACCESS_2_DEPTH_STENCIL_ATTACHMENT_READ_BIT | VK_ACCESS_2_DEPTH_STENCIL_ATTACHMENT_WRITE_BIT
};

static struct access join(struct access a, struct access b) {
    return (struct access){ a.stages | b.stages, a.accesses | b.accesses };
}

/* What is read through pointers is named by memory barriers: there is no buffer to name. */
static void order(VkCommandBuffer commands, struct access before, struct access after) {
    VkMemoryBarrier2 barrier = { .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER_2,
                                 .srcStageMask = before.stages,
                                 .srcAccessMask = before.accesses,
                                 .dstStageMask = after.stages,
                                 .dstAccessMask = after.accesses };
    VkDependencyInfo info = { .sType = VK_STRUCTURE_TYPE_DEPENDENCY_INFO,
                              .memoryBarrierCount = 1,
                              .pMemoryBarriers = &barrier };
    vkCmdPipelineBarrier2(commands, &info);
}

static void change_layout(VkCommandBuffer commands, const struct target *target, VkImageAspectFlags aspect,
                          VkImageLayout from, VkImageLayout to, struct access before, struct access after) {
    VkImageMemoryBarrier2 barrier = { .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER_2,
                                      .srcStageMask = before.stages,
                                      .srcAccessMask = before.accesses,
                                      .dstStageMask = after.stages,
                                      .dstAccessMask = after.accesses,
                                      .oldLayout = from,
                                      .newLayout = to,
                                      .srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
                                      .dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
                                      .image = target->image,
                                      .subresourceRange = { aspect, 0, 1, 0, 1 } };
    VkDependencyInfo info = { .sType = VK_STRUCTURE_TYPE_DEPENDENCY_INFO,
                              .imageMemoryBarrierCount = 1,
                              .pImageMemoryBarriers = &barrier };
    vkCmdPipelineBarrier2(commands, &info);
}

/* ---- Compute ----------------------------------------------------------------------------------------------------- */

static uint32_t groups_for(uint32_t count) {
    return (count + GROUP - 1) / GROUP;
}

static void record_culling(const struct renderer *renderer, VkCommandBuffer commands,
                           const struct frame_memory *memory) {
    const struct pipelines *pipelines = &renderer->pipelines;
    const struct scene *scene = renderer->scene;
    uint32_t most = scene->node_count > scene->mesh_count ? scene->node_count : scene->mesh_count;
    pipelines_use(pipelines, commands, pipelines->pose, memory->views[VIEW_CAMERA]);
    vkCmdDispatch(commands, groups_for(most), 1, 1);
    order(commands, shader_writes, shader_reads);
    for (int view = 0; view < VIEWS; view++) {
        pipelines_use(pipelines, commands, pipelines->cull, memory->views[view]);
        vkCmdDispatch(commands, groups_for(scene->instance_count), 1, 1);
    }
    order(commands, shader_writes, join(shader_reads, join(command_reads, copy_reads)));
}

/* ---- Graphics ---------------------------------------------------------------------------------------------------- */

static VkRenderingAttachmentInfo attach(const struct target *target, VkImageLayout layout, VkAttachmentStoreOp store) {
    return (VkRenderingAttachmentInfo){ .sType = VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO,
                                        .imageView = target->view,
                                        .imageLayout = layout,
                                        .loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR, /* to 0: black, and far away */
                                        .storeOp = store };
}

/* One command draws every visible instance of every mesh: the cull pass wrote what, and how many. */
static void record_draws(const struct renderer *renderer, VkCommandBuffer commands, const struct frame_memory *memory,
                         enum view view, VkPipeline pipeline, VkExtent2D extent) {
    VkViewport viewport = { .width = (float)extent.width, .height = (float)extent.height, .maxDepth = 1.0f };
    VkRect2D scissor = { .extent = extent };
    uint32_t mesh_count = renderer->scene->mesh_count;
    VkDeviceSize first = (VkDeviceSize)view * mesh_count * sizeof(VkDrawIndirectCommand);
    pipelines_use(&renderer->pipelines, commands, pipeline, memory->views[view]);
    vkCmdSetViewport(commands, 0, 1, &viewport);
    vkCmdSetScissor(commands, 0, 1, &scissor);
    vkCmdSetCullMode(commands, renderer->scene->both_sides ? VK_CULL_MODE_NONE : VK_CULL_MODE_BACK_BIT);
    vkCmdDrawIndirect(commands, memory->commands.buffer, memory->commands.offset + first, mesh_count,
                      sizeof(VkDrawIndirectCommand));
}

/* The sun's depths are copied to where the fragment shader reads them through a pointer. */
static void record_shadow(const struct renderer *renderer, VkCommandBuffer commands,
                          const struct frame_memory *memory) {
    const struct targets *targets = &renderer->targets;
    const VkImageLayout drawn = VK_IMAGE_LAYOUT_DEPTH_ATTACHMENT_OPTIMAL, copied = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL;
    change_layout(commands, &targets->shadow, VK_IMAGE_ASPECT_DEPTH_BIT, VK_IMAGE_LAYOUT_UNDEFINED, drawn,
                  join(depth_writes, copy_reads), depth_writes);
    VkRenderingAttachmentInfo depth = attach(&targets->shadow, drawn, VK_ATTACHMENT_STORE_OP_STORE);
    VkRenderingInfo info = { .sType = VK_STRUCTURE_TYPE_RENDERING_INFO,
                             .renderArea = { .extent = targets->shadow_extent },
                             .layerCount = 1,
                             .pDepthAttachment = &depth };
    vkCmdBeginRendering(commands, &info);
    record_draws(renderer, commands, memory, VIEW_SUN, renderer->pipelines.shadow, targets->shadow_extent);
    vkCmdEndRendering(commands);
    change_layout(commands, &targets->shadow, VK_IMAGE_ASPECT_DEPTH_BIT, drawn, copied, depth_writes, copy_reads);
    order(commands, shader_reads, copy_writes); /* the frame before has read the map */
    VkBufferImageCopy copy = { .bufferOffset = renderer->shadow_map.offset,
                               .imageSubresource = { VK_IMAGE_ASPECT_DEPTH_BIT, 0, 0, 1 },
                               .imageExtent = { targets->shadow_extent.width, targets->shadow_extent.height, 1 } };
    vkCmdCopyImageToBuffer(commands, targets->shadow.image, copied, renderer->shadow_map.buffer, 1, &copy);
    order(commands, copy_writes, shader_reads);
}

static void record_picture(const struct renderer *renderer, VkCommandBuffer commands,
                           const struct frame_memory *memory) {
    const struct targets *targets = &renderer->targets;
    const VkImageLayout colour = VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL;
    const VkImageLayout depth = VK_IMAGE_LAYOUT_DEPTH_ATTACHMENT_OPTIMAL;
    change_layout(commands, &targets->samples, VK_IMAGE_ASPECT_COLOR_BIT, VK_IMAGE_LAYOUT_UNDEFINED, colour,
                  colour_writes, colour_writes);
    change_layout(commands, &targets->colour, VK_IMAGE_ASPECT_COLOR_BIT, VK_IMAGE_LAYOUT_UNDEFINED, colour,
                  join(colour_writes, copy_reads), colour_writes);
    change_layout(commands, &targets->depth, VK_IMAGE_ASPECT_DEPTH_BIT, VK_IMAGE_LAYOUT_UNDEFINED, depth, depth_writes,
                  depth_writes);
    VkRenderingAttachmentInfo samples = attach(&targets->samples, colour, VK_ATTACHMENT_STORE_OP_DONT_CARE);
    samples.resolveMode = VK_RESOLVE_MODE_AVERAGE_BIT;
    samples.resolveImageView = targets->colour.view;
    samples.resolveImageLayout = colour;
    VkRenderingAttachmentInfo depths = attach(&targets->depth, depth, VK_ATTACHMENT_STORE_OP_DONT_CARE);
    VkRenderingInfo info = { .sType = VK_STRUCTURE_TYPE_RENDERING_INFO,
                             .renderArea = { .extent = targets->extent },
                             .layerCount = 1,
                             .colorAttachmentCount = 1,
                             .pColorAttachments = &samples,
                             .pDepthAttachment = &depths };
    vkCmdBeginRendering(commands, &info);
    record_draws(renderer, commands, memory, VIEW_CAMERA, renderer->pipelines.colour, targets->extent);
    vkCmdEndRendering(commands);
    change_layout(commands, &targets->colour, VK_IMAGE_ASPECT_COLOR_BIT, colour, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL,
                  colour_writes, copy_reads);
}

void record_passes(struct renderer *renderer, const struct flight *flight, const struct frame_memory *memory) {
    record_culling(renderer, flight->commands, memory);
    record_shadow(renderer, flight->commands, memory);
    record_picture(renderer, flight->commands, memory);
}

/* ---- Results ----------------------------------------------------------------------------------------------------- */

void record_results(struct renderer *renderer, const struct flight *flight, const struct frame_memory *memory,
                    bool keep) {
    const struct targets *targets = &renderer->targets;
    VkBufferCopy report = { .srcOffset = memory->commands.offset,
                            .dstOffset = flight->report.offset,
                            .size = flight->report.size };
    vkCmdCopyBuffer(flight->commands, memory->commands.buffer, flight->report.buffer, 1, &report);
    if (keep) {
        VkBufferImageCopy copy = { .bufferOffset = renderer->picture.offset,
                                   .imageSubresource = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1 },
                                   .imageExtent = { targets->extent.width, targets->extent.height, 1 } };
        vkCmdCopyImageToBuffer(flight->commands, targets->colour.image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL,
                               renderer->picture.buffer, 1, &copy);
    }
    order(flight->commands, copy_writes, host_reads);
}
