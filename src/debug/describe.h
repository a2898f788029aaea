/* Findings in words, see bda_describe_finding. */
#ifndef BDA_DEBUG_DESCRIBE_H
#define BDA_DEBUG_DESCRIBE_H

#include <bdaalloc/bdaalloc.h>

#include <stdbool.h>

/* One line in `text`, whose size is not 0; false where it was cut. */
bool bda_put_in_words(const BdaFinding *finding, size_t size, char *text);

#endif
