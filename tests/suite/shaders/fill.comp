// Fills each of the spans listed from `from` on with the words of its seed.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "suite.glsl"

void main() {
    uint i = gl_GlobalInvocationID.x;
    if (i >= push.count)
        return;
    Span span = load_span(push.from, i);
    for (uint word = 0u; word < span.words; word++)
        bda_store_uint(span.address, word, word_of(span.seed, word));
}
