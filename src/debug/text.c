/* See text.h. */
#include "debug/text.h"

#include <stdarg.h>
#include <stdio.h>

void bda_text_begin(struct bda_text *text, size_t size, char *memory) {
    *text = (struct bda_text){ memory, memory, size, false };
    *memory = '\0';
}

void bda_text_add(struct bda_text *text, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int wanted = vsnprintf(text->end, text->room, format, arguments);
    va_end(arguments);
    size_t written = wanted < 0 ? 0 : (size_t)wanted;
    if (written >= text->room) {
        written = text->room - 1;
        text->cut = true;
    }
    text->end += written;
    text->room -= written;
}

bool bda_text_end(struct bda_text *text) {
    bda_make_one_line(text->begin, text->cut);
    return !text->cut;
}
