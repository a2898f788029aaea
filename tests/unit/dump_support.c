/* See dump_support.h. Nothing here asserts: some of it runs in threads. */
#include "dump_support.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "platform/platform.h"

/* ---- Text ---- */

VkBool32 dump_collect(void *user, const char *text, size_t size) {
    struct dump *dump = user;
    dump->under_lock += bda_locks_held != 0 ? 1 : 0;
    if (dump->length + size + 1 > dump->room) {
        dump->room = 2 * (dump->length + size) + 4096;
        dump->text = realloc(dump->text, dump->room);
    }
    memcpy(dump->text + dump->length, text, size);
    dump->length += size;
    dump->text[dump->length] = '\0';
    return ++dump->pieces == dump->most_pieces ? VK_FALSE : VK_TRUE;
}

VkResult dump_take(struct dump *dump, const BdaJsonInfo *info) {
    memset(dump, 0, sizeof *dump);
    return bda_write_json(bench.allocator, info, dump_collect, dump);
}

void dump_free(struct dump *dump) {
    free(dump->text);
    dump->text = NULL;
}

/* ---- Grammar ---- */

struct reader {
    const char *at, *end;
    int depth;
};

static bool value(struct reader *reader);

static void blanks(struct reader *reader) {
    while (reader->at < reader->end && strchr(" \n\r\t", *reader->at) != NULL)
        reader->at++;
}

static bool eat(struct reader *reader, const char *text) {
    size_t length = strlen(text);
    if ((size_t)(reader->end - reader->at) < length || memcmp(reader->at, text, length) != 0)
        return false;
    reader->at += length;
    return true;
}

static bool escape(struct reader *reader) {
    if (reader->at == reader->end)
        return false;
    char kind = *reader->at++;
    if (kind != 'u')
        return strchr("\"\\/bfnrt", kind) != NULL;
    for (int i = 0; i < 4; i++, reader->at++)
        if (reader->at == reader->end || strchr("0123456789abcdefABCDEF", *reader->at) == NULL)
            return false;
    return true;
}

/* A character beyond ASCII, decoded the long way: by its value. */
static bool wide(struct reader *reader) {
    unsigned char lead = (unsigned char)reader->at[0];
    int more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
    uint32_t point = lead & (0x3Fu >> more);
    const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
    if (lead < 0xC0 || lead > 0xF7 || reader->end - reader->at <= more)
        return false;
    for (int i = 1; i <= more; i++) {
        if (((unsigned char)reader->at[i] & 0xC0) != 0x80)
            return false;
        point = point << 6 | ((unsigned char)reader->at[i] & 0x3F);
    }
    reader->at += more + 1;
    return point >= least[more] && point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF);
}

static bool text(struct reader *reader) {
    if (!eat(reader, "\""))
        return false;
    while (reader->at < reader->end && *reader->at != '"') {
        unsigned char c = (unsigned char)*reader->at;
        bool good = c >= 0x20 && c != 0x7F;
        if (c == '\\') {
            reader->at++;
            good = escape(reader);
        } else if (c >= 0x80) {
            good = wide(reader);
        } else {
            reader->at++;
        }
        if (!good)
            return false;
    }
    return eat(reader, "\"");
}

static bool number(struct reader *reader) {
    const char *begin = reader->at;
    while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9')
        reader->at++;
    bool whole = reader->at > begin && (*begin != '0' || reader->at == begin + 1);
    if (!whole || !eat(reader, "."))
        return whole;
    begin = reader->at;
    while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9')
        reader->at++;
    return reader->at > begin;
}

static bool members(struct reader *reader, bool named, const char *close) {
    blanks(reader);
    if (eat(reader, close))
        return true;
    do {
        blanks(reader);
        if (named && !(text(reader) && eat(reader, ":")))
            return false;
        if (!value(reader))
            return false;
        blanks(reader);
    } while (eat(reader, ","));
    return eat(reader, close);
}

static bool value(struct reader *reader) {
    blanks(reader);
    if (reader->at == reader->end || ++reader->depth > 16)
        return false;
    char c = *reader->at;
    bool good = c == '"'           ? text(reader)
                : eat(reader, "{") ? members(reader, true, "}")
                : eat(reader, "[")
                    ? members(reader, false, "]")
                    : eat(reader, "null") || eat(reader, "true") || eat(reader, "false") || number(reader);
    reader->depth--;
    return good;
}

bool dump_is_json(const char *json, size_t length) {
    struct reader reader = { json, json + length, 0 };
    bool good = value(&reader);
    blanks(&reader);
    return good && reader.at == reader.end;
}

/* ---- Ranges ---- */

/* Within the line alone: strstr would look on, and sanitizers have it measure the whole text each time. */
static const char *member(const char *line, const char *end, const char *key) {
    size_t length = strlen(key);
    for (; line + length <= end; line++)
        if (*line == *key && memcmp(line, key, length) == 0)
            return line + length;
    return NULL;
}

static uint64_t number_of(const char *line, const char *end, const char *key, int base) {
    const char *at = member(line, end, key);
    return at != NULL ? strtoull(at, NULL, base) : 0;
}

/* Up to the quote that ends it. */
static void copy_text(const char *at, char *to, size_t size) {
    size_t length = 0;
    for (; at != NULL && *at != '"' && length + 2 < size; at++) {
        if (*at == '\\')
            to[length++] = *at++;
        to[length++] = *at;
    }
    to[length] = '\0';
}

static void read_range(const char *line, const char *end, struct dumped *range) {
    range->address = number_of(line, end, "\"address\":\"", 16);
    range->size = number_of(line, end, "\"size\":", 10);
    range->asked = number_of(line, end, "\"asked\":", 10);
    range->cut = number_of(line, end, "\"cut\":", 10);
    range->behind = number_of(line, end, "\"behind\":", 10);
    range->handle = number_of(line, end, "\"handle\":\"", 16);
    range->frame = number_of(line, end, "\"frame\":", 10);
    copy_text(member(line, end, "\"state\":\""), range->state, sizeof range->state);
    copy_text(member(line, end, "\"name\":\""), range->name, sizeof range->name);
}

static const char *line_end(const struct dump *dump, const char *line) {
    const char *text_end = dump->text + dump->length, *end = memchr(line, '\n', (size_t)(text_end - line));
    return end != NULL ? end : text_end;
}

/* The line behind this one, NULL at the end. */
static const char *line_behind(const struct dump *dump, const char *line) {
    const char *end = line_end(dump, line);
    return end < dump->text + dump->length ? end + 1 : NULL;
}

static bool begins(const char *line, const char *end, const char *with) {
    return (size_t)(end - line) >= strlen(with) && memcmp(line, with, strlen(with)) == 0;
}

/* Each range is on a line of its own, and so is the beginning of each block; both begin with their address, as nothing
 * else does before the history. */
bool dump_next(const struct dump *dump, const char **at, struct dumped *range) {
    const char *line = *at != NULL ? line_behind(dump, *at) : dump->text;
    for (; line != NULL; line = line_behind(dump, line)) {
        const char *end = line_end(dump, line);
        *at = line;
        if (begins(line, end, "\"history\":"))
            return false;
        if (!begins(line, end, "{\"address\":"))
            continue;
        if (member(line, end, "\"shard\":") == NULL) {
            read_range(line, end, range);
            return true;
        }
        range->block = number_of(line, end, "\"address\":\"", 16);
        range->before = number_of(line, end, "\"before\":", 10);
    }
    return false;
}

bool dump_tiles(const struct dump *dump) {
    struct dumped range = { .block = 0 };
    VkDeviceAddress next = 0, block = 0;
    const char *at = NULL;
    while (dump_next(dump, &at, &range)) {
        if (range.block != block && (range.address != range.block || range.block < next))
            return false;
        if (range.block == block && range.address != next)
            return false;
        if (range.size == 0 || range.asked > range.size + range.cut)
            return false;
        block = range.block;
        next = range.address + range.size;
    }
    return true;
}

/* ---- Sums ---- */

static uint64_t total_of(const struct dump *dump, const char *key) {
    char quoted[32];
    (void)snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *total = member(dump->text, dump->text + dump->length, "\"total\":{");
    assert_non_null(total);
    const char *end = memchr(total, '}', (size_t)(dump->text + dump->length - total));
    assert_non_null(member(total, end, quoted));
    return number_of(total, end, quoted, 10);
}

void dump_assert_adds_up(const struct dump *dump) {
    static const char *const states[] = { "live", "free", "pending", "quarantined", "cached" };
    VkDeviceSize held[COUNT_OF(states)] = { 0 }, asked = 0, all = 0, rest = 0;
    VkDeviceAddress block = 0;
    struct dumped range = { .block = 0 };
    for (const char *at = NULL; dump_next(dump, &at, &range); block = range.block) {
        all += range.size + (range.block != block ? range.before : 0);
        rest += range.behind + (range.block != block ? range.before : 0);
        asked += range.asked;
        for (uint32_t i = 0; i < COUNT_OF(states); i++)
            held[i] += strcmp(range.state, states[i]) == 0 ? range.size - range.behind : 0;
    }
    assert_int_equal(asked, total_of(dump, "used"));
    assert_int_equal(held[0], total_of(dump, "used") + total_of(dump, "wasted"));
    VkDeviceSize sum = held[0];
    for (uint32_t i = 1; i < COUNT_OF(states); i++) {
        assert_int_equal(held[i], total_of(dump, states[i]));
        sum += held[i];
    }
    assert_int_equal(rest, total_of(dump, "rest"));
    assert_int_equal(all, total_of(dump, "reserved"));
    assert_int_equal(sum + rest, all);
}
