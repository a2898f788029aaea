/* A picture of 8 bits per channel: made from what was rendered, kept as PNG, and compared. */
#ifndef EXAMPLES_IMAGE_H
#define EXAMPLES_IMAGE_H

#include <stdint.h>

struct image {
    uint32_t width;
    uint32_t height;
    uint8_t *pixels; /* red, green, blue, from the top left on */
};

/* `sums` has four floats per pixel: the sum of so many samples' light, and one more that is left alone. */
struct image develop_image(const float *sums, uint32_t width, uint32_t height, uint32_t samples);

/* Both end the program when the file cannot be written or read. */
void write_png(const struct image *image, const char *path);
struct image read_png(const char *path);

/* The root of the mean squared difference, in steps of which white has 255; ends the program when the sizes differ. */
double image_difference(const struct image *a, const struct image *b);

/* Zeros what is freed. */
void free_image(struct image *image);

#endif
