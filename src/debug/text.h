/* Text that grows at its end, in memory of a fixed size: what a report, a finding or a message is put together in. */
#ifndef BDA_DEBUG_TEXT_H
#define BDA_DEBUG_TEXT_H

#include "debug/message.h"

#include <stddef.h>

struct bda_text {
    char *begin, *end; /* `end` is the terminating zero */
    size_t room;       /* from `end` on */
    bool cut;          /* something did not fit */
};

/* Empty, in `size` bytes, which are not 0. */
void bda_text_begin(struct bda_text *text, size_t size, char *memory);

void bda_text_add(struct bda_text *text, const char *format, ...) BDA_PRINTF(2, 3);

/* Makes it one line; false where it was cut. */
bool bda_text_end(struct bda_text *text);

#endif
