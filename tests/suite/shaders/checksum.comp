// Folds the words of each span listed from `from` on into one number, to[i].
#version 460
#extension GL_GOOGLE_include_directive : require
#include "suite.glsl"

void main() {
    uint i = gl_GlobalInvocationID.x;
    if (i >= push.count)
        return;
    Span span = load_span(push.from, i);
    uint sum = 2166136261u;
    for (uint word = 0u; word < span.words; word++)
        sum = fold(sum, bda_load_uint(span.address, word));
    bda_store_uint(push.to, i, sum);
}
