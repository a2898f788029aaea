/* The compute pipelines of shaders/, one layout for all: push constants, and two descriptors that only one of them has.
 */
#ifndef SUITE_KERNELS_H
#define SUITE_KERNELS_H

#include "suite.h"

/* Both end the program when something fails. */
void suite_create_kernels(struct suite *s);
void suite_destroy_kernels(struct suite *s);

#endif
