/* From light to bytes, see develop.h. */
#include "develop.h"

#include "example.h"

#include <math.h>
#include <stdlib.h>

/* Linear at first and never quite white, as film is; then sRGB's curve. What is no number becomes black. */
static uint8_t develop(float light) {
    float exposed = light > 0 ? 1 - expf(-1.2f * light) : 0;
    float curved = exposed <= 0.0031308f ? 12.92f * exposed : 1.055f * powf(exposed, 1 / 2.4f) - 0.055f;
    return (uint8_t)(curved * 255 + 0.5f);
}

struct image develop_image(const float *sums, uint32_t width, uint32_t height, uint32_t samples) {
    struct image image = { width, height, malloc((size_t)width * height * 4) };
    if (!image.pixels)
        ex_fail("out of memory");
    for (size_t i = 0; i < (size_t)width * height * 4; i++)
        image.pixels[i] = i % 4 == 3 ? 255 : develop(sums[i] / (float)samples);
    return image;
}
