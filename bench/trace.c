/* Reading traces line by line; see trace.h for the structures and traces/README.md for the format. */
#include "trace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_LENGTH = 1024, MAX_FIELDS = 7 }; /* the longest line has six fields; the seventh is one too many */

struct reader {
    struct trace *trace;
    char *error;
    uint32_t line;
    uint32_t event_capacity, usage_capacity, id_capacity;
    uint64_t *live; /* by id: its size, 0 while it is not alive */
    uint32_t live_count;
    uint64_t live_bytes;
};

/* ---- Words ---- */

static const char *const intent_names[TRACE_INTENT_COUNT] = { "device", "upload", "readback", "shared" };

/* The VkBufferUsageFlagBits that programs use, in short. */
static const struct {
    uint64_t bit;
    const char *name;
} usage_names[] = {
    { 0x1, "transfer_src" },
    { 0x2, "transfer_dst" },
    { 0x4, "uniform_texel" },
    { 0x8, "storage_texel" },
    { 0x10, "uniform" },
    { 0x20, "storage" },
    { 0x40, "index" },
    { 0x80, "vertex" },
    { 0x100, "indirect" },
    { 0x200, "conditional" },
    { 0x400, "binding_table" },
    { 0x800, "feedback" },
    { 0x1000, "feedback_counter" },
    { 0x20000, "address" },
    { 0x80000, "structure_input" },
    { 0x100000, "structure" },
};
enum { USAGE_NAME_COUNT = sizeof usage_names / sizeof usage_names[0] };

const char *trace_intent_name(enum trace_intent intent) {
    return intent_names[intent];
}

void trace_print_usage(uint64_t usage, char text[TRACE_MAX_USAGE_TEXT]) {
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < USAGE_NAME_COUNT; i++) {
        if ((usage & usage_names[i].bit) == 0)
            continue;
        length += (size_t)snprintf(text + length, TRACE_MAX_USAGE_TEXT - length, "%s%s", length == 0 ? "" : "|",
                                   usage_names[i].name);
        usage &= ~usage_names[i].bit;
    }
    if (usage != 0 || length == 0)
        (void)snprintf(text + length, TRACE_MAX_USAGE_TEXT - length, usage == 0 ? "0" : "%s0x%" PRIx64,
                       length == 0 ? "" : "|", usage);
}

/* ---- Errors and growth ---- */

/* Always false, so that a function can say what is wrong and give up in one line. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static bool
fail(struct reader *reader, const char *format, ...) {
    va_list arguments;
    int length = snprintf(reader->error, TRACE_ERROR_LENGTH, "line %" PRIu32 ": ", reader->line);
    va_start(arguments, format);
    (void)vsnprintf(reader->error + length, TRACE_ERROR_LENGTH - (size_t)length, format, arguments);
    va_end(arguments);
    return false;
}

/* Room for one element more than `count`; what is new is zeroed. */
static bool grow(struct reader *reader, void *array, uint32_t count, uint32_t *capacity, size_t size) {
    if (count < *capacity)
        return true;
    uint32_t more = count + count / 2 + 64;
    void *old, *new;
    memcpy(&old, array, sizeof old);
    new = realloc(old, more * size);
    if (new == NULL)
        return fail(reader, "out of memory");
    memset((unsigned char *)new + *capacity *size, 0, (more - *capacity) * size);
    memcpy(array, &new, sizeof new);
    *capacity = more;
    return true;
}

/* ---- Fields ---- */

/* Digits only: no sign, no space, nothing after them. */
static bool read_number(const char *text, int base, uint64_t *number) {
    if (strspn(text, base == 16 ? "0123456789abcdefABCDEF" : "0123456789") != strlen(text) || *text == '\0')
        return false;
    errno = 0;
    *number = strtoull(text, NULL, base);
    return errno == 0;
}

static bool read_id(struct reader *reader, const char *text, uint32_t *id) {
    uint64_t number;
    if (!read_number(text, 10, &number) || number >= TRACE_MAX_IDS)
        return fail(reader, "'%.32s' is no id: a number below %d", text, TRACE_MAX_IDS);
    *id = (uint32_t)number;
    return grow(reader, &reader->live, *id, &reader->id_capacity, sizeof *reader->live);
}

static bool read_size(struct reader *reader, const char *text, uint64_t *size) {
    if (!read_number(text, 10, size) || *size == 0 || *size >> TRACE_MAX_SIZE_LOG2 != 0)
        return fail(reader, "'%.32s' is no size: a number of bytes from 1, below 2^%d", text, TRACE_MAX_SIZE_LOG2);
    return true;
}

static bool read_alignment(struct reader *reader, const char *text, uint8_t *log2) {
    uint64_t number;
    if (!read_number(text, 10, &number) || number == 0 || (number & (number - 1)) != 0 ||
        number >> TRACE_MAX_ALIGNMENT_LOG2 > 1)
        return fail(reader, "'%.32s' is no alignment: a power of two, at most 2^%d", text, TRACE_MAX_ALIGNMENT_LOG2);
    for (*log2 = 0; number >> *log2 != 1;)
        ++*log2;
    return true;
}

static bool read_intent(struct reader *reader, const char *text, uint8_t *intent) {
    for (uint8_t i = 0; i < TRACE_INTENT_COUNT; i++)
        if (strcmp(text, intent_names[i]) == 0) {
            *intent = i;
            return true;
        }
    return fail(reader, "'%.32s' is no intent: device, upload, readback or shared", text);
}

/* One name, or hexadecimal bits. */
static bool read_usage_word(struct reader *reader, const char *word, uint64_t *usage) {
    uint64_t bits;
    for (size_t i = 0; i < USAGE_NAME_COUNT; i++)
        if (strcmp(word, usage_names[i].name) == 0) {
            *usage |= usage_names[i].bit;
            return true;
        }
    if (strncmp(word, "0x", 2) != 0 || !read_number(word + 2, 16, &bits))
        return fail(reader, "'%.32s' is no usage: names or 0x…, joined by '|'", word);
    *usage |= bits;
    return true;
}

/* Cuts `text` up. */
static bool read_usage(struct reader *reader, char *text, uint64_t *usage) {
    *usage = 0;
    if (strcmp(text, "0") == 0)
        return true;
    while (text != NULL) {
        char *end = strchr(text, '|'), *word = text;
        text = end != NULL ? end + 1 : NULL;
        if (end != NULL)
            *end = '\0';
        if (!read_usage_word(reader, word, usage))
            return false;
    }
    return true;
}

static bool read_usage_number(struct reader *reader, const char *text, uint16_t *usage) {
    uint64_t number;
    if (!read_number(text, 10, &number) || number == 0 || number > reader->trace->usage_count)
        return fail(reader, "'%.32s' is no usage that a 'u' line above declares", text);
    *usage = (uint16_t)(number - 1);
    return true;
}

/* ---- Lines ---- */

static bool add_event(struct reader *reader, const struct trace_event *event) {
    struct trace *trace = reader->trace;
    if (trace->event_count == UINT32_MAX / 2)
        return fail(reader, "too many events");
    if (!grow(reader, &trace->events, trace->event_count, &reader->event_capacity, sizeof *trace->events))
        return false;
    trace->events[trace->event_count++] = *event;
    if (event->id >= trace->id_count)
        trace->id_count = event->id + 1;
    return true;
}

static bool read_usage_line(struct reader *reader, char *fields[]) {
    struct trace *trace = reader->trace;
    uint64_t number, usage;
    if (trace->usage_count == TRACE_MAX_USAGES)
        return fail(reader, "too many usages");
    if (!read_number(fields[1], 10, &number) || number != trace->usage_count + 1)
        return fail(reader, "usages are declared in order, this one should be %" PRIu32, trace->usage_count + 1);
    if (!read_usage(reader, fields[2], &usage) ||
        !grow(reader, &trace->usages, trace->usage_count, &reader->usage_capacity, sizeof *trace->usages))
        return false;
    trace->usages[trace->usage_count++] = usage;
    return true;
}

static bool read_alloc_line(struct reader *reader, char *fields[]) {
    struct trace *trace = reader->trace;
    struct trace_event event = { .size = 0 };
    if (!read_id(reader, fields[1], &event.id) || !read_size(reader, fields[2], &event.size) ||
        !read_alignment(reader, fields[3], &event.alignment_log2) || !read_intent(reader, fields[4], &event.intent) ||
        !read_usage_number(reader, fields[5], &event.usage))
        return false;
    if (reader->live[event.id] != 0)
        return fail(reader, "id %" PRIu32 " is alive already", event.id);
    if (!add_event(reader, &event))
        return false;
    reader->live[event.id] = event.size;
    reader->live_bytes += event.size;
    reader->live_count++;
    trace->alloc_count++;
    if (reader->live_bytes > trace->peak_bytes)
        trace->peak_bytes = reader->live_bytes;
    if (reader->live_count > trace->peak_count)
        trace->peak_count = reader->live_count;
    return true;
}

static bool read_free_line(struct reader *reader, char *fields[]) {
    struct trace_event event = { .size = 0 };
    if (!read_id(reader, fields[1], &event.id))
        return false;
    if (reader->live[event.id] == 0)
        return fail(reader, "id %" PRIu32 " is not alive", event.id);
    if (!add_event(reader, &event))
        return false;
    reader->live_bytes -= reader->live[event.id];
    reader->live_count--;
    reader->live[event.id] = 0;
    return true;
}

static bool read_fields(struct reader *reader, char *fields[], uint32_t count) {
    static const struct {
        const char *name;
        uint32_t field_count;
        const char *form;
        bool (*read)(struct reader *reader, char *fields[]);
    } operations[] = {
        { "a", 6, "a ID SIZE ALIGNMENT INTENT USAGE", read_alloc_line },
        { "f", 2, "f ID", read_free_line },
        { "u", 3, "u NUMBER NAMES", read_usage_line },
    };
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
        if (strcmp(fields[0], operations[i].name) != 0)
            continue;
        if (count != operations[i].field_count)
            return fail(reader, "should be: %s", operations[i].form);
        return operations[i].read(reader, fields);
    }
    return fail(reader, "'%.32s' is no operation: a, f or u", fields[0]);
}

/* `text` is one line, with its end. */
static bool read_line(struct reader *reader, char *text) {
    char *fields[MAX_FIELDS];
    uint32_t count = 0;
    text[strcspn(text, "\r\n")] = '\0';
    if (reader->line == 1)
        return strcmp(text, TRACE_VERSION_LINE) == 0 || fail(reader, "should be: %s", TRACE_VERSION_LINE);
    if (text[0] == '#')
        return true;
    for (char *rest = text; count < MAX_FIELDS && *(rest += strspn(rest, " \t")) != '\0';) {
        fields[count++] = rest;
        rest += strcspn(rest, " \t");
        if (*rest != '\0')
            *rest++ = '\0';
    }
    return count == 0 || read_fields(reader, fields, count);
}

static bool read_lines(struct reader *reader, FILE *file) {
    char text[LINE_LENGTH];
    while (fgets(text, sizeof text, file) != NULL) {
        reader->line++;
        if (strchr(text, '\n') == NULL && !feof(file))
            return fail(reader, "longer than %d characters, or no text", LINE_LENGTH - 2);
        if (!read_line(reader, text))
            return false;
    }
    if (ferror(file))
        return fail(reader, "cannot be read: %s", strerror(errno));
    reader->line += reader->line == 0;
    return reader->trace->event_count > 0 || fail(reader, "the trace ends and has no event");
}

bool trace_read(FILE *file, struct trace *trace, char error[TRACE_ERROR_LENGTH]) {
    struct reader reader = { .trace = trace, .error = error };
    memset(trace, 0, sizeof *trace);
    bool good = read_lines(&reader, file);
    free(reader.live);
    if (!good)
        trace_free(trace);
    return good;
}

bool trace_open(const char *path, struct trace *trace, char error[TRACE_ERROR_LENGTH]) {
    char reason[TRACE_ERROR_LENGTH];
    FILE *file = fopen(path, "r");
    bool good = file != NULL && trace_read(file, trace, reason);
    if (file == NULL) {
        memset(trace, 0, sizeof *trace);
        (void)snprintf(reason, sizeof reason, "%s", strerror(errno));
    } else {
        (void)fclose(file);
    }
    if (!good)
        (void)snprintf(error, TRACE_ERROR_LENGTH, "%.80s: %.170s", path, reason);
    return good;
}

void trace_free(struct trace *trace) {
    free(trace->events);
    free(trace->usages);
    memset(trace, 0, sizeof *trace);
}
