// A path tracer (Kajiya, "The Rendering Equation", 1986) over a tree of linked records. One invocation renders one
// pixel: it adds some samples to what earlier dispatches have gathered there.
//
// Compiled three times: as it stands everything is reached by pointers, from one in the push constants on; with BY_OFFSET
// and BY_INDEX the scene's records are not, but still the frame and the picture. links.glsl has the difference.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "bdaalloc/bdaalloc.glsl"

#include "links.glsl"
#include "traverse.glsl"
#include "random.glsl"
#include "material.glsl"

layout(local_size_x = 64) in;

// struct frame of render.c
struct Frame {
    uvec2 root;
    bda_ptr picture; // per pixel the sum of its samples, and how many rays they took
    uvec2 size;
    uint seed;
    uint bounces;
    vec4 eye;
    vec4 right;
    vec4 up;
    vec4 forward;
    vec4 lamp_corner;
    vec4 lamp_edges[2];
    vec4 lamp_radiance;
    vec4 sky;
    bda_ptr base; // BY_OFFSET: what links count from
};
BDA_DEFINE_ACCESS(Frame, frame_ref, load_frame, store_frame, 192, 16)

layout(push_constant) uniform Push {
    bda_ptr frame;
    uint first_tile;
    uint first_sample;
    uint samples;
}
push;

// Tiles of 8 by 8 keep the rays of a workgroup together.
const uvec2 TILE = uvec2(8u);
const float CAUSTIC_BOUND = 2.5;

Frame frame;
uint rays;

Hit follow(Ray ray, float limit, bool any) {
    rays++;
    return find_hit(make_link(frame.root.x, frame.root.y), ray, limit, any);
}

// The light that a random point of the lamp sends to a matte surface, over what the surface makes of it.
vec3 light_from_lamp(Surface surface) {
    vec3 edge0 = frame.lamp_edges[0].xyz;
    vec3 edge1 = frame.lamp_edges[1].xyz;
    vec3 target = frame.lamp_corner.xyz + edge0 * random() + edge1 * random();
    vec3 shine = cross(edge0, edge1); // as long as the lamp is large
    vec3 way = target - surface.position;
    float distance = length(way);
    vec3 direction = way / distance;
    float arriving = dot(direction, surface.normal);
    float leaving = -dot(direction, shine);
    if (arriving <= 0.0 || leaving <= 0.0 || dot(direction, surface.facing) <= 0.0)
        return vec3(0.0);
    Ray ray = Ray(start_beside(surface, direction), direction);
    float limit = distance - 1e-3;
    if (follow(ray, limit, true).distance < limit)
        return vec3(0.0);
    return frame.lamp_radiance.rgb * (arriving * leaving / (distance * distance * PI));
}

// The lamp as a mirror or a lens throws it onto a matte surface: found by chance only, and so bright then that it takes
// thousands of samples to even out. A bound on it costs a little of such light, and is the one thing here that is wrong.
vec3 bound(vec3 light) {
    return light * min(1.0, CAUSTIC_BOUND / max(1e-6, max(light.r, max(light.g, light.b))));
}

vec3 follow_path(Ray ray) {
    vec3 light = vec3(0.0);
    vec3 weight = vec3(1.0);
    bool diffuse = false; // the last surface was, and has had its light from the lamp
    bool seen = true;     // all surfaces so far were mirrors and lenses
    for (uint bounce = 0u; bounce < frame.bounces; bounce++) {
        Hit hit = follow(ray, FAR, false);
        if (hit.distance >= FAR)
            return light + weight * frame.sky.rgb;
        Surface surface = load_surface(ray, hit);
        if (surface.material.kind == LAMP && (diffuse || surface.inside))
            return light;
        if (surface.material.kind == LAMP)
            return light + (seen ? weight * surface.material.color : bound(weight * surface.material.color));
        Scatter next = scatter(surface, ray.direction);
        weight *= next.weight;
        diffuse = next.diffuse;
        seen = seen && !diffuse;
        if (diffuse)
            light += weight * light_from_lamp(surface);
        float survival = min(1.0, max(weight.r, max(weight.g, weight.b))); // Russian roulette
        if (bounce >= 3u)
            weight /= survival;
        if (bounce >= 3u ? random() >= survival : survival == 0.0)
            return light;
        ray = Ray(start_beside(surface, next.direction), next.direction);
    }
    return light;
}

Ray camera_ray(uvec2 pixel) {
    vec2 place = (vec2(pixel) + vec2(random(), random())) / vec2(frame.size) * 2.0 - 1.0;
    vec3 direction = frame.forward.xyz + place.x * frame.right.xyz - place.y * frame.up.xyz;
    return Ray(frame.eye.xyz, normalize(direction));
}

void render_pixel(uvec2 pixel) {
    uint index = pixel.y * frame.size.x + pixel.x;
    vec4 sum = push.first_sample == 0u ? vec4(0.0) : bda_load_vec4(frame.picture, index);
    for (uint i = push.first_sample; i < push.first_sample + push.samples; i++) {
        seed_random(index, i, frame.seed);
        rays = 0u;
        vec3 light = follow_path(camera_ray(pixel));
        sum += vec4(light, float(rays));
    }
    bda_store_vec4(frame.picture, index, sum);
}

void main() {
    frame = load_frame(push.frame);
#ifdef BY_OFFSET
    base = frame.base;
#endif
    uint tile = push.first_tile + gl_WorkGroupID.x;
    uint columns = (frame.size.x + TILE.x - 1u) / TILE.x;
    uvec2 pixel = uvec2(tile % columns, tile / columns) * TILE +
                  uvec2(gl_LocalInvocationIndex % TILE.x, gl_LocalInvocationIndex / TILE.x);
    if (all(lessThan(pixel, frame.size)))
        render_pixel(pixel);
}
