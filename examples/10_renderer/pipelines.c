/* Makes the pipelines; see pipelines.h. */
#include "pipelines.h"

#include "targets.h"

#include "renderer_cull.h"
#include "renderer_mesh.h"
#include "renderer_pose.h"
#include "renderer_shade.h"

static const VkShaderStageFlags all_stages =
    VK_SHADER_STAGE_COMPUTE_BIT | VK_SHADER_STAGE_VERTEX_BIT | VK_SHADER_STAGE_FRAGMENT_BIT;

static VkPipelineShaderStageCreateInfo make_stage(struct ex *ex, VkShaderStageFlagBits stage, const uint32_t *code,
                                                  size_t size) {
    VkShaderModuleCreateInfo info = { .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
                                      .codeSize = size,
                                      .pCode = code };
    VkPipelineShaderStageCreateInfo result = { .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                                               .stage = stage,
                                               .pName = "main",
                                               .pSpecializationInfo = &ex->check_constants };
    EX_CHECK(vkCreateShaderModule(ex->device, &info, NULL, &result.module));
    return result;
}

static VkPipeline create_compute(struct ex *ex, VkPipelineLayout layout, const uint32_t *code, size_t size) {
    VkComputePipelineCreateInfo info = { .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
                                         .stage = make_stage(ex, VK_SHADER_STAGE_COMPUTE_BIT, code, size),
                                         .layout = layout };
    VkPipeline pipeline;
    EX_CHECK(vkCreateComputePipelines(ex->device, VK_NULL_HANDLE, 1, &info, NULL, &pipeline));
    vkDestroyShaderModule(ex->device, info.stage.module, NULL);
    return pipeline;
}

/* With a fragment stage it draws colours into four samples, without one depths alone. */
static VkPipeline create_graphics(struct ex *ex, VkPipelineLayout layout, const VkPipelineShaderStageCreateInfo *stages,
                                  uint32_t stage_count) {
    static const VkFormat colour_format = COLOUR_FORMAT;
    static const VkDynamicState dynamic_states[] = { VK_DYNAMIC_STATE_VIEWPORT, VK_DYNAMIC_STATE_SCISSOR,
                                                     VK_DYNAMIC_STATE_CULL_MODE };
    uint32_t colours = stage_count > 1;
    VkPipelineRenderingCreateInfo rendering = { .sType = VK_STRUCTURE_TYPE_PIPELINE_RENDERING_CREATE_INFO,
                                                .colorAttachmentCount = colours,
                                                .pColorAttachmentFormats = &colour_format,
                                                .depthAttachmentFormat = DEPTH_FORMAT };
    VkPipelineVertexInputStateCreateInfo no_input = { .sType =
                                                          VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO };
    VkPipelineInputAssemblyStateCreateInfo assembly = { .sType =
                                                            VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO,
                                                        .topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST };
    VkPipelineViewportStateCreateInfo viewport = { .sType = VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO,
                                                   .viewportCount = 1,
                                                   .scissorCount = 1 };
    VkPipelineRasterizationStateCreateInfo raster = { .sType =
                                                          VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO,
                                                      .frontFace = VK_FRONT_FACE_COUNTER_CLOCKWISE,
                                                      .lineWidth = 1.0f };
    VkPipelineMultisampleStateCreateInfo samples = { .sType = VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO,
                                                     .rasterizationSamples = colours ? (VkSampleCountFlagBits)SAMPLES
                                                                                     : VK_SAMPLE_COUNT_1_BIT };
    VkPipelineDepthStencilStateCreateInfo depth = { .sType = VK_STRUCTURE_TYPE_PIPELINE_DEPTH_STENCIL_STATE_CREATE_INFO,
                                                    .depthTestEnable = VK_TRUE,
                                                    .depthWriteEnable = VK_TRUE,
                                                    .depthCompareOp = VK_COMPARE_OP_GREATER }; /* near is 1 */
    VkPipelineColorBlendAttachmentState opaque = { .colorWriteMask =
                                                       VK_COLOR_COMPONENT_R_BIT | VK_COLOR_COMPONENT_G_BIT |
                                                       VK_COLOR_COMPONENT_B_BIT | VK_COLOR_COMPONENT_A_BIT };
    VkPipelineColorBlendStateCreateInfo blend = { .sType = VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO,
                                                  .attachmentCount = colours,
                                                  .pAttachments = &opaque };
    VkPipelineDynamicStateCreateInfo dynamic = { .sType = VK_STRUCTURE_TYPE_PIPELINE_DYNAMIC_STATE_CREATE_INFO,
                                                 .dynamicStateCount = 3,
                                                 .pDynamicStates = dynamic_states };
    VkGraphicsPipelineCreateInfo info = { .sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO,
                                          .pNext = &rendering,
                                          .stageCount = stage_count,
                                          .pStages = stages,
                                          .pVertexInputState = &no_input,
                                          .pInputAssemblyState = &assembly,
                                          .pViewportState = &viewport,
                                          .pRasterizationState = &raster,
                                          .pMultisampleState = &samples,
                                          .pDepthStencilState = &depth,
                                          .pColorBlendState = &blend,
                                          .pDynamicState = &dynamic,
                                          .layout = layout };
    VkPipeline pipeline;
    EX_CHECK(vkCreateGraphicsPipelines(ex->device, VK_NULL_HANDLE, 1, &info, NULL, &pipeline));
    return pipeline;
}

void pipelines_create(struct pipelines *pipelines, struct ex *ex) {
    VkPushConstantRange pointer = { .stageFlags = all_stages, .size = sizeof(VkDeviceAddress) };
    VkPipelineLayoutCreateInfo layout_info = { .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                               .pushConstantRangeCount = 1,
                                               .pPushConstantRanges = &pointer };
    EX_CHECK(vkCreatePipelineLayout(ex->device, &layout_info, NULL, &pipelines->layout));
    pipelines->pose = create_compute(ex, pipelines->layout, renderer_pose_spv, sizeof renderer_pose_spv);
    pipelines->cull = create_compute(ex, pipelines->layout, renderer_cull_spv, sizeof renderer_cull_spv);
    VkPipelineShaderStageCreateInfo stages[] = {
        make_stage(ex, VK_SHADER_STAGE_VERTEX_BIT, renderer_mesh_spv, sizeof renderer_mesh_spv),
        make_stage(ex, VK_SHADER_STAGE_FRAGMENT_BIT, renderer_shade_spv, sizeof renderer_shade_spv),
    };
    pipelines->shadow = create_graphics(ex, pipelines->layout, stages, 1);
    pipelines->colour = create_graphics(ex, pipelines->layout, stages, 2);
    vkDestroyShaderModule(ex->device, stages[0].module, NULL);
    vkDestroyShaderModule(ex->device, stages[1].module, NULL);
}

void pipelines_destroy(struct pipelines *pipelines, struct ex *ex) {
    VkPipeline all[4] = { pipelines->pose, pipelines->cull, pipelines->shadow, pipelines->colour };
    for (uint32_t i = 0; i < 4; i++)
        vkDestroyPipeline(ex->device, all[i], NULL);
    vkDestroyPipelineLayout(ex->device, pipelines->layout, NULL);
}

void pipelines_use(const struct pipelines *pipelines, VkCommandBuffer commands, VkPipeline pipeline,
                   VkDeviceAddress view) {
    bool computes = pipeline == pipelines->pose || pipeline == pipelines->cull;
    vkCmdBindPipeline(commands, computes ? VK_PIPELINE_BIND_POINT_COMPUTE : VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
    vkCmdPushConstants(commands, pipelines->layout, all_stages, 0, sizeof view, &view);
}
