// What a ray met, and where light goes on from there.
//
// A surface   quads 0 to 2   the normals of the corners; in w of 0 and 1 the halves of the link to the material
// A material  quad 0         colour, kind
//             quad 1         second colour, checks per metre
//             quad 2         roughness, refractive index

const uint MATTE = 0u;
const uint METAL = 1u;
const uint GLASS = 2u;
const uint LAMP = 3u;

struct Material {
    vec3 color;
    uint kind;
    float roughness;
    float refractive_index;
};

struct Surface {
    vec3 position;
    vec3 facing; // the triangle's own normal, turned to where the ray came from
    vec3 normal; // interpolated, and turned the same way
    bool inside; // the ray came from within the mesh
    Material material;
};

// A ray's next direction, and what light that comes from there is multiplied by; a zero weight ends the path.
struct Scatter {
    vec3 direction;
    vec3 weight;
    bool diffuse; // else a mirror or a lens: no other direction would have been as good
};

Material load_material(Link at, vec3 position) {
    uvec4 first = load_quad(at, 0u);
    vec4 second = load_floats(at, 1u);
    vec4 third = load_floats(at, 2u);
    Material material = Material(uintBitsToFloat(first.xyz), first.w, third.x, third.y);
    if (second.w > 0.0) {
        vec2 field = floor(position.xz * second.w);
        if (mod(field.x + field.y, 2.0) > 0.5)
            material.color = second.rgb;
    }
    return material;
}

Surface load_surface(Ray ray, Hit hit) {
    uvec4 first = load_quad(hit.triangle, 0u);
    uvec4 second = load_quad(hit.triangle, 1u);
    vec3 facing = normalize(cross(uintBitsToFloat(second.xyz), load_floats(hit.triangle, 2u).xyz));
    Link shading = make_link(first.w, second.w);
    uvec4 a = load_quad(shading, 0u);
    uvec4 b = load_quad(shading, 1u);
    vec3 normal = uintBitsToFloat(a.xyz) * (1.0 - hit.place.x - hit.place.y) + uintBitsToFloat(b.xyz) * hit.place.x +
                  load_floats(shading, 2u).xyz * hit.place.y;
    vec3 position = ray.origin + hit.distance * ray.direction;
    bool inside = dot(facing, ray.direction) > 0.0;
    float side = inside ? -1.0 : 1.0;
    return Surface(position, facing * side, normalize(normal) * side, inside,
                   load_material(make_link(a.w, b.w), position));
}

// Where a ray starts so that it does not meet the triangle that it leaves.
vec3 start_beside(Surface surface, vec3 direction) {
    float side = dot(direction, surface.facing) >= 0.0 ? 1.0 : -1.0;
    return surface.position + surface.facing * (side * 2e-4);
}

// How much a boundary between two media mirrors; `ratio` is the refractive index here over that behind.
float fresnel(float cosine, float ratio) {
    float square = ratio * ratio * (1.0 - cosine * cosine);
    if (square >= 1.0)
        return 1.0;
    float beyond = sqrt(1.0 - square);
    float across = (ratio * cosine - beyond) / (ratio * cosine + beyond);
    float along = (cosine - ratio * beyond) / (cosine + ratio * beyond);
    return 0.5 * (across * across + along * along);
}

Scatter scatter_matte(Surface surface, vec3 direction) {
    float index = surface.material.refractive_index;
    if (index > 1.0 && random() < fresnel(clamp(-dot(direction, surface.normal), 0.0, 1.0), 1.0 / index))
        return Scatter(reflect(direction, surface.normal), vec3(1.0), false);
    return Scatter(random_around(surface.normal), surface.material.color, true);
}

// The part of the microfacets that is not in the shadow of others (Smith, 1967, for GGX).
float smith(float cosine, float roughness) {
    float square = cosine * cosine;
    return 2.0 * cosine / (cosine + sqrt(roughness * roughness * (1.0 - square) + square));
}

Scatter scatter_metal(Surface surface, vec3 direction) {
    mat3 frame = frame_around(surface.normal);
    float roughness = surface.material.roughness;
    vec3 outward = -direction * frame;
    vec3 facet = random_facet(outward, roughness);
    vec3 onward = reflect(-outward, facet);
    if (onward.z <= 0.0)
        return Scatter(direction, vec3(0.0), false);
    float grazing = pow(1.0 - clamp(dot(outward, facet), 0.0, 1.0), 5.0); // Schlick, 1994
    vec3 mirrored = mix(surface.material.color, vec3(1.0), grazing);
    return Scatter(frame * onward, mirrored * smith(onward.z, roughness), false);
}

Scatter scatter_glass(Surface surface, vec3 direction) {
    float index = surface.material.refractive_index;
    float ratio = surface.inside ? index : 1.0 / index;
    float cosine = clamp(-dot(direction, surface.normal), 0.0, 1.0);
    if (random() < fresnel(cosine, ratio))
        return Scatter(reflect(direction, surface.normal), vec3(1.0), false);
    return Scatter(normalize(refract(direction, surface.normal, ratio)), surface.material.color, false);
}

Scatter scatter(Surface surface, vec3 direction) {
    if (surface.material.kind == METAL)
        return scatter_metal(surface, direction);
    if (surface.material.kind == GLASS)
        return scatter_glass(surface, direction);
    return scatter_matte(surface, direction);
}
