// See checked.glsl; pointers are two words.
#version 460
#extension GL_GOOGLE_include_directive : require
#define BDA_POINTER_UVEC2
#include "checked.glsl"
