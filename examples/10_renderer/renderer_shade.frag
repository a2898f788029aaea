// The colour of a pixel: the sun with its shadow, lamps, the sky as ambient light and as reflection, haze.
//
// The surface is the usual one of real-time rendering: microfacets by Trowbridge and Reitz (GGX; Walter et al., 2007),
// Smith's masking, Fresnel by Schlick (1994). The curve from radiance to display is Reinhard's with a white point
// (2002).
#version 460
#extension GL_GOOGLE_include_directive : require
#define BDA_INVOCATION uvec3(gl_FragCoord)
#include "renderer.glsl"

layout(location = 0) in vec3 world_position;
layout(location = 1) in vec3 world_normal;
layout(location = 2) in flat uvec2 instance_halves;
layout(location = 0) out vec4 pixel;

const float PI = 3.14159265;

struct Surface {
    vec3 position;
    vec3 normal;
    vec3 to_eye;
    vec3 diffuse;
    vec3 mirror; // reflectance along the normal
    float roughness;
};

/* ---- Sky ---- */

vec3 sky(Frame frame, vec3 direction) {
    float height = max(direction.y, 0.0);
    vec3 colour = mix(vec3(0.86, 0.40, 0.22), vec3(0.26, 0.19, 0.38), smoothstep(0.0, 0.14, height));
    colour = mix(colour, vec3(0.04, 0.09, 0.26), smoothstep(0.02, 0.24, height));
    float toward = max(dot(direction, frame.to_sun), 0.0);
    colour *= 0.65 + 0.35 * smoothstep(-0.6, 0.9, dot(normalize(direction.xz + 1e-4), normalize(frame.to_sun.xz)));
    return colour + frame.sun_colour * (0.10 * pow(toward, 10.0) + 0.5 * pow(toward, 600.0));
}

/* What a surface sees in a direction: the sky, and below the horizon the dark ground. */
vec3 surroundings(Frame frame, vec3 direction, float roughness) {
    float blur = 0.03 + 0.5 * roughness;
    vec3 ground = vec3(0.09, 0.055, 0.06);
    return mix(ground, sky(frame, direction), smoothstep(-blur, blur, direction.y));
}

/* ---- Shadow ---- */

/* How much of the sun arrives: the depths around the point, compared and weighted by a tent two texels wide. */
float sunlight(Frame frame, Surface surface) {
    vec3 position = surface.position + surface.normal * 1.5 * frame.shadow_texel;
    vec4 clip = load_view(frame.sun_view).clip * vec4(position, 1.0);
    vec2 at = (0.5 * clip.xy + 0.5) * float(frame.shadow_size) - 0.5;
    vec2 limit = vec2(float(frame.shadow_size) - 4.0);
    if (any(lessThan(at, vec2(3.0))) || any(greaterThan(at, limit)))
        return 1.0;
    ivec2 corner = ivec2(floor(at)) - 1;
    float lit = 0.0;
    float total = 0.0;
    for (int y = 0; y < 4; y++)
        for (int x = 0; x < 4; x++) {
            ivec2 texel = corner + ivec2(x, y);
            vec2 tent = max(2.0 - abs(vec2(texel) - at), 0.0);
            float depth = bda_load_float(frame.shadow, uint(texel.y) * frame.shadow_size + uint(texel.x));
            total += tent.x * tent.y;
            lit += tent.x * tent.y * (clip.z + 0.0006 >= depth ? 1.0 : 0.0); // the nearer, the larger
        }
    return lit / total;
}

/* ---- Surface ---- */

vec3 fresnel(vec3 mirror, float cosine) {
    return mirror + (1.0 - mirror) * pow(clamp(1.0 - cosine, 0.0, 1.0), 5.0);
}

/* Light from one direction, reflected to the eye. */
vec3 reflect_light(Surface surface, vec3 to_light, vec3 light) {
    float cosine = dot(surface.normal, to_light);
    if (cosine <= 0.0)
        return vec3(0.0);
    vec3 halfway = normalize(to_light + surface.to_eye);
    float to_normal = max(dot(surface.normal, halfway), 0.0);
    float to_eye = max(dot(surface.normal, surface.to_eye), 0.001);
    float a = surface.roughness * surface.roughness;
    float spread = to_normal * to_normal * (a * a - 1.0) + 1.0;
    float facets = a * a / (PI * spread * spread);
    float k = 0.5 * a;
    float masking = 0.25 / ((cosine * (1.0 - k) + k) * (to_eye * (1.0 - k) + k));
    vec3 mirrored = fresnel(surface.mirror, max(dot(halfway, surface.to_eye), 0.0));
    return (surface.diffuse / PI * (1.0 - mirrored) + mirrored * facets * masking) * light * cosine;
}

vec3 reflect_lamps(Frame frame, Surface surface) {
    vec3 sum = vec3(0.0);
    for (uint i = 0u; i < frame.light_count; i++) {
        Light light = load_light(frame.lights, i);
        vec3 way = light.position.xyz - surface.position;
        float squared = dot(way, way);
        float window = max(1.0 - squared / (light.position.w * light.position.w), 0.0); // ends at its reach
        if (window > 0.0)
            sum += reflect_light(surface, way * inversesqrt(squared),
                                 light.colour.rgb * window * window / (squared + 0.05));
    }
    return sum;
}

vec3 reflect_surroundings(Frame frame, Surface surface) {
    float cosine = max(dot(surface.normal, surface.to_eye), 0.0);
    vec3 mirrored = fresnel(surface.mirror, cosine) * (1.0 - 0.55 * surface.roughness);
    vec3 above = surroundings(frame, vec3(0.0, 1.0, 0.0), 1.0) + vec3(0.05, 0.045, 0.06);
    vec3 below = vec3(0.03, 0.02, 0.025);
    vec3 ambient = mix(below, above, 0.5 + 0.5 * surface.normal.y);
    return surface.diffuse * ambient * (1.0 - mirrored) +
           mirrored * surroundings(frame, reflect(-surface.to_eye, surface.normal), surface.roughness);
}

/* The ground is polished stone with rings let into it, one for each orbit. */
void engrave_ground(inout Surface surface) {
    float from_centre = length(surface.position.xz);
    float to_ring = abs(fract(from_centre / 1.15 - 0.5) - 0.5) * 1.15;
    float width = 0.03 + 0.0012 * from_centre;
    float ring = 1.0 - smoothstep(width, width + 0.02 + 0.002 * from_centre, to_ring);
    ring *= 1.0 - smoothstep(14.0, 26.0, from_centre);
    surface.diffuse = mix(surface.diffuse, vec3(0.30, 0.20, 0.09), 0.8 * ring);
    surface.mirror = mix(surface.mirror, vec3(0.5, 0.35, 0.16), ring);
    surface.roughness = mix(surface.roughness, 0.45, ring);
}

/* From radiance to what a display takes: what is as bright as `white` just becomes white; then sRGB's encoding. */
vec3 display(vec3 radiance) {
    const float white = 3.0;
    float luminance = dot(radiance, vec3(0.2126, 0.7152, 0.0722));
    vec3 linear = clamp(radiance * (1.0 + luminance / (white * white)) / (1.0 + luminance), 0.0, 1.0);
    return mix(12.92 * linear, 1.055 * pow(linear, vec3(1.0 / 2.4)) - 0.055, step(0.0031308, linear));
}

vec3 shade(Frame frame, Material material, Surface surface) {
    if (material.kind == KIND_GROUND)
        engrave_ground(surface);
    vec3 sum = reflect_surroundings(frame, surface) + reflect_lamps(frame, surface);
    if (dot(surface.normal, frame.to_sun) > 0.0)
        sum += sunlight(frame, surface) * reflect_light(surface, frame.to_sun, frame.sun_colour);
    return sum;
}

/* The normal, on the side of the triangle that is seen: models have open surfaces, and nodes that mirror. */
vec3 normal_toward(vec3 to_eye) {
    vec3 face = cross(dFdx(world_position), dFdy(world_position));
    face *= dot(face, to_eye) < 0.0 ? -1.0 : 1.0;
    return normalize(dot(face, world_normal) < 0.0 ? -world_normal : world_normal);
}

void main() {
    View view = load_view(push.view);
    Frame frame = load_frame(view.frame);
    Instance instance = load_instance(bda_from_uvec2(instance_halves));
    Material material = load_material(instance.material);
    vec3 colour = material.colour.rgb * instance.tint;
    vec3 way = view.eye.xyz - world_position;

    Surface surface;
    surface.position = world_position;
    surface.to_eye = normalize(way);
    surface.normal = normal_toward(surface.to_eye);
    surface.diffuse = colour * (1.0 - material.metallic);
    surface.mirror = mix(vec3(0.04), colour, material.metallic);
    surface.roughness = material.roughness;

    vec3 behind = sky(frame, normalize(vec3(-way.x, max(-way.y, 0.0), -way.z)));
    vec3 radiance;
    if (material.kind == KIND_SKY)
        radiance = behind;
    else if (material.kind == KIND_LAMP)
        radiance = colour * (0.6 + 2.4 * max(dot(surface.normal, surface.to_eye), 0.0));
    else
        radiance = mix(behind, shade(frame, material, surface), exp(-pow(length(way) / 70.0, 2.0)));
    pixel = vec4(display(1.45 * radiance), 1.0);
}
