/* Implements image.h, by libpng's simplified interface. */
#include "image.h"

#include <errno.h>
#include <math.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHANNELS = 4, TILE = 8 };

static bool complain(const char *path, const png_image *png) {
    fprintf(stderr, "%s: %s\n", path, png->message);
    return false;
}

/* Into a file that is opened here: libpng removes one that it cannot write to, whatever that is. */
static bool write_rgb(const char *path, png_image *png, const uint8_t *rgb) {
    FILE *file = fopen(path, "wb");
    if (!file) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return false;
    }
    bool written = png_image_write_to_stdio(png, file, 0, rgb, 0, NULL) || complain(path, png);
    if (fclose(file) != 0 && written) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        written = false;
    }
    return written;
}

/* Alpha is left out of the file: nothing here is transparent. */
bool image_write_png(const char *path, const struct image *image) {
    size_t pixels = (size_t)image->width * image->height;
    uint8_t *rgb = malloc(3 * pixels);
    if (!rgb) {
        fprintf(stderr, "%s: out of memory\n", path);
        return false;
    }
    for (size_t i = 0; i < pixels; i++)
        memcpy(rgb + 3 * i, image->pixels + CHANNELS * i, 3);
    png_image png = {
        .version = PNG_IMAGE_VERSION, .width = image->width, .height = image->height, .format = PNG_FORMAT_RGB
    };
    bool written = write_rgb(path, &png, rgb);
    free(rgb);
    return written;
}

bool image_read_png(const char *path, struct image *image) {
    *image = (struct image){ .pixels = NULL };
    png_image png = { .version = PNG_IMAGE_VERSION };
    if (!png_image_begin_read_from_file(&png, path))
        return complain(path, &png);
    png.format = PNG_FORMAT_RGBA;
    uint8_t *pixels = malloc(PNG_IMAGE_SIZE(png));
    if (!pixels || !png_image_finish_read(&png, NULL, pixels, 0, NULL)) {
        png_image_free(&png);
        free(pixels);
        return complain(path, &png);
    }
    *image = (struct image){ png.width, png.height, pixels };
    return true;
}

void image_free(struct image *image) {
    free(image->pixels);
    *image = (struct image){ .pixels = NULL };
}

static uint32_t least(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

/* Sums over all channels. */
struct sums {
    double absolute, squares;
};

/* The difference of the means of one tile, the most of its channels; adds all differences to `sums`. */
static double compare_tile(const struct image *a, const struct image *b, uint32_t left, uint32_t top,
                           struct sums *sums) {
    int apart[3] = { 0, 0, 0 };
    uint32_t right = least(left + TILE, a->width), bottom = least(top + TILE, a->height);
    for (uint32_t y = top; y < bottom; y++)
        for (uint32_t x = left; x < right; x++)
            for (int k = 0; k < 3; k++) {
                size_t i = CHANNELS * ((size_t)y * a->width + x) + (size_t)k;
                int difference = a->pixels[i] - b->pixels[i];
                apart[k] += difference;
                sums->absolute += abs(difference);
                sums->squares += (double)difference * difference;
            }
    int worst = 0;
    for (int k = 0; k < 3; k++)
        worst = abs(apart[k]) > worst ? abs(apart[k]) : worst;
    return (double)worst / ((double)(right - left) * (bottom - top));
}

struct image_difference image_compare(const struct image *a, const struct image *b) {
    struct image_difference result = { .mean = 0.0 };
    if (a->width != b->width || a->height != b->height || a->width == 0 || a->height == 0)
        return (struct image_difference){ .mean = INFINITY, .root_mean_square = INFINITY, .worst_tile = INFINITY };
    struct sums sums = { 0.0, 0.0 };
    for (uint32_t y = 0; y < a->height; y += TILE)
        for (uint32_t x = 0; x < a->width; x += TILE) {
            double apart = compare_tile(a, b, x, y, &sums);
            if (apart > result.worst_tile)
                result = (struct image_difference){ .worst_tile = apart, .tile_x = x, .tile_y = y };
        }
    result.mean = sums.absolute / (3.0 * a->width * a->height);
    result.root_mean_square = sqrt(sums.squares / (3.0 * a->width * a->height));
    return result;
}
