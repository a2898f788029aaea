/* See json.h. Nothing here knows of locales: snprintf is given whole numbers only. */
#include "debug/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void bda_json_begin(struct bda_json *json, BdaWriteText write, void *user) {
    json->write = write;
    json->user = user;
    json->stopped = json->separate = false;
    json->length = 0;
}

static void send(struct bda_json *json) {
    if (json->length != 0 && !json->stopped)
        json->stopped = json->write(json->user, json->text, json->length) == VK_FALSE;
    json->length = 0;
}

bool bda_json_end(struct bda_json *json) {
    send(json);
    return !json->stopped;
}

static void put(struct bda_json *json, const char *text, size_t length) {
    if (length > sizeof json->text - json->length)
        send(json);
    memcpy(json->text + json->length, text, length); /* no piece is as long as the buffer */
    json->length += length;
}

static void put_text(struct bda_json *json, const char *text) {
    put(json, text, strlen(text));
}

/* ---- Values ---- */

static void begin_value(struct bda_json *json, const char *key) {
    if (json->separate)
        put(json, ",", 1);
    json->separate = true;
    if (key == NULL)
        return;
    put(json, "\"", 1);
    put_text(json, key);
    put(json, "\":", 2);
}

void bda_json_open(struct bda_json *json, const char *key, char bracket) {
    begin_value(json, key);
    put(json, &bracket, 1);
    json->separate = false;
}

void bda_json_open_line(struct bda_json *json, const char *key, char bracket) {
    if (json->separate)
        put(json, ",", 1);
    put(json, "\n", 1);
    json->separate = false;
    bda_json_open(json, key, bracket);
}

void bda_json_close(struct bda_json *json, char bracket) {
    put(json, &bracket, 1);
    json->separate = true;
}

/* printf would take half of a dump's time. */
static void put_digits(struct bda_json *json, uint64_t value, unsigned base) {
    char digits[20], *at = digits + sizeof digits; /* UINT64_MAX has as many */
    do {
        *--at = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    put(json, at, (size_t)(digits + sizeof digits - at));
}

void bda_json_number(struct bda_json *json, const char *key, uint64_t value) {
    begin_value(json, key);
    put_digits(json, value, 10);
}

void bda_json_hex(struct bda_json *json, const char *key, uint64_t value) {
    begin_value(json, key);
    put(json, "\"0x", 3);
    put_digits(json, value, 16);
    put(json, "\"", 1);
}

void bda_json_fraction(struct bda_json *json, const char *key, double value) {
    char digits[32];
    uint32_t parts = value <= 0 ? 0 : value >= 1 ? 10000 : (uint32_t)(value * 10000 + 0.5);
    begin_value(json, key);
    (void)snprintf(digits, sizeof digits, "%" PRIu32 ".%04" PRIu32, parts / 10000, parts % 10000);
    put_text(json, digits);
}

void bda_json_bool(struct bda_json *json, const char *key, bool value) {
    begin_value(json, key);
    put_text(json, value ? "true" : "false");
}

void bda_json_null(struct bda_json *json, const char *key) {
    begin_value(json, key);
    put_text(json, "null");
}

/* ---- Text ---- */

/* Bytes of the UTF-8 character that begins here; 0: none does. Overlong forms, surrogates, and what lies beyond
 * U+10FFFF are none (RFC 3629). The terminating zero is no continuation, so nothing behind it is read. */
static size_t character_at(const unsigned char *text) {
    unsigned char lead = text[0], low = 0x80, high = 0xBF;
    if (lead < 0x80)
        return 1;
    size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4)
        return 0;
    low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : low;
    high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : high;
    for (size_t i = 1; i < length; i++, low = 0x80, high = 0xBF)
        if (text[i] < low || text[i] > high)
            return 0;
    return length;
}

static void put_escaped(struct bda_json *json, unsigned char c) {
    char escaped[8];
    if (c == '"' || c == '\\')
        (void)snprintf(escaped, sizeof escaped, "\\%c", c);
    else
        (void)snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned)c);
    put_text(json, escaped);
}

enum { RUN_MOST = 256 }; /* no longer than the buffer */

/* Bytes from here on that stand as they are: whole characters, and none that is escaped. */
static size_t run_at(const unsigned char *text) {
    size_t run = 0;
    while (run < RUN_MOST - 4 && text[run] >= ' ' && text[run] != '"' && text[run] != '\\' && text[run] != 0x7F) {
        size_t length = character_at(text + run);
        if (length == 0)
            break;
        run += length;
    }
    return run;
}

void bda_json_text(struct bda_json *json, const char *key, const char *text) {
    if (text == NULL) {
        bda_json_null(json, key);
        return;
    }
    begin_value(json, key);
    put(json, "\"", 1);
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0';) {
        size_t run = run_at(c);
        if (run != 0)
            put(json, (const char *)c, run);
        else if (character_at(c) == 0)
            put_text(json, "\\ufffd");
        else
            put_escaped(json, *c);
        c += run != 0 ? run : 1;
    }
    put(json, "\"", 1);
}
