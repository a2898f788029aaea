/*
 * The four pipelines. All share one layout: a push constant that holds one pointer. There are no descriptors and no
 * vertex input, since shaders fetch what they want.
 */
#ifndef EXAMPLES_PIPELINES_H
#define EXAMPLES_PIPELINES_H

#include "example.h"

struct pipelines {
    VkPipelineLayout layout;
    VkPipeline pose, cull;     /* compute */
    VkPipeline shadow, colour; /* graphics, for targets.h */
};

void pipelines_create(struct pipelines *pipelines, struct ex *ex);
void pipelines_destroy(struct pipelines *pipelines, struct ex *ex);

/* Binds a pipeline and hands it the pointer. */
void pipelines_use(const struct pipelines *pipelines, VkCommandBuffer commands, VkPipeline pipeline,
                   VkDeviceAddress view);

#endif
