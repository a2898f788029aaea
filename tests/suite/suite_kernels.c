/* See kernels.h. The shaders are compiled by glslangValidator at build time. */
#include "kernels.h"

#include "work.h"

#include <shaders/bound.h>
#include <shaders/chase.h>
#include <shaders/checked.h>
#include <shaders/checked_uvec2.h>
#include <shaders/checksum.h>
#include <shaders/fill.h>
#include <shaders/transform.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
    const uint32_t *code;
    size_t size;
} codes[SUITE_KERNEL_COUNT] = {
    [SUITE_TRANSFORM] = { suite_transform_spv, sizeof suite_transform_spv },
    [SUITE_FILL] = { suite_fill_spv, sizeof suite_fill_spv },
    [SUITE_CHECKSUM] = { suite_checksum_spv, sizeof suite_checksum_spv },
    [SUITE_CHASE] = { suite_chase_spv, sizeof suite_chase_spv },
    [SUITE_BOUND] = { suite_bound_spv, sizeof suite_bound_spv },
    [SUITE_CHECKED] = { suite_checked_spv, sizeof suite_checked_spv },
    [SUITE_CHECKED_UVEC2] = { suite_checked_uvec2_spv, sizeof suite_checked_uvec2_spv },
};

static void check(VkResult result, const char *what) {
    if (result == VK_SUCCESS)
        return;
    fprintf(stderr, "%s: VkResult %d\n", what, (int)result);
    exit(EXIT_FAILURE);
}

static void create_layouts(struct suite *s) {
    const VkDescriptorSetLayoutBinding bindings[] = {
        { .binding = 0,
          .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
          .descriptorCount = 1,
          .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT },
        { .binding = 1,
          .descriptorType = VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER,
          .descriptorCount = 1,
          .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT },
    };
    const VkDescriptorSetLayoutCreateInfo set_info = { .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
                                                       .bindingCount = SUITE_COUNT(bindings),
                                                       .pBindings = bindings };
    check(vkCreateDescriptorSetLayout(s->device, &set_info, NULL, &s->set_layout), "vkCreateDescriptorSetLayout");
    const VkPushConstantRange push = { VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof(struct suite_push) };
    const VkPipelineLayoutCreateInfo info = { .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                              .setLayoutCount = 1,
                                              .pSetLayouts = &s->set_layout,
                                              .pushConstantRangeCount = 1,
                                              .pPushConstantRanges = &push };
    check(vkCreatePipelineLayout(s->device, &info, NULL, &s->layout), "vkCreatePipelineLayout");
}

static void create_kernel(struct suite *s, int kernel) {
    const VkShaderModuleCreateInfo module_info = { .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
                                                   .codeSize = codes[kernel].size,
                                                   .pCode = codes[kernel].code };
    VkShaderModule module = VK_NULL_HANDLE;
    check(vkCreateShaderModule(s->device, &module_info, NULL, &module), "vkCreateShaderModule");
    const VkComputePipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .stage = { .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                   .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                   .module = module,
                   .pName = "main" },
        .layout = s->layout,
    };
    check(vkCreateComputePipelines(s->device, VK_NULL_HANDLE, 1, &info, NULL, &s->kernels[kernel]),
          "vkCreateComputePipelines");
    vkDestroyShaderModule(s->device, module, NULL);
}

void suite_create_kernels(struct suite *s) {
    create_layouts(s);
    for (int i = 0; i < SUITE_KERNEL_COUNT; i++)
        create_kernel(s, i);
}

void suite_destroy_kernels(struct suite *s) {
    for (int i = 0; i < SUITE_KERNEL_COUNT; i++)
        vkDestroyPipeline(s->device, s->kernels[i], NULL);
    vkDestroyPipelineLayout(s->device, s->layout, NULL);
    vkDestroyDescriptorSetLayout(s->device, s->set_layout, NULL);
}
