// Finds what a ray meets, by walking the tree of boxes.
//
// A node      quads 0 to 2   low and high corner of the first child's box, then of the second's
//             quad 3         the links to both
// A triangle  quad 0         a corner; the low half of the link to its surface
//             quad 1         the edge to the second corner; the high half
//             quad 2         the edge to the third corner

const float FAR = 1e30;
const uint STACK_SIZE = 32u; // BVH_MAX_DEPTH

struct Ray {
    vec3 origin;
    vec3 direction;
};

struct Hit {
    float distance; // FAR or the limit: nothing was met
    vec2 place;     // weights of the second and the third corner
    Link triangle;
};

// Where the ray enters a box, FAR if it does not before the limit; `inverse` is 1 / direction.
float enter_box(vec3 low, vec3 high, vec3 origin, vec3 inverse, float limit) {
    vec3 a = (low - origin) * inverse;
    vec3 b = (high - origin) * inverse;
    vec3 near = min(a, b);
    vec3 far = max(a, b);
    float enter = max(max(near.x, near.y), max(near.z, 0.0));
    float leave = min(min(far.x, far.y), min(far.z, limit));
    return enter <= leave ? enter : FAR;
}

// Möller and Trumbore, "Fast, Minimum Storage Ray/Triangle Intersection", 1997.
void meet_triangle(Link triangle, Ray ray, inout Hit hit) {
    vec3 corner = load_floats(triangle, 0u).xyz;
    vec3 edge1 = load_floats(triangle, 1u).xyz;
    vec3 edge2 = load_floats(triangle, 2u).xyz;
    vec3 p = cross(ray.direction, edge2);
    float determinant = dot(edge1, p);
    if (determinant == 0.0)
        return;
    float scale = 1.0 / determinant;
    vec3 from_corner = ray.origin - corner;
    vec3 q = cross(from_corner, edge1);
    float u = dot(from_corner, p) * scale;
    float v = dot(ray.direction, q) * scale;
    float distance = dot(edge2, q) * scale;
    if (u >= 0.0 && v >= 0.0 && u + v <= 1.0 && distance > 0.0 && distance < hit.distance)
        hit = Hit(distance, vec2(u, v), triangle);
}

void meet_leaf(Link leaf, uint count, Ray ray, inout Hit hit) {
    for (uint i = 0u; i < count; i++)
        meet_triangle(skip_quads(leaf, 3u * i), ray, hit);
}

// A node's children, the one that the ray enters first being `near`.
struct Children {
    Link near;
    Link far;
    float near_distance;
    float far_distance;
};

Children visit_node(Link node, Ray ray, vec3 inverse, float limit) {
    vec4 a = load_floats(node, 0u);
    vec4 b = load_floats(node, 1u);
    vec4 c = load_floats(node, 2u);
    uvec4 links = load_quad(node, 3u);
    Link first = make_link(links.x, links.y);
    Link second = make_link(links.z, links.w);
    float first_distance = enter_box(a.xyz, vec3(a.w, b.xy), ray.origin, inverse, limit);
    float second_distance = enter_box(vec3(b.zw, c.x), c.yzw, ray.origin, inverse, limit);
    if (second_distance < first_distance)
        return Children(second, first, second_distance, first_distance);
    return Children(first, second, first_distance, second_distance);
}

// The nearest hit before the limit; with `any` the first one that turns up. The stack holds what is still to be
// visited, the nearest on top.
Hit find_hit(Link root, Ray ray, float limit, bool any) {
    Link stack[STACK_SIZE];
    uint depth = 0u;
    Link at = root;
    Hit hit = Hit(limit, vec2(0.0), root);
    vec3 inverse = 1.0 / ray.direction;
    while (true) {
        uint count = count_triangles(at);
        if (count == 0u) {
            Children children = visit_node(at, ray, inverse, hit.distance);
            if (children.far_distance < FAR)
                stack[depth++] = children.far;
            if (children.near_distance < FAR) {
                at = children.near;
                continue;
            }
        } else {
            meet_leaf(at, count, ray, hit);
            if (any && hit.distance < limit)
                return hit;
        }
        if (depth == 0u)
            return hit;
        at = stack[--depth];
    }
    return hit; // never reached, but not every compiler sees that
}
