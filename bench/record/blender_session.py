# What Blender does while bench/traces/blender.trace is recorded (record.sh starts it): somebody models. Each step adds an
# object, moves a corner of some others, deletes the surplus, and draws; buffers of a mesh are made anew whenever it is
# drawn after a change.
import random

import bpy

MOST_OBJECTS = 30
STEPS = 400
SHAPES = ("uv_sphere", "monkey", "torus", "cube", "cone")

random.seed(1)
bpy.context.preferences.view.show_splash = False
steps = 0


def meshes():
    return [thing for thing in bpy.data.objects if thing.type == "MESH"]


def step():
    global steps
    steps += 1
    add = getattr(bpy.ops.mesh, "primitive_%s_add" % random.choice(SHAPES))
    add(location=[random.uniform(-6, 6) for _ in range(3)])
    bpy.context.active_object.modifiers.new("smooth", "SUBSURF").levels = random.randint(0, 2)
    while len(meshes()) > MOST_OBJECTS:
        bpy.data.objects.remove(random.choice(meshes()), do_unlink=True)
    for thing in random.sample(meshes(), min(3, len(meshes()))):
        thing.data.vertices[0].co.z += 0.1
        thing.data.update()
    bpy.ops.wm.redraw_timer(type="DRAW_WIN_SWAP", iterations=1)
    if steps < STEPS:
        return 0.01
    bpy.ops.wm.quit_blender()


bpy.app.timers.register(step, first_interval=2)
