/* Messages: one line of text for the caller's callback. Nothing is allocated, and printed only where the environment
 * wants messages that the program does not (bda_message_to_stderr); no lock may be held. */
#ifndef BDA_DEBUG_MESSAGE_H
#define BDA_DEBUG_MESSAGE_H

#include "core/names.h"

#include <bdaalloc/bdaalloc.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Lets the compiler check the arguments against the format. */
#if defined(__GNUC__)
#define BDA_PRINTF(text, first) __attribute__((__format__(__printf__, text, first)))
#else
#define BDA_PRINTF(text, first)
#endif

/* Formats and sends; `callback` may be NULL. Longer texts than 512 bytes are cut. */
void bda_message(BdaMessageCallback callback, void *user, BdaMessageSeverity severity, const char *format, ...)
    BDA_PRINTF(4, 5);

/* A callback that prints "bdaalloc: error: ", or the like, and the text. */
void bda_message_to_stderr(void *user, BdaMessageSeverity severity, const char *text);

/* The name of a result that the library returns; what else a driver may answer is put into `room`. */
enum { BDA_RESULT_ROOM = 24 };
const char *bda_result_name(VkResult result, char room[BDA_RESULT_ROOM]);

/* Puts a reason together in `room`, which is answered. */
enum { BDA_REASON_ROOM = 224 };
const char *bda_reason(char room[BDA_REASON_ROOM], const char *format, ...) BDA_PRINTF(2, 3);

/* The word behind a number of them. */
static inline const char *bda_bytes_word(uint64_t count) {
    return count == 1 ? "byte" : "bytes";
}

/* Puts spaces in the place of control characters. `cut`: the text was, and loses a cut character. */
void bda_make_one_line(char *text, bool cut);

#endif
