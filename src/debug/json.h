/*
 * JSON (RFC 8259) as text, streamed: pieces of a kilobyte go to the caller's callback as they fill up, so that a dump
 * of any length takes no host memory. No lock may be held while anything is written.
 *
 * Numbers are decimal and whole; what needs all of its 64 bits (addresses, handles) is a string of hexadecimal digits,
 * since readers of JSON keep 53. Text is UTF-8: what is none becomes U+FFFD, a byte each.
 */
#ifndef BDA_DEBUG_JSON_H
#define BDA_DEBUG_JSON_H

#include <bdaalloc/bdaalloc.h>

#include <stdbool.h>

struct bda_json {
    BdaWriteText write;
    void *user;
    bool stopped;  /* the callback wants no more */
    bool separate; /* what comes next has something before it */
    size_t length;
    char text[1024];
};

void bda_json_begin(struct bda_json *json, BdaWriteText write, void *user);

/* What is left goes out; false: the callback has stopped it. */
bool bda_json_end(struct bda_json *json);

/* `key` is ours, ASCII, or NULL in arrays. `bracket`: '{' or '[', and their ends. */
void bda_json_open(struct bda_json *json, const char *key, char bracket);
void bda_json_close(struct bda_json *json, char bracket);

/* The same, beginning a line of its own. */
void bda_json_open_line(struct bda_json *json, const char *key, char bracket);

void bda_json_number(struct bda_json *json, const char *key, uint64_t value);
void bda_json_hex(struct bda_json *json, const char *key, uint64_t value);
void bda_json_bool(struct bda_json *json, const char *key, bool value);
void bda_json_null(struct bda_json *json, const char *key);

/* Between 0 and 1, to four digits. */
void bda_json_fraction(struct bda_json *json, const char *key, double value);

/* NULL becomes null. */
void bda_json_text(struct bda_json *json, const char *key, const char *text);

#endif
