/* What the command line asks for. */
#ifndef EXAMPLES_OPTIONS_H
#define EXAMPLES_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct options {
    uint32_t width;
    uint32_t height;
    uint32_t samples; /* per pixel */
    uint32_t rounds;  /* that they are rendered and timed in */
    uint32_t bounces;
    uint32_t detail;
    uint32_t seed;
    bool shuffle;       /* records get their places in random order */
    bool pointers_only; /* for a picture alone, in a third of the time */
    bool staging;       /* upload by copy commands even where memory is mapped */
    bool flip;          /* turn a pointer after the upload, which must be noticed */
    const char *mesh;
    const char *output;
    const char *reference;
    double tolerance; /* of image_difference */
};

/* Ends the program with a list of the options where it does not understand. */
struct options parse_options(int argc, char **argv);

#endif
