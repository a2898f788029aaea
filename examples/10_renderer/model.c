/*
 * Loads a model by assimp: glTF 2.0 and what else it reads. The graph of nodes is kept as it is in the file.
 *
 * assimp goes down that graph by recursion, with up to a kilobyte of stack for each level, so it does so on a thread
 * whose stack is larger than any graph that somebody draws wants: one that lies some 10 000 levels deep would end the
 * program without a word. Pages that are not touched cost nothing.
 */
#include "scene.h"

#include <stdio.h>

#ifdef EXAMPLE_WITH_ASSIMP

#include "example.h"

#include <assimp/cimport.h>
#include <assimp/config.h>
#include <assimp/material.h>
#include <assimp/postprocess.h>
#include <assimp/scene.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    DEEPEST =
        1000, /* levels of nodes: each frame, each node's transform is composed on its way up through all of them */
    LOADER_STACK = 1 << 29,
};

static const float model_radius = 3.0f;       /* what half of the diagonal of a model's box is scaled to */
static const float least_of_distance = 1e-5f; /* a model's extent: a vertex is off by up to 1 % of it then */

/* assimp's names of properties, AI_MATKEY_…, are three arguments. */
static float get_number(const struct aiMaterial *material, const char *key, unsigned type, unsigned index,
                        float otherwise) {
    float value = otherwise;
    unsigned count = 1;
    return aiGetMaterialFloatArray(material, key, type, index, &value, &count) == AI_SUCCESS ? value : otherwise;
}

static struct vec3 get_colour(const struct aiMaterial *material) {
    struct aiColor4D colour = { 0.8f, 0.8f, 0.8f, 1.0f };
    if (aiGetMaterialColor(material, AI_MATKEY_BASE_COLOR, &colour) != AI_SUCCESS)
        (void)aiGetMaterialColor(material, AI_MATKEY_COLOR_DIFFUSE, &colour);
    return (struct vec3){ colour.r, colour.g, colour.b };
}

static void add_materials(struct scene *scene, const struct aiScene *model) {
    for (unsigned i = 0; i < model->mNumMaterials; i++) {
        const struct aiMaterial *from = model->mMaterials[i];
        struct material material = { .colour = get_colour(from),
                                     .metallic = get_number(from, AI_MATKEY_METALLIC_FACTOR, 0.0f),
                                     .roughness = get_number(from, AI_MATKEY_ROUGHNESS_FACTOR, 0.5f) };
        material.roughness = fmaxf(material.roughness, 0.05f); /* a perfect mirror shows no lights */
        struct aiString name;
        if (aiGetMaterialString(from, AI_MATKEY_NAME, &name) != AI_SUCCESS)
            name.data[0] = '\0';
        snprintf(material.name, sizeof material.name, "%.*s", NAME_SIZE - 1, name.data[0] ? name.data : "unnamed");
        scene_add_material(scene, material);
    }
}

static bool is_finite(struct vec3 p) {
    return isfinite(p.x) && isfinite(p.y) && isfinite(p.z);
}

/* A triangle without an area has no normal, which assimp says by numbers that are none. */
static struct vec3 to_normal(struct aiVector3D n) {
    struct vec3 normal = { n.x, n.y, n.z };
    return is_finite(normal) ? normal : (struct vec3){ 0.0f, 1.0f, 0.0f };
}

static struct mesh copy_mesh(const struct aiMesh *from) {
    struct mesh mesh = { .vertex_count = from->mNumVertices };
    snprintf(mesh.name, sizeof mesh.name, "%.*s", NAME_SIZE - 1, from->mName.length ? from->mName.data : "unnamed");
    mesh.vertices = calloc(from->mNumVertices, sizeof *mesh.vertices);
    mesh.indices = calloc(3 * (size_t)from->mNumFaces + 1, sizeof *mesh.indices);
    if (!mesh.vertices || !mesh.indices)
        ex_fail("out of memory");
    for (unsigned i = 0; i < from->mNumVertices; i++) {
        struct aiVector3D p = from->mVertices[i];
        mesh.vertices[i] = (struct vertex){ { p.x, p.y, p.z }, to_normal(from->mNormals[i]) };
    }
    for (unsigned i = 0; i < from->mNumFaces; i++)
        if (from->mFaces[i].mNumIndices == 3) {
            memcpy(mesh.indices + mesh.index_count, from->mFaces[i].mIndices, 3 * sizeof *mesh.indices);
            mesh.index_count += 3;
        }
    return mesh;
}

static struct affine to_affine(const struct aiMatrix4x4 *m) {
    return (struct affine){
        { { m->a1, m->a2, m->a3, m->a4 }, { m->b1, m->b2, m->b3, m->b4 }, { m->c1, m->c2, m->c3, m->c4 } }
    };
}

/* What the indices of the file's meshes and materials begin at in the scene. */
struct bases {
    const char *path;
    uint32_t mesh, material;
};

/* NOLINTNEXTLINE(misc-no-recursion): it goes as deep as the file's graph does */
static void add_node(struct scene *scene, const struct aiScene *model, const struct aiNode *from, uint32_t parent,
                     uint32_t level, const struct bases *bases) {
    if (level > DEEPEST)
        ex_fail("%s: its nodes lie more than %d levels deep in each other", bases->path, DEEPEST);
    uint32_t node = scene_add_node(scene, parent, to_affine(&from->mTransformation));
    for (unsigned i = 0; i < from->mNumMeshes; i++)
        scene_add_instance(scene, node, bases->mesh + from->mMeshes[i],
                           bases->material + model->mMeshes[from->mMeshes[i]]->mMaterialIndex,
                           (struct vec3){ 1.0f, 1.0f, 1.0f });
    for (unsigned i = 0; i < from->mNumChildren; i++)
        add_node(scene, model, from->mChildren[i], node, level + 1, bases);
}

/* The box around the model as the node `fit` leaves it. Ends the program where one of its vertices is nowhere. */
struct box {
    struct vec3 low, high;
};

static struct box find_box(const struct scene *scene, const struct affine *worlds, uint32_t first_instance,
                           const char *path) {
    struct box box = { { INFINITY, INFINITY, INFINITY }, { -INFINITY, -INFINITY, -INFINITY } };
    for (uint32_t i = first_instance; i < scene->instance_count; i++) {
        const struct mesh *mesh = &scene->meshes[scene->instances[i].mesh];
        for (uint32_t k = 0; k < mesh->vertex_count; k++) {
            struct vec3 p = affine_point(&worlds[scene->instances[i].node], mesh->vertices[k].position);
            if (!is_finite(p))
                ex_fail("%s: vertex %u of mesh '%s' has no finite place", path, k, mesh->name);
            box.low = (struct vec3){ fminf(box.low.x, p.x), fminf(box.low.y, p.y), fminf(box.low.z, p.z) };
            box.high = (struct vec3){ fmaxf(box.high.x, p.x), fmaxf(box.high.y, p.y), fmaxf(box.high.z, p.z) };
        }
    }
    return box;
}

static float largest(struct vec3 a) {
    return fmaxf(fabsf(a.x), fmaxf(fabsf(a.y), fabsf(a.z)));
}

/* Ends the program where nothing of the model could be shown. */
static void check_box(const struct scene *scene, const struct box *box, uint32_t first_instance, const char *path) {
    float extent = largest(vec3_subtract(box->high, box->low));
    float distance = fmaxf(largest(box->low), largest(box->high));
    ex_check_extent(path, extent);
    if (extent < least_of_distance * distance)
        ex_fail(
            "the model of %s has an extent of %g and lies %g from its origin: floats do not tell its vertices apart",
            path, (double)extent, (double)distance);
    for (uint32_t i = first_instance; i < scene->instance_count; i++)
        if (!isfinite(scene->meshes[scene->instances[i].mesh].radius))
            ex_fail("%s: mesh '%s' is too large to calculate with, however it is scaled", path,
                    scene->meshes[scene->instances[i].mesh].name);
}

/* Scales and moves the node `fit`, which the whole model hangs on, so that the model stands on the ground. */
static void fit_model(struct scene *scene, uint32_t fit, uint32_t first_instance, const char *path) {
    if (first_instance == scene->instance_count)
        ex_fail("%s: no node of it has a mesh", path);
    struct affine *worlds = calloc(scene->node_count, sizeof *worlds);
    if (!worlds)
        ex_fail("out of memory");
    scene_find_worlds(scene, 0.0f, worlds);
    const struct box box = find_box(scene, worlds, first_instance, path);
    free(worlds);
    check_box(scene, &box, first_instance, path);
    struct vec3 low = box.low, high = box.high;
    float scale = model_radius / (0.5f * vec3_length(vec3_subtract(high, low)));
    struct vec3 foot = { -0.5f * scale * (low.x + high.x), -scale * low.y, -0.5f * scale * (low.z + high.z) };
    scene->nodes[fit].local = affine_place(foot, (struct vec3){ 0, 1, 0 }, 0.0f, scale);
}

static void add_model(struct scene *scene, const struct aiScene *model, const char *path) {
    struct vec3 up = { 0.0f, 1.0f, 0.0f };
    scene_add_stage(scene);
    struct bases bases = { path, scene->mesh_count, scene->material_count };
    uint32_t first_instance = scene->instance_count;
    add_materials(scene, model);
    for (unsigned i = 0; i < model->mNumMeshes; i++)
        scene_add_mesh(scene, copy_mesh(model->mMeshes[i]));
    uint32_t table = scene_add_moving_node(scene, 0, (struct motion){ .axis = up, .speed = 0.4f, .scale = 1.0f });
    uint32_t fit = scene_add_node(scene, table, affine_place((struct vec3){ 0 }, up, 0.0f, 1.0f));
    add_node(scene, model, model->mRootNode, fit, 1, &bases);
    fit_model(scene, fit, first_instance, path);
    scene->camera = (struct orbit){ .at = { 0.0f, 0.6f * model_radius, 0.0f },
                                    .distance = 4.2f * model_radius,
                                    .height = 1.2f * model_radius,
                                    .angle = -0.6f };
    scene->both_sides = true;
    scene->shadow_reach = 3.0f * model_radius;
}

static bool load(struct scene *scene, const char *path) {
    const unsigned steps = aiProcess_Triangulate | aiProcess_GenSmoothNormals | aiProcess_JoinIdenticalVertices |
                           aiProcess_SortByPType | aiProcess_ImproveCacheLocality;
    struct aiPropertyStore *properties = aiCreatePropertyStore();
    if (properties) /* points and lines are dropped, also where they share a mesh with triangles */
        aiSetImportPropertyInteger(properties, AI_CONFIG_PP_SBP_REMOVE, aiPrimitiveType_POINT | aiPrimitiveType_LINE);
    const struct aiScene *model = aiImportFileExWithProperties(path, steps, NULL, properties);
    bool loaded = model && model->mNumMeshes > 0;
    if (loaded)
        add_model(scene, model, path);
    else
        fprintf(stderr, "%s: %s\n", path, model ? "no triangles in it" : aiGetErrorString());
    aiReleaseImport(model);
    aiReleasePropertyStore(properties);
    return loaded;
}

struct errand {
    struct scene *scene;
    const char *path;
    bool loaded;
};

static void *run_errand(void *context) {
    struct errand *errand = context;
    errand->loaded = load(errand->scene, errand->path);
    return NULL;
}

bool scene_load_model(struct scene *scene, const char *path) {
    struct errand errand = { scene, path, false };
    pthread_attr_t attributes;
    pthread_t thread;
    if (pthread_attr_init(&attributes) != 0 || pthread_attr_setstacksize(&attributes, LOADER_STACK) != 0 ||
        pthread_create(&thread, &attributes, run_errand, &errand) != 0)
        ex_fail("no thread to load %s with", path);
    (void)pthread_join(thread, NULL);
    (void)pthread_attr_destroy(&attributes);
    return errand.loaded;
}

#else

bool scene_load_model(struct scene *scene, const char *path) {
    (void)scene;
    fprintf(stderr, "%s: the program was built without assimp (Debian: libassimp-dev), which reads models\n", path);
    return false;
}

#endif
