/*
 * The scene that the project makes itself: an orrery. A knot of gold turns in three hoops; around it bodies ride on
 * rings, every ring turns on its own, every body rises and falls as a wave goes round, and some have moons. The scene
 * graph is as deep as that sounds, and nearly all of it moves.
 */
#include "scene.h"

#include <stdio.h>

static const float pi = 3.14159265f;
static const float ring_distance = 1.15f; /* also of the rings in the ground, see renderer_shade.frag */
static const float body_distance = 1.2f;
static const float first_ring = 4.6f;
static const struct vec3 white = { 1.0f, 1.0f, 1.0f };
static const struct vec3 upward = { 0.0f, 1.0f, 0.0f };

enum { FORMS = 5, LAMPS = 9 };

struct orrery {
    struct scene *scene;
    uint32_t root;
    uint32_t forms[FORMS], ball;
    uint32_t gold, silver, enamel, lamp;
};

/* A colour of the rainbow, for a full turn of 1, somewhat pale. */
static struct vec3 hue(float turn) {
    struct vec3 colour = { 0.5f + 0.5f * cosf(2.0f * pi * turn), 0.5f + 0.5f * cosf(2.0f * pi * (turn - 0.33f)),
                           0.5f + 0.5f * cosf(2.0f * pi * (turn - 0.67f)) };
    return vec3_add(vec3_scale(colour, 0.9f), (struct vec3){ 0.02f, 0.02f, 0.02f });
}

static uint32_t add_material(struct scene *scene, const char *name, struct vec3 colour, float metallic, float roughness,
                             enum material_kind kind) {
    struct material material = { .colour = colour, .metallic = metallic, .roughness = roughness, .kind = kind };
    snprintf(material.name, sizeof material.name, "%s", name);
    return scene_add_material(scene, material);
}

static void add_supplies(struct orrery *orrery) {
    struct scene *scene = orrery->scene;
    orrery->ball = scene_add_mesh(scene, shape_sphere(10));
    orrery->forms[0] = orrery->ball;
    orrery->forms[1] = scene_add_mesh(scene, shape_torus("ring", 0.36f, 22, 10));
    orrery->forms[2] = scene_add_mesh(scene, shape_box(0.28f));
    orrery->forms[3] = scene_add_mesh(scene, shape_knot("pretzel", 2, 3, 0.24f, 72));
    orrery->forms[4] = scene_add_mesh(scene, shape_torus("thin ring", 0.14f, 24, 6));
    orrery->gold = add_material(scene, "gold", (struct vec3){ 1.0f, 0.72f, 0.30f }, 1.0f, 0.24f, KIND_SURFACE);
    orrery->silver = add_material(scene, "silver", (struct vec3){ 0.88f, 0.88f, 0.92f }, 1.0f, 0.18f, KIND_SURFACE);
    orrery->enamel = add_material(scene, "enamel", white, 0.0f, 0.32f, KIND_SURFACE);
    orrery->lamp = add_material(scene, "lamp", white, 0.0f, 1.0f, KIND_LAMP);
}

static void add_centre(struct orrery *orrery) {
    struct scene *scene = orrery->scene;
    struct motion middle = { .position = { 0.0f, 3.1f, 0.0f }, .axis = upward, .speed = 0.25f, .scale = 1.0f };
    uint32_t centre = scene_add_moving_node(scene, orrery->root, middle);
    uint32_t knot =
        scene_add_node(scene, centre, affine_place((struct vec3){ 0 }, (struct vec3){ 1, 0, 0 }, 1.25f, 1.05f));
    scene_add_instance(scene, knot, scene_add_mesh(scene, shape_knot("knot", 2, 5, 0.26f, 360)), orrery->gold, white);

    uint32_t hoop = scene_add_mesh(scene, shape_torus("hoop", 0.022f, 128, 10));
    uint32_t parent = centre;
    for (uint32_t i = 0; i < 3; i++) { /* each hangs in the one before */
        struct vec3 axis = vec3_normal((struct vec3){ i == 1 ? 0.0f : 1.0f, 0.25f, i == 0 ? 0.0f : 1.0f });
        struct motion swing = {
            .axis = axis, .angle = 0.5f + 0.9f * (float)i, .speed = 0.35f + 0.1f * (float)i, .scale = i ? 0.92f : 2.75f
        };
        parent = scene_add_moving_node(scene, parent, swing);
        scene_add_instance(scene, parent, hoop, orrery->silver, white);
    }
}

static void add_moon(struct orrery *orrery, uint32_t body, uint32_t number) {
    struct scene *scene = orrery->scene;
    struct motion carrier = {
        .axis = vec3_normal((struct vec3){ 0.3f, 1.0f, 0.2f }), .angle = (float)number, .speed = 1.6f, .scale = 1.0f
    };
    uint32_t arm = scene_add_moving_node(scene, body, carrier);
    uint32_t moon = scene_add_node(scene, arm, affine_place((struct vec3){ 1.75f, 0.0f, 0.0f }, upward, 0.0f, 0.3f));
    scene_add_instance(scene, moon, orrery->ball, orrery->silver, white);
}

/* Adds the bodies of a ring until there are `most` instances. */
static void add_ring(struct orrery *orrery, uint32_t number, uint32_t most) {
    struct scene *scene = orrery->scene;
    float radius = first_ring + ring_distance * (float)number;
    uint32_t count = (uint32_t)(2.0f * pi * radius / body_distance);
    struct motion turning = { .axis = upward, .speed = (number % 2 ? -0.5f : 0.5f) / radius, .scale = 1.0f };
    uint32_t ring = scene_add_moving_node(scene, orrery->root, turning);
    for (uint32_t i = 0; i < count && scene->instance_count < most; i++) {
        float turn = (float)i / (float)count, angle = 2.0f * pi * turn;
        float wave = fminf(0.15f + 0.045f * (float)number, 0.8f);
        struct motion riding = { .position = { radius * sinf(angle), 0.42f + wave, radius * cosf(angle) },
                                 .axis = vec3_normal((struct vec3){ sinf(7.0f * angle), 1.2f, cosf(5.0f * angle) }),
                                 .angle = 3.0f * angle,
                                 .speed = 0.5f,
                                 .scale = 0.3f,
                                 .bob = wave,
                                 .bob_angle = 3.0f * angle + 0.5f * (float)number,
                                 .bob_speed = 1.2f };
        uint32_t body = scene_add_moving_node(scene, ring, riding);
        uint32_t material = (i + number) % 5 == 0 ? orrery->gold : orrery->enamel;
        struct vec3 tint = material == orrery->gold ? white : hue(turn + 0.05f * (float)number);
        scene_add_instance(scene, body, orrery->forms[number % FORMS], material, tint);
        if ((3 * number + i) % 8 == 0)
            add_moon(orrery, body, i);
    }
}

static void add_lamps(struct orrery *orrery) {
    struct scene *scene = orrery->scene;
    for (uint32_t i = 0; i < LAMPS; i++) {
        float part = (float)i / LAMPS;
        struct motion flight = {
            .axis = upward, .angle = 2.0f * pi * part * 4.0f, .speed = 0.12f + 0.1f * part, .scale = 1.0f
        };
        uint32_t carrier = scene_add_moving_node(scene, orrery->root, flight);
        struct motion place = { .position = { 3.4f + 8.0f * part, 1.5f + 0.9f * part, 0.0f },
                                .axis = upward,
                                .scale = 0.13f,
                                .bob = 0.35f,
                                .bob_angle = 9.0f * part,
                                .bob_speed = 1.1f };
        uint32_t lamp = scene_add_moving_node(scene, carrier, place);
        struct vec3 colour = hue(0.08f + 0.62f * part);
        scene_add_instance(scene, lamp, orrery->ball, orrery->lamp,
                           vec3_add(vec3_scale(colour, 1.2f), (struct vec3){ 0.2f, 0.2f, 0.2f }));
        scene_add_light(scene, lamp, vec3_scale(colour, 7.0f), 6.0f);
    }
}

void scene_add_stage(struct scene *scene) {
    uint32_t root = scene_add_node(scene, SCENE_NONE, affine_place((struct vec3){ 0 }, upward, 0.0f, 1.0f));
    uint32_t stone = add_material(scene, "stone", (struct vec3){ 0.055f, 0.05f, 0.07f }, 0.0f, 0.3f, KIND_GROUND);
    uint32_t air = add_material(scene, "sky", white, 0.0f, 1.0f, KIND_SKY);
    scene_add_instance(scene, root, scene_add_mesh(scene, shape_disc(900.0f)), stone, white);
    scene_add_instance(scene, root, scene_add_mesh(scene, shape_sky(1000.0f)), air, white);
    scene->to_sun = vec3_normal((struct vec3){ -0.9f, 0.42f, -0.2f });
    scene->sun_colour = (struct vec3){ 5.4f, 3.9f, 2.7f };
}

void scene_make_default(struct scene *scene, uint32_t instance_count) {
    struct orrery orrery = { .scene = scene, .root = 0 };
    scene_add_stage(scene);
    add_supplies(&orrery);
    add_centre(&orrery);
    add_lamps(&orrery);
    for (uint32_t i = 0; scene->instance_count < instance_count; i++)
        add_ring(&orrery, i, instance_count);
    scene->camera = (struct orbit){
        .at = { 0.0f, 2.3f, 0.0f }, .distance = 12.5f, .height = 3.0f, .angle = -0.35f, .speed = 0.06f
    };
    scene->shadow_reach = 18.0f;
}
