/* Reads the command line; see options.h. */
#include "options.h"

#include "render.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: 09_path_tracer [option...]\n"
    "  --size WxH        of the picture, 512x384\n"
    "  --samples N       per pixel, 32\n"
    "  --rounds N        that the samples are rendered and timed in, 8\n"
    "  --bounces N       rays that a path is made of at most, 8\n"
    "  --detail N        of the meshes, 40: some fifty thousand triangles; twice the detail, four times as many\n"
    "  --mesh FILE       an OBJ file whose mesh takes the knot's place\n"
    "  --seed N          of the random numbers, 1\n"
    "  --shuffle         records get their places in memory in random order, the same one for each way\n"
    "  --pointers-only   no offsets and indices: a picture in a third of the time\n"
    "  --staging         upload by copy commands even where memory is mapped\n"
    "  --flip            turn a pointer in GPU memory after the upload: the check must fail\n"
    "  --output FILE     where the picture goes, as PNG\n"
    "  --compare FILE    a PNG that the picture must be like\n"
    "  --tolerance X     root of the mean squared difference that is still alike, of 255; 2";

static uint32_t read_number(const char *text, uint32_t least, uint32_t most) {
    char *end = NULL;
    unsigned long number = text ? strtoul(text, &end, 10) : 0;
    if (!text || end == text || *end != '\0' || number < least || number > most)
        ex_fail("%s\n'%s' is no number from %u to %u", usage, text ? text : "", least, most);
    return (uint32_t)number;
}

static void read_size(const char *text, struct options *options) {
    char *end = NULL;
    unsigned long width = text ? strtoul(text, &end, 10) : 0;
    if (!end || *end != 'x' || width < 8 || width > 8192)
        ex_fail("%s\n'%s' is no size such as 640x480, of 8 to 8192 pixels a side", usage, text ? text : "");
    options->width = (uint32_t)width;
    options->height = read_number(end + 1, 8, 8192);
}

/* An infinite one would be no check: pictures of two sizes are infinitely far apart. */
static double read_tolerance(const char *text) {
    char *end = NULL;
    double number = text ? strtod(text, &end) : -1;
    if (!text || end == text || *end != '\0' || !(number >= 0) || !isfinite(number))
        ex_fail("%s\n'%s' is no tolerance", usage, text ? text : "");
    return number;
}

/* Returns false where the option is none of these. */
static bool read_flag(const char *name, struct options *options) {
    if (strcmp(name, "--shuffle") == 0)
        options->shuffle = true;
    else if (strcmp(name, "--pointers-only") == 0)
        options->pointers_only = true;
    else if (strcmp(name, "--staging") == 0)
        options->staging = true;
    else if (strcmp(name, "--flip") == 0)
        options->flip = true;
    else
        return false;
    return true;
}

static void read_value(const char *name, const char *value, struct options *options) {
    if (strcmp(name, "--size") == 0)
        read_size(value, options);
    else if (strcmp(name, "--samples") == 0)
        options->samples = read_number(value, 1, 1 << 20);
    else if (strcmp(name, "--rounds") == 0)
        options->rounds = read_number(value, 1, MAX_ROUNDS);
    else if (strcmp(name, "--bounces") == 0)
        options->bounces = read_number(value, 1, 64);
    else if (strcmp(name, "--detail") == 0)
        options->detail = read_number(value, 4, 256);
    else if (strcmp(name, "--seed") == 0)
        options->seed = read_number(value, 0, UINT32_MAX);
    else if (strcmp(name, "--mesh") == 0 && value)
        options->mesh = value;
    else if (strcmp(name, "--output") == 0 && value)
        options->output = value;
    else if (strcmp(name, "--compare") == 0 && value)
        options->reference = value;
    else if (strcmp(name, "--tolerance") == 0)
        options->tolerance = read_tolerance(value);
    else
        ex_fail("%s", usage);
}

struct options parse_options(int argc, char **argv) {
    struct options options = {
        .width = 512, .height = 384, .samples = 32, .rounds = 8, .bounces = 8, .detail = 40, .seed = 1, .tolerance = 2
    };
    for (int i = 1; i < argc; i++) {
        if (read_flag(argv[i], &options))
            continue;
        read_value(argv[i], i + 1 < argc ? argv[i + 1] : NULL, &options);
        i++;
    }
    options.rounds = options.rounds < options.samples ? options.rounds : options.samples;
    if (options.flip && options.pointers_only && options.reference == NULL)
        ex_fail("--flip with --pointers-only wants --compare: nothing else would notice");
    return options;
}
