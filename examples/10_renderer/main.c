/*
 * 10_renderer: a picture drawn from raw pointers.
 *
 * Meshes, materials, instances and a scene graph lie in the library's memory and point at each other. Each shader is
 * handed one pointer, in a push constant, and reaches everything from it: a compute pass walks the scene graph, another
 * culls and writes the indirect draws, vertices are fetched through pointers, and so is the shadow map. No descriptor
 * set, no vertex buffer and no index buffer is bound. What changes from frame to frame comes from arenas that are reset
 * with a timeline's value, so the CPU is up to three frames ahead of the GPU and never waits for memory.
 *
 *     10_renderer [--output picture.png] [--frames 8] [--size 1280x720] [--instances 1500] [--model file] [--window]
 *                 [--compare reference.png] [--tolerance 4] [--dump heap]
 *
 * The picture is the last frame's. The program checks it: the GPU must have kept as many instances as the CPU does when
 * it culls, the picture must not be blank, and with --compare it must look like the reference. --dump writes what is in
 * the heap to heap-001.json and so on, 24 times at most, for bda_view: the first frame's and then one at even steps,
 * which are 60 frames in a window without --frames.
 */
#include "image.h"
#include "renderer.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DUMPS_MOST = 24, WINDOW_FRAMES_PER_DUMP = 60 };

static const uint32_t endless = UINT32_MAX; /* frames of a window that is there until it is closed */

struct options {
    const char *output, *compare, *model, *dump;
    uint32_t frames, instances;
    VkExtent2D size;
    double tolerance; /* of the mean of a tile of 8 by 8 pixels, in steps of 255 */
    bool window;
};

/* ---- Options ----------------------------------------------------------------------------------------------------- */

static uint32_t read_number(const char *option, const char *text, uint32_t least, uint32_t most) {
    char *end = NULL;
    unsigned long number = text ? strtoul(text, &end, 10) : 0;
    if (!text || *text == '\0' || *end != '\0' || number < least || number > most)
        ex_fail("%s wants a number from %u to %u", option, least, most);
    return (uint32_t)number;
}

static VkExtent2D read_size(const char *text) {
    char *end = NULL;
    unsigned long width = text ? strtoul(text, &end, 10) : 0;
    unsigned long height = end && *end == 'x' ? strtoul(end + 1, &end, 10) : 0;
    if (width < 16 || height < 16 || width > 8192 || height > 8192 || *end != '\0')
        ex_fail("--size wants <width>x<height>, each from 16 to 8192");
    return (VkExtent2D){ (uint32_t)width, (uint32_t)height };
}

/* An infinite one would be no check: pictures of two sizes are infinitely far apart. */
static double read_tolerance(const char *text) {
    char *end = NULL;
    double number = text ? strtod(text, &end) : -1;
    if (!text || end == text || *end != '\0' || !(number >= 0) || !isfinite(number))
        ex_fail("--tolerance wants a finite number from 0 on");
    return number;
}

static struct options read_options(int count, char **words) {
    struct options options = { .instances = 1500, .size = { 1280, 720 }, .tolerance = 4.0 };
    for (int i = 1; i < count; i++) {
        const char *word = words[i], *value = i + 1 < count ? words[i + 1] : NULL;
        if (strcmp(word, "--window") == 0) {
            options.window = true;
            continue;
        }
        i++;
        if (strcmp(word, "--output") == 0 && value)
            options.output = value;
        else if (strcmp(word, "--compare") == 0 && value)
            options.compare = value;
        else if (strcmp(word, "--model") == 0 && value)
            options.model = value;
        else if (strcmp(word, "--dump") == 0 && value)
            options.dump = value;
        else if (strcmp(word, "--frames") == 0)
            options.frames = read_number(word, value, 1, 1000000);
        else if (strcmp(word, "--instances") == 0)
            options.instances = read_number(word, value, 1, 1000000);
        else if (strcmp(word, "--size") == 0)
            options.size = read_size(value);
        else if (strcmp(word, "--tolerance") == 0)
            options.tolerance = read_tolerance(value);
        else
            ex_fail("usage: 10_renderer [--output picture.png] [--frames n] [--size 1280x720] [--instances n]\n"
                    "                   [--model file] [--window] [--compare reference.png] [--tolerance steps]\n"
                    "                   [--dump prefix]");
    }
    return options;
}

/* ---- Checks ------------------------------------------------------------------------------------------------------ */

/* What the GPU kept of the last frame, beside what the CPU would keep of it. */
static bool check_culling(const struct renderer *renderer, uint64_t last) {
    static const char *const names[VIEWS] = { "camera", "sun" };
    const struct scene *scene = renderer->scene;
    struct affine *worlds = calloc(scene->node_count, sizeof *worlds);
    if (!worlds)
        ex_fail("out of memory");
    float seconds = renderer_seconds(last);
    scene_find_worlds(scene, seconds, worlds);
    bool right = true;
    for (int view = 0; view < VIEWS; view++) {
        struct mat4 clip = renderer_clip(renderer, (enum view)view, seconds);
        struct frustum frustum = frustum_of(&clip);
        struct cull_count count = scene_count_visible(scene, worlds, &frustum);
        const struct view_report *report = &renderer->last[view];
        bool agrees = report->instances >= count.least && report->instances <= count.most;
        printf("culled     for the %s the GPU kept %" PRIu64 " of %u instances, in %" PRIu64 " draws of %" PRIu64
               " triangles; the CPU keeps %u to %u%s\n",
               names[view], report->instances, scene->instance_count, report->draws, report->triangles, count.least,
               count.most, agrees ? "" : ": they DIFFER");
        right = right && agrees;
    }
    free(worlds);
    return right;
}

/* A blank picture has one colour, or few. */
static bool check_not_blank(const struct image *image) {
    uint8_t seen[4096 / 8] = { 0 };
    uint32_t colours = 0;
    for (size_t i = 0; i < (size_t)image->width * image->height; i++) {
        const uint8_t *pixel = image->pixels + 4 * i;
        unsigned colour = (unsigned)(pixel[0] >> 4) << 8 | (unsigned)(pixel[1] >> 4) << 4 | (unsigned)(pixel[2] >> 4);
        colours += !(seen[colour / 8] >> colour % 8 & 1);
        seen[colour / 8] = (uint8_t)(seen[colour / 8] | 1u << colour % 8);
    }
    printf("picture    %u x %u, %u of 4096 colours%s\n", image->width, image->height, colours,
           colours < 16 ? ": it is BLANK" : "");
    return colours >= 16;
}

static bool check_reference(const struct image *image, const char *path, double tolerance) {
    struct image reference;
    if (!image_read_png(path, &reference))
        return false;
    struct image_difference difference = image_compare(image, &reference);
    image_free(&reference);
    bool alike = difference.worst_tile <= tolerance;
    printf("compared   mean difference %.3f of 255, worst tile %.2f at %u,%u, tolerance %.2f%s\n", difference.mean,
           difference.worst_tile, difference.tile_x, difference.tile_y, tolerance, alike ? "" : ": too DIFFERENT");
    return alike;
}

static bool check_picture(const struct renderer *renderer, const struct options *options) {
    EX_CHECK(bda_invalidate(renderer->allocator, renderer->picture.handle, 0, VK_WHOLE_SIZE));
    struct image image = { options->size.width, options->size.height, renderer->picture.mapped };
    bool passed = check_not_blank(&image);
    if (options->output)
        passed = image_write_png(options->output, &image) && passed;
    if (options->compare)
        passed = check_reference(&image, options->compare, options->tolerance) && passed;
    return passed;
}

/* ---- Statistics -------------------------------------------------------------------------------------------------- */

static void print_arena(const char *name, BdaArena arena) {
    BdaArenaStats stats = { .next = NULL };
    EX_CHECK(bda_get_arena_stats(arena, &stats));
    printf("arena      %s: %" PRIu64 " pieces of %" PRIu64 " chunks in %" PRIu64 " frames, at most %" PRIu64
           " KiB a frame\n",
           name, stats.total_pieces, stats.total_chunks, stats.reset_count, stats.most_used >> 10);
}

/* What an overlay would show every frame: names count themselves under these, peaks included. */
static const char *const counted[] = { "mesh/", "material/", "scene/", "frame/", "load/" };

enum { COUNTED = sizeof counted / sizeof *counted };

static void print_names(BdaAllocator allocator) {
    BdaCountedPrefix prefixes[COUNTED];
    uint32_t count = COUNTED;
    EX_CHECK(bda_get_counted_prefixes(allocator, &count, prefixes));
    for (uint32_t i = 0; i < count; i++)
        printf("names      %-9s %6.1f KiB in %" PRIu64 " allocations; at most %.1f KiB, in frame %" PRIu64 "\n",
               prefixes[i].prefix, (double)prefixes[i].used / 1024, prefixes[i].allocation_count,
               (double)prefixes[i].peak_used.bytes / 1024, prefixes[i].peak_used.frame);
}

static void print_statistics(const struct renderer *renderer, double seconds) {
    BdaStats stats = { .next = NULL };
    EX_CHECK(bda_get_stats(renderer->allocator, &stats));
    uint64_t frames = renderer->reported;
    printf("frames     %" PRIu64
           " in %.3f s: %.1f a second, %.3f ms each, %.3f ms of it to fill and record; %.2f million "
           "triangles a second\n",
           frames, seconds, (double)frames / seconds, 1e3 * seconds / (double)frames,
           1e3 * renderer->recording / (double)frames, 1e-6 * (double)renderer->triangles / seconds);
    print_arena("frame/uploads", renderer->uploads);
    print_arena("frame/scratch", renderer->scratch);
    print_names(renderer->allocator);
    for (uint32_t i = 0; i < stats.heap_count; i++) {
        const BdaUse *use = &stats.heaps[i].use;
        if (use->block_count > 0)
            printf("heap %u     %" PRIu64 " blocks, %" PRIu64 " KiB; %" PRIu64 " allocations, %" PRIu64
                   " KiB; pending %" PRIu64 "; images beside them %" PRIu64 " KiB\n",
                   i, use->block_count, use->reserved >> 10, use->allocation_count, use->used >> 10, use->pending_count,
                   stats.heaps[i].external >> 10);
    }
}

/* ---- The program ------------------------------------------------------------------------------------------------- */

static BdaAllocator create_allocator(struct ex *ex) {
    BdaAllocatorInfo info = ex_allocator_info(ex);
    BdaAllocator allocator;
    info.prefix_count = COUNTED;
    info.prefixes = counted;
    EX_CHECK(bda_create_allocator(&info, &allocator));
    ex_use_checks(ex, allocator);
    return allocator;
}

/* A dump of every frame, or so seldom that there are no more than DUMPS_MOST. The first frame's is always one of them:
 * nobody knows when a window is closed. */
static void dump_now_and_then(const struct renderer *renderer, const struct options *options, uint64_t frame) {
    uint64_t every = ((uint64_t)options->frames + DUMPS_MOST - 1) / DUMPS_MOST;
    if (options->frames == endless)
        every = WINDOW_FRAMES_PER_DUMP;
    uint64_t number = 1 + (frame - 1) / every;
    if (!options->dump || (frame - 1) % every != 0 || number > DUMPS_MOST)
        return;
    char label[64];
    snprintf(label, sizeof label, "10_renderer, frame %" PRIu64, frame);
    ex_dump_heap(renderer->ex, renderer->allocator, options->dump, number, label);
}

/* Draws all frames; the number of the last one, which is smaller than asked for when the window was closed. */
static uint64_t draw_frames(struct renderer *renderer, const struct options *options) {
    uint32_t frames = options->frames;
    uint64_t number = 0;
    bool open = true;
    while (open && number < frames) {
        number++;
        open = !renderer->window || window_poll(renderer->window);
        renderer_draw(renderer, number, !open || number == frames);
        dump_now_and_then(renderer, options, number);
    }
    renderer_finish(renderer);
    return number;
}

static bool run(struct ex *ex, const struct scene *scene, const struct options *options, struct window *window) {
    static struct renderer renderer;
    BdaAllocator allocator = create_allocator(ex);
    bda_set_frame(allocator, 1); /* what is loaded is there from the first frame on */
    renderer_create(&renderer, ex, allocator, scene, options->size, window);
    printf("scene      %u meshes, %u materials, %u nodes of which %u move, %u instances, %u lights: %" PRIu64 " KiB\n",
           scene->mesh_count, scene->material_count, scene->node_count, scene->motion_count, scene->instance_count,
           scene->light_count, renderer.world.bytes >> 10);
    double start = ex_seconds();
    uint64_t last = draw_frames(&renderer, options);
    print_statistics(&renderer, ex_seconds() - start);
    bool passed = check_culling(&renderer, last);
    passed = check_picture(&renderer, options) && passed;
    ex_report_checks(ex, allocator);
    renderer_destroy(&renderer, last);
    BdaStats stats = { .next = NULL };
    EX_CHECK(bda_get_stats(allocator, &stats));
    bool empty = stats.total.allocation_count == 0 && stats.total.pending_count == 0;
    EX_CHECK(bda_destroy_allocator(allocator));
    printf("proved     one pointer led to everything%s\n", empty ? ", and nothing is left" : "; something is LEFT");
    return passed && empty;
}

int main(int count, char **words) {
    struct options options = read_options(count, words);
    struct ex_wishes wishes = { .features = EX_GRAPHICS };
    static const char title[] = "10_renderer: a picture drawn from raw pointers";
    struct window *window = options.window ? window_open(title, options.size, &wishes) : NULL;
    if (options.frames == 0)
        options.frames = window ? endless : 8;
    struct ex ex;
    ex_start_with(&ex, title, &wishes);
    if (window)
        window_attach(window, &ex);
    struct scene scene = { .meshes = NULL };
    bool loaded = true;
    if (options.model)
        loaded = scene_load_model(&scene, options.model);
    else
        scene_make_default(&scene, options.instances);
    bool passed = loaded && run(&ex, &scene, &options, window);
    scene_free(&scene);
    if (window)
        window_detach(window);
    int code = ex_finish(&ex, passed);
    if (window)
        window_close(window);
    return code;
}
