/* From rendered light to a picture. */
#ifndef EXAMPLES_PATH_TRACER_DEVELOP_H
#define EXAMPLES_PATH_TRACER_DEVELOP_H

#include "image.h"

/* `sums` has four floats per pixel: the sum of so many samples' light, and one more that is left alone. To be freed
 * with image_free. */
struct image develop_image(const float *sums, uint32_t width, uint32_t height, uint32_t samples);

#endif
