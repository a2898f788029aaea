/* From light to bytes, and PNG files through libpng; see image.h. */
#include "image.h"

#include "example.h"

#include <math.h>
#include <png.h>
#include <stdlib.h>

static struct image make_image(uint32_t width, uint32_t height) {
    struct image image = { width, height, calloc((size_t)width * height, 3) };
    if (!image.pixels)
        ex_fail("out of memory");
    return image;
}

/* Linear at first and never quite white, as film is; then sRGB's curve. What is no number becomes black. */
static uint8_t develop(float light) {
    float exposed = light > 0 ? 1 - expf(-1.2f * light) : 0;
    float curved = exposed <= 0.0031308f ? 12.92f * exposed : 1.055f * powf(exposed, 1 / 2.4f) - 0.055f;
    return (uint8_t)(curved * 255 + 0.5f);
}

struct image develop_image(const float *sums, uint32_t width, uint32_t height, uint32_t samples) {
    struct image image = make_image(width, height);
    for (size_t i = 0; i < (size_t)width * height; i++)
        for (size_t channel = 0; channel < 3; channel++)
            image.pixels[3 * i + channel] = develop(sums[4 * i + channel] / (float)samples);
    return image;
}

void write_png(const struct image *image, const char *path) {
    png_image png = {
        .version = PNG_IMAGE_VERSION, .width = image->width, .height = image->height, .format = PNG_FORMAT_RGB
    };
    if (!png_image_write_to_file(&png, path, 0, image->pixels, 0, NULL))
        ex_fail("cannot write %s: %s", path, png.message);
}

struct image read_png(const char *path) {
    png_image png = { .version = PNG_IMAGE_VERSION };
    if (!png_image_begin_read_from_file(&png, path))
        ex_fail("cannot read %s: %s", path, png.message);
    png.format = PNG_FORMAT_RGB;
    struct image image = make_image(png.width, png.height);
    if (!png_image_finish_read(&png, NULL, image.pixels, 0, NULL))
        ex_fail("cannot read %s: %s", path, png.message);
    return image;
}

double image_difference(const struct image *a, const struct image *b) {
    if (a->width != b->width || a->height != b->height)
        ex_fail("a picture of %ux%u cannot be compared with one of %ux%u", a->width, a->height, b->width, b->height);
    size_t count = (size_t)a->width * a->height * 3;
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        double difference = (double)a->pixels[i] - (double)b->pixels[i];
        sum += difference * difference;
    }
    return sqrt(sum / (double)count);
}

void free_image(struct image *image) {
    free(image->pixels);
    *image = (struct image){ 0, 0, NULL };
}
