/*
 * Pictures: writing and reading PNG files, through libpng, and comparing two.
 */
#ifndef EXAMPLES_IMAGE_H
#define EXAMPLES_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

/* Rows from the top, four bytes a pixel: red, green, blue, alpha, as sRGB. */
struct image {
    uint32_t width, height;
    uint8_t *pixels;
};

/* False, with a message on stderr, when the file cannot be written or read. image_read_png allocates the pixels;
 * image_free frees them. */
bool image_write_png(const char *path, const struct image *image);
bool image_read_png(const char *path, struct image *image);
void image_free(struct image *image);

/* How far two pictures of one size are apart, in steps of 255; alpha does not count. */
struct image_difference {
    double mean;             /* of all channels of all pixels */
    double root_mean_square; /* the same, but a pixel that is far off counts for many that are hardly off */
    /* The largest difference between the means of two tiles of 8 by 8 pixels. Drivers place edges a little differently,
     * which changes single pixels a lot and a tile hardly; what is missing or misplaced changes a tile. */
    double worst_tile;
    uint32_t tile_x, tile_y; /* where that is, in pixels */
};
struct image_difference image_compare(const struct image *a, const struct image *b);

#endif
