/*
 * The vectors and matrices of the renderer, for the CPU. Lengths are metres, angles radians; y points up and the
 * coordinates are right-handed.
 */
#ifndef EXAMPLES_VECTORS_H
#define EXAMPLES_VECTORS_H

#include <math.h>

struct vec3 {
    float x, y, z;
};

/* Three rows of a matrix whose fourth row is 0 0 0 1; the twin of Affine in renderer.glsl. */
struct affine {
    float m[3][4];
};

/* Columns, as GLSL has them. */
struct mat4 {
    float m[4][4];
};

static inline struct vec3 vec3_add(struct vec3 a, struct vec3 b) {
    return (struct vec3){ a.x + b.x, a.y + b.y, a.z + b.z };
}

static inline struct vec3 vec3_subtract(struct vec3 a, struct vec3 b) {
    return (struct vec3){ a.x - b.x, a.y - b.y, a.z - b.z };
}

static inline struct vec3 vec3_scale(struct vec3 a, float s) {
    return (struct vec3){ a.x * s, a.y * s, a.z * s };
}

static inline float vec3_dot(struct vec3 a, struct vec3 b) {
    return a.x * b.x + a.y * b.y + a.z * b.z;
}

static inline struct vec3 vec3_cross(struct vec3 a, struct vec3 b) {
    return (struct vec3){ a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x };
}

static inline float vec3_length(struct vec3 a) {
    return sqrtf(vec3_dot(a, a));
}

static inline struct vec3 vec3_normal(struct vec3 a) {
    float length = vec3_length(a);
    return length > 0.0f ? vec3_scale(a, 1.0f / length) : (struct vec3){ 0.0f, 1.0f, 0.0f };
}

static inline struct vec3 affine_point(const struct affine *a, struct vec3 p) {
    return (struct vec3){ a->m[0][0] * p.x + a->m[0][1] * p.y + a->m[0][2] * p.z + a->m[0][3],
                          a->m[1][0] * p.x + a->m[1][1] * p.y + a->m[1][2] * p.z + a->m[1][3],
                          a->m[2][0] * p.x + a->m[2][1] * p.y + a->m[2][2] * p.z + a->m[2][3] };
}

/* First b, then a. */
static inline struct affine affine_compose(const struct affine *a, const struct affine *b) {
    struct affine c;
    for (int row = 0; row < 3; row++)
        for (int k = 0; k < 4; k++)
            c.m[row][k] = a->m[row][0] * b->m[0][k] + a->m[row][1] * b->m[1][k] + a->m[row][2] * b->m[2][k] +
                          (k == 3 ? a->m[row][3] : 0.0f);
    return c;
}

/* Scaled, turned about an axis of length 1, and moved, in this order. */
static inline struct affine affine_place(struct vec3 position, struct vec3 axis, float angle, float scale) {
    float c = cosf(angle), s = sinf(angle), t = 1.0f - c;
    struct vec3 a = axis;
    struct affine result = { {
        { t * a.x * a.x + c, t * a.x * a.y - s * a.z, t * a.x * a.z + s * a.y, position.x },
        { t * a.x * a.y + s * a.z, t * a.y * a.y + c, t * a.y * a.z - s * a.x, position.y },
        { t * a.x * a.z - s * a.y, t * a.y * a.z + s * a.x, t * a.z * a.z + c, position.z },
    } };
    for (int row = 0; row < 3; row++)
        for (int k = 0; k < 3; k++)
            result.m[row][k] *= scale;
    return result;
}

static inline struct mat4 mat4_multiply(const struct mat4 *a, const struct mat4 *b) {
    struct mat4 c;
    for (int column = 0; column < 4; column++)
        for (int row = 0; row < 4; row++) {
            c.m[column][row] = 0.0f;
            for (int k = 0; k < 4; k++)
                c.m[column][row] += a->m[k][row] * b->m[column][k];
        }
    return c;
}

/* From the world to an eye that looks along -z with x to its right. */
static inline struct mat4 mat4_look(struct vec3 eye, struct vec3 at) {
    struct vec3 back = vec3_normal(vec3_subtract(eye, at));
    struct vec3 right = vec3_normal(vec3_cross((struct vec3){ 0.0f, 1.0f, 0.0f }, back));
    struct vec3 up = vec3_cross(back, right);
    return (struct mat4){ { { right.x, up.x, back.x, 0.0f },
                            { right.y, up.y, back.y, 0.0f },
                            { right.z, up.z, back.z, 0.0f },
                            { -vec3_dot(right, eye), -vec3_dot(up, eye), -vec3_dot(back, eye), 1.0f } } };
}

/* To Vulkan's clip space, where y points down. Depth is 1 at `near` and 0 at `far`, which spreads the precision of a
 * float's depth over the whole way instead of spending it on the first metre. */
static inline struct mat4 mat4_perspective(float height_angle, float aspect, float near, float far) {
    float f = 1.0f / tanf(0.5f * height_angle);
    return (struct mat4){ { { f / aspect, 0.0f, 0.0f, 0.0f },
                            { 0.0f, -f, 0.0f, 0.0f },
                            { 0.0f, 0.0f, near / (far - near), -1.0f },
                            { 0.0f, 0.0f, near * far / (far - near), 0.0f } } };
}

/* The same for parallel light: a square of half the width `reach`. */
static inline struct mat4 mat4_parallel(float reach, float near, float far) {
    return (struct mat4){ { { 1.0f / reach, 0.0f, 0.0f, 0.0f },
                            { 0.0f, -1.0f / reach, 0.0f, 0.0f },
                            { 0.0f, 0.0f, 1.0f / (far - near), 0.0f },
                            { 0.0f, 0.0f, far / (far - near), 1.0f } } };
}

#endif
