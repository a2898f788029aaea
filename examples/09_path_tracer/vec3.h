/* Three floats, and the handful of operations on them that the scene and its tree are built with. */
#ifndef EXAMPLES_VEC3_H
#define EXAMPLES_VEC3_H

#include <math.h>

struct vec3 {
    float x, y, z;
};

static inline struct vec3 vec3(float x, float y, float z) {
    return (struct vec3){ x, y, z };
}

static inline struct vec3 add(struct vec3 a, struct vec3 b) {
    return vec3(a.x + b.x, a.y + b.y, a.z + b.z);
}

static inline struct vec3 subtract(struct vec3 a, struct vec3 b) {
    return vec3(a.x - b.x, a.y - b.y, a.z - b.z);
}

static inline struct vec3 scale(struct vec3 a, float factor) {
    return vec3(a.x * factor, a.y * factor, a.z * factor);
}

static inline float dot(struct vec3 a, struct vec3 b) {
    return a.x * b.x + a.y * b.y + a.z * b.z;
}

static inline struct vec3 cross(struct vec3 a, struct vec3 b) {
    return vec3(a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x);
}

/* The zero vector stays what it is. */
static inline struct vec3 normalize(struct vec3 a) {
    float length = sqrtf(dot(a, a));
    return length > 0 ? scale(a, 1 / length) : a;
}

static inline struct vec3 least(struct vec3 a, struct vec3 b) {
    return vec3(fminf(a.x, b.x), fminf(a.y, b.y), fminf(a.z, b.z));
}

static inline struct vec3 most(struct vec3 a, struct vec3 b) {
    return vec3(fmaxf(a.x, b.x), fmaxf(a.y, b.y), fmaxf(a.z, b.z));
}

static inline float component(struct vec3 a, int axis) {
    return axis == 0 ? a.x : axis == 1 ? a.y : a.z;
}

#endif
