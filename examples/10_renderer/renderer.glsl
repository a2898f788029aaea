// What the renderer's shaders share: the records that the pointers lead to, and the transforms. The records' twins
// stand in world.h and passes.h.
//
// A view is where every shader begins: the one pointer in its push constant. From the view on:
//
//   view -> frame -> nodes, poses, worlds, meshes, instances, lights, shadow map, the sun's view
//        -> commands, visible -> instance -> mesh -> indices, vertices
//                                         -> material
#extension GL_GOOGLE_include_directive : require
#include "bdaalloc/bdaalloc.glsl"

layout(push_constant) uniform Push {
    bda_ptr view;
}
push;

// Three rows of a matrix whose fourth row is 0 0 0 1.
struct Affine {
    vec4 x;
    vec4 y;
    vec4 z;
};
BDA_DEFINE_ACCESS(Affine, affine_ref, load_affine, store_affine, 48, 16)

vec3 transform_point(Affine m, vec3 p) {
    vec4 q = vec4(p, 1.0);
    return vec3(dot(m.x, q), dot(m.y, q), dot(m.z, q));
}

// By the cofactors, so that normals stay normal to surfaces that are scaled unevenly.
vec3 transform_normal(Affine m, vec3 n) {
    return vec3(dot(cross(m.y.xyz, m.z.xyz), n), dot(cross(m.z.xyz, m.x.xyz), n), dot(cross(m.x.xyz, m.y.xyz), n));
}

vec4 row_times(vec4 row, Affine m) {
    return row.x * m.x + row.y * m.y + row.z * m.z + vec4(0.0, 0.0, 0.0, row.w);
}

// First b, then a.
Affine compose(Affine a, Affine b) {
    return Affine(row_times(a.x, b), row_times(a.y, b), row_times(a.z, b));
}

// A node of the scene graph. Its transform is `local`, or pose number `pose` of the frame where the node moves.
const uint NO_POSE = 0xffffffffu;
struct Node {
    Affine local;
    bda_ptr parent; // BDA_NULL: the root
    uint pose;
    uint unused;
};
BDA_DEFINE_ACCESS(Node, node_ref, load_node, store_node, 64, 16)

// Vertices are six floats: position and normal. Indices are uints.
const uint VERTEX_SIZE = 24u;
struct Mesh {
    bda_ptr vertices;
    bda_ptr indices;
    uint index_count;
    uint number;        // of its draw command
    uint first_visible; // where its visible instances begin
    uint unused;
    vec4 sphere; // around all vertices: centre, radius
};
BDA_DEFINE_ACCESS(Mesh, mesh_ref, load_mesh, store_mesh, 48, 16)

const uint KIND_SURFACE = 0u;
const uint KIND_GROUND = 1u;
const uint KIND_SKY = 2u;
const uint KIND_LAMP = 3u;
struct Material {
    vec4 colour;
    float metallic;
    float roughness;
    uint kind;
    uint unused;
};
BDA_DEFINE_ACCESS(Material, material_ref, load_material, store_material, 32, 16)

struct Instance {
    bda_ptr mesh;
    bda_ptr material;
    vec3 tint;
    uint node;
};
BDA_DEFINE_ACCESS(Instance, instance_ref, load_instance, store_instance, 32, 16)

struct Light {
    vec4 position; // and how far it reaches
    vec4 colour;
};
BDA_DEFINE_ACCESS(Light, light_ref, load_light, store_light, 32, 16)

struct Frame {
    bda_ptr nodes;
    bda_ptr poses;  // an Affine for each node that moves
    bda_ptr worlds; // an Affine for each node, from renderer_pose.comp
    bda_ptr meshes;
    bda_ptr instances;
    bda_ptr lights;
    bda_ptr shadow; // depths as the sun sees them, rows of `shadow_size` floats
    bda_ptr sun_view;
    uint node_count;
    uint mesh_count;
    uint instance_count;
    uint light_count;
    vec3 to_sun;
    uint shadow_size;
    vec3 sun_colour;
    float shadow_texel; // its width in the world
};
BDA_DEFINE_ACCESS(Frame, frame_ref, load_frame, store_frame, 112, 16)

struct View {
    mat4 clip; // from the world
    vec4 planes[6];
    vec4 eye;
    bda_ptr frame;
    bda_ptr commands; // a VkDrawIndirectCommand for each mesh
    bda_ptr visible;  // addresses of instances
    bda_ptr unused;
};
BDA_DEFINE_ACCESS(View, view_ref, load_view, store_view, 208, 16)

// VkDrawIndirectCommand: vertices, instances, first vertex, first instance.
const uint COMMAND_SIZE = 16u;
const uint COMMAND_INSTANCES = 4u;
