/*
 * The environment variable BDA_DEBUG: checking modes for a program that is not built anew. A list with commas:
 *
 *     BDA_DEBUG=quarantine=64M,frees=1000,poison,redzones=128
 *
 * Spaces, tabs and newlines separate as well. What it does not understand, what is too large, and a size of 0, which
 * turns nothing on, is told as a warning, and is never an error.
 */
#ifndef BDA_DEBUG_MODES_H
#define BDA_DEBUG_MODES_H

#include <bdaalloc/bdaalloc.h>

/* Adds what `text` says (NULL: nothing) to the checks of `info` and to their sizes; of modes, those in `there_are`. */
void bda_modes_add(BdaAllocatorInfo *info, const char *text, BdaCheckFlags there_are);

#endif
