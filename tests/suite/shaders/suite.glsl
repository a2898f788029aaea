// What the suite's kernels share: their push constants, as struct suite_push, and the bytes that spans are filled with.
#extension GL_GOOGLE_include_directive : require
#include "bdaalloc/bdaalloc.glsl"

layout(local_size_x = 64) in;

layout(push_constant) uniform Push {
    bda_ptr from;
    bda_ptr to;
    uint count;
    uint seed;
}
push;

// As suite_word, suite_fold and struct suite_span of ../work.h.
uint word_of(uint seed, uint index) {
    uint x = (seed * 0x9E3779B9u) ^ (index * 0x85EBCA6Bu);
    x = (x ^ (x >> 15)) * 0x2C1B3C6Du;
    return x ^ (x >> 13);
}

uint fold(uint sum, uint word) {
    return (sum ^ word) * 16777619u;
}

struct Span {
    bda_ptr address;
    uint words;
    uint seed;
};
BDA_DEFINE_ACCESS(Span, span_ref, load_span, store_span, 16, 8)
