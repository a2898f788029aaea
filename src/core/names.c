/* See names.h. */
#include "core/names.h"

#include <string.h>

void bda_drop_cut_character(char *text) {
    size_t length = strlen(text), start = length;
    while (start > 0 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
        start--;
    if (start > 0 && ((unsigned char)text[start - 1] & 0x80) != 0) {
        unsigned char lead = (unsigned char)text[start - 1];
        size_t wanted = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
        if (length - (start - 1) < wanted)
            text[start - 1] = '\0';
    }
}

void bda_copy_text(char *to, size_t size, const char *text) {
    to[0] = '\0';
    (void)strncat(to, text, size - 1);
    if (strlen(text) >= size)
        bda_drop_cut_character(to);
}
