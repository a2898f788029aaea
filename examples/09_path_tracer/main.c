/*
 * 09_path_tracer: a compute shader renders a picture by walking a bounding volume hierarchy of raw pointers, and
 * renders it again with indices into one storage buffer, so that what pointers cost or gain is measured.
 *
 *     09_path_tracer [--size WxH] [--samples N] [--output picture.png] [--compare reference.png] ...
 *
 * Each node, leaf, surface and material is an allocation of its own, and links to others by device address; one pointer
 * in the push constants leads to them all. Beside it stand the same bytes in one storage buffer, read by index, and in
 * between, read by 32-bit offsets from one pointer. One shader source is compiled for all three, and they take turns,
 * round by round. Their pictures must be the same, and like the reference, where one is given. options.c lists the
 * options.
 */
#include "develop.h"
#include "options.h"
#include "render.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const way_names[WAYS] = { "pointers", "offsets", "indices" };

static BdaAllocator create_allocator(struct ex *ex) {
    BdaAllocatorInfo info = ex_allocator_info(ex);
    BdaAllocator allocator;
    EX_CHECK(bda_create_allocator(&info, &allocator));
    ex_use_checks(ex, allocator);
    return allocator;
}

/* ---- Memory --------------------------------------------------------------------------------------------------- */

/* In which order the records get their places: as they are numbered, or as they come after a shuffle. */
static uint32_t *make_order(uint32_t count, bool shuffle) {
    uint32_t *order = malloc(count * sizeof *order);
    if (!order)
        ex_fail("out of memory");
    for (uint32_t i = 0; i < count; i++)
        order[i] = i;
    uint64_t random = 1;
    for (uint32_t i = count - 1; shuffle && i > 0; i--) { /* Fisher and Yates, 1938 */
        random = random * 6364136223846793005u + 1442695040888963407u;
        uint32_t k = (uint32_t)((random >> 32) * (i + 1) >> 32), other = order[k];
        order[k] = order[i];
        order[i] = other;
    }
    return order;
}

static void report_memory(BdaAllocator allocator, const struct world *pointers) {
    BdaStats stats = { .next = NULL };
    EX_CHECK(bda_get_stats(allocator, &stats));
    printf("memory     %u allocations of %" PRIu64 " bytes in one call: %.1f ms, %.0f ns each\n", pointers->count,
           pointers->bytes, pointers->allocate_seconds * 1e3, pointers->allocate_seconds / pointers->count * 1e9);
    printf("live       %" PRIu64 " allocations of %" PRIu64 " bytes in %" PRIu64 " blocks of %" PRIu64
           " bytes (bda_get_stats)\n",
           stats.total.allocation_count, stats.total.used, stats.total.block_count, stats.total.reserved);
}

/* ---- The measurement ------------------------------------------------------------------------------------------ */

static uint32_t samples_of_round(const struct options *options, uint32_t round) {
    uint64_t samples = options->samples, rounds = options->rounds;
    return (uint32_t)(samples * (round + 1) / rounds - samples * round / rounds);
}

/* The ways take turns, and turns about who begins. */
static void render_all(const struct options *options, struct renderer *renderers, uint32_t ways) {
    for (uint32_t round = 0; round < options->rounds; round++)
        for (uint32_t turn = 0; turn < ways; turn++)
            render_round(&renderers[(round + turn) % ways], samples_of_round(options, round));
}

static uint64_t count_rays(const float *sums, size_t pixels) {
    double rays = 0;
    for (size_t i = 0; i < pixels; i++)
        rays += (double)sums[4 * i + 3];
    return (uint64_t)rays;
}

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts them. */
static double middle(double *values, uint32_t count) {
    qsort(values, count, sizeof *values, compare_doubles);
    return count % 2 ? values[count / 2] : 0.5 * (values[count / 2 - 1] + values[count / 2]);
}

/* Million rays a second, by the median of the rounds; a round has its samples' share of the rays. */
static double report_speed(const struct options *options, const struct renderer *renderer, const char *name,
                           uint64_t rays) {
    double speeds[MAX_ROUNDS];
    for (uint32_t i = 0; i < renderer->rounds; i++)
        speeds[i] = (double)rays * samples_of_round(options, i) / options->samples / renderer->seconds[i] * 1e-6;
    double median = middle(speeds, renderer->rounds);
    printf("%-10s %.4g Mrays/s (median; %.4g to %.4g in %u rounds)\n", name, median, speeds[0],
           speeds[renderer->rounds - 1], renderer->rounds);
    return median;
}

/* All ways do the same work in a round, so they are compared round by round. */
static double find_ratio(const struct renderer *renderer, const struct renderer *other) {
    double ratios[MAX_ROUNDS];
    for (uint32_t i = 0; i < renderer->rounds; i++)
        ratios[i] = other->seconds[i] / renderer->seconds[i];
    return middle(ratios, renderer->rounds);
}

/* The last line is a row of the table in docs/performance.md. */
static void report_speeds(const struct options *options, const struct renderer *renderers, uint32_t ways,
                          const float *sums, uint32_t triangle_count) {
    double speeds[WAYS];
    uint64_t rays = count_rays(sums, (size_t)options->width * options->height);
    printf("rays       %" PRIu64 ", %.2f for each of %u samples of %ux%u pixels; timed by %s\n", rays,
           (double)rays / options->samples / options->width / options->height, options->samples, options->width,
           options->height, renderers->timestamps ? "GPU timestamps" : "the CPU's clock");
    for (uint32_t way = 0; way < ways; way++)
        speeds[way] = report_speed(options, &renderers[way], way_names[way], rays);
    if (ways == WAYS)
        printf("| %s | %u | %s | %.4g | %.4g | %.4g | %.3f | %.3f |\n", renderers->ex->properties.deviceName,
               triangle_count, options->shuffle ? "shuffled" : "in order", speeds[BY_POINTER], speeds[BY_OFFSET],
               speeds[BY_INDEX], find_ratio(&renderers[BY_POINTER], &renderers[BY_INDEX]),
               find_ratio(&renderers[BY_OFFSET], &renderers[BY_INDEX]));
}

/* ---- The check ------------------------------------------------------------------------------------------------ */

static struct image develop(const struct options *options, const float *sums) {
    return develop_image(sums, options->width, options->height, options->samples);
}

/* Not to the bit: a compiler may round the ways' arithmetic differently, and a path that turns elsewhere gives another
 * sample. */
static bool check_same(const struct options *options, const float *a, const float *b, const char *name) {
    size_t pixels = (size_t)options->width * options->height, different = 0;
    for (size_t i = 0; i < 4 * pixels; i += 4)
        different += a[i] != b[i] || a[i + 1] != b[i + 1] || a[i + 2] != b[i + 2] || a[i + 3] != b[i + 3];
    struct image x = develop(options, a), y = develop(options, b);
    double difference = image_compare(&x, &y).root_mean_square;
    bool same = difference <= options->tolerance;
    printf("%s   pointers and %s differ in %zu of %zu pixels, by %.3f of 255; %g is allowed\n",
           same ? "proved  " : "mismatch", name, different, pixels, difference, options->tolerance);
    image_free(&x);
    image_free(&y);
    return same;
}

static bool check_reference(const struct options *options, const struct image *image) {
    struct image reference;
    if (!image_read_png(options->reference, &reference))
        return false;
    double difference = image_compare(image, &reference).root_mean_square;
    bool like = difference <= options->tolerance;
    printf("%s   the picture differs from %s by %.3f of 255; %g is allowed\n", like ? "proved  " : "mismatch",
           options->reference, difference, options->tolerance);
    image_free(&reference);
    return like;
}

static bool show_and_check(const struct options *options, float *const *sums, uint32_t ways) {
    bool passed = true;
    for (uint32_t way = BY_POINTER + 1; way < ways; way++)
        passed = check_same(options, sums[BY_POINTER], sums[way], way_names[way]) && passed;
    struct image image = develop(options, sums[BY_POINTER]);
    if (options->output) {
        bool written = image_write_png(options->output, &image);
        if (written)
            printf("picture    %s\n", options->output);
        passed = written && passed;
    }
    if (options->reference)
        passed = check_reference(options, &image) && passed;
    image_free(&image);
    return passed;
}

/* ---- All of it ------------------------------------------------------------------------------------------------ */

/* Renders in so many ways, the first of which is by pointers, and returns whether the pictures are right. */
static bool render(const struct options *options, const struct records *records, const struct world *worlds,
                   uint32_t ways, struct upload *upload) {
    struct picture_info info = { options->width, options->height, options->seed, options->bounces };
    struct renderer renderers[WAYS];
    float *sums[WAYS];
    for (uint32_t way = 0; way < ways; way++)
        start_renderer(&renderers[way], (enum way)way, &worlds[way != BY_POINTER], records->scene, info, upload);
    render_all(options, renderers, ways);
    for (uint32_t way = 0; way < ways; way++)
        sums[way] = read_picture(&renderers[way]);
    report_speeds(options, renderers, ways, sums[BY_POINTER], records->scene->triangle_count);
    bool passed = show_and_check(options, sums, ways);
    for (uint32_t way = 0; way < ways; way++) {
        free(sums[way]);
        stop_renderer(&renderers[way]);
    }
    return passed;
}

static bool place_and_render(const struct options *options, const struct records *records, struct upload *upload) {
    struct world worlds[2]; /* by pointers, by indices */
    uint32_t *order = make_order(records->count, options->shuffle);
    place_by_pointers(&worlds[0], records, order, upload);
    report_memory(upload->allocator, &worlds[0]);
    if (options->flip)
        flip_pointer(&worlds[0], records, upload);
    if (!options->pointers_only)
        place_by_indices(&worlds[1], records, order, upload);
    bool passed = render(options, records, worlds, options->pointers_only ? 1 : WAYS, upload);
    free_world(&worlds[0]);
    if (!options->pointers_only)
        free_world(&worlds[1]);
    free(order);
    return passed;
}

int main(int argc, char **argv) {
    struct options options = parse_options(argc, argv);
    struct ex ex;
    ex_start(&ex, "09_path_tracer: a shader renders by walking a tree of raw pointers", 0);
    struct scene scene;
    struct bvh bvh;
    scene_build(&scene, options.detail, options.mesh);
    double before = ex_seconds();
    bvh_build(&bvh, &scene);
    printf("scene      %u triangles; a tree of %u nodes and %u leaves, %u deep, built in %.0f ms\n",
           scene.triangle_count, bvh.node_count, bvh.leaf_count, bvh.depth, (ex_seconds() - before) * 1e3);

    BdaAllocator allocator = create_allocator(&ex);
    struct upload upload = { .ex = &ex, .allocator = allocator, .always_stage = options.staging };
    struct records records = make_records(&scene, &bvh);
    bool passed = place_and_render(&options, &records, &upload);
    ex_report_checks(&ex, allocator);
    EX_CHECK(bda_destroy_allocator(allocator)); /* VK_INCOMPLETE if one of them were still live */
    bvh_free(&bvh);
    scene_free(&scene);
    return ex_finish(&ex, passed);
}
