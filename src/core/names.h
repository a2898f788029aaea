/* Names that come from the caller: UTF-8, of any length. */
#ifndef BDA_CORE_NAMES_H
#define BDA_CORE_NAMES_H

#include <stddef.h>

/* The name; NULL for an empty one, which is none. */
static inline const char *bda_name_or_none(const char *name) {
    return name != NULL && name[0] != '\0' ? name : NULL;
}

/* A text that was cut may end within a UTF-8 character: what is left of that goes, too. */
void bda_drop_cut_character(char *text);

/* Copies as much of a text as `size` bytes hold, its end included, and no cut character. */
void bda_copy_text(char *to, size_t size, const char *text);

#endif
