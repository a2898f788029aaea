// Random numbers and random directions.

const float PI = 3.14159265;

uint random_state;

// O'Neill's PCG, 2014: a linear congruential step, then a permutation of its output.
uint permute(uint state) {
    uint word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
    return (word >> 22u) ^ word;
}

// Each pixel and sample begins at a place of its own, whatever was rendered before or in which dispatch.
void seed_random(uint pixel, uint which, uint seed) {
    random_state = permute(pixel + permute(which * 747796405u + permute(seed + 2891336453u)));
}

// From 0 to just below 1.
float random() {
    random_state = random_state * 747796405u + 2891336453u;
    return float(permute(random_state) >> 8) * (1.0 / 16777216.0);
}

// Two vectors that make a frame with a normal, which becomes its z (Duff et al., "Building an Orthonormal Basis,
// Revisited", 2017).
mat3 frame_around(vec3 normal) {
    float side = normal.z >= 0.0 ? 1.0 : -1.0;
    float a = -1.0 / (side + normal.z);
    float b = normal.x * normal.y * a;
    return mat3(vec3(1.0 + side * normal.x * normal.x * a, side * b, -side * normal.x),
                vec3(b, side + normal.y * normal.y * a, -normal.y), normal);
}

// As likely as its cosine to the normal: a matte surface then weighs all directions the same.
vec3 random_around(vec3 normal) {
    float square = random();
    float angle = 2.0 * PI * random();
    float radius = sqrt(square);
    return frame_around(normal) * vec3(radius * cos(angle), radius * sin(angle), sqrt(1.0 - square));
}

// The normal of a microfacet, one of those that can be seen from `outward`, in the frame whose z is the surface's
// normal (Dupuy and Benyoub, "Sampling Visible GGX Normals with Spherical Caps", 2023).
vec3 random_facet(vec3 outward, float roughness) {
    vec3 stretched = normalize(vec3(roughness * outward.xy, outward.z));
    float z = 1.0 - random() * (1.0 + stretched.z);
    float angle = 2.0 * PI * random();
    float radius = sqrt(max(0.0, 1.0 - z * z));
    vec3 facet = vec3(radius * cos(angle), radius * sin(angle), z) + stretched;
    return normalize(vec3(roughness * facet.xy, max(1e-6, facet.z)));
}
