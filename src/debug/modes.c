/* See modes.h. */
#include "debug/modes.h"

#include "core/bits.h"
#include "debug/message.h"

#include <inttypes.h>
#include <stdint.h>
#include <string.h>

/* One of the list: a word, and what follows an equals sign. */
struct item {
    const char *word;
    size_t length;
    const char *value; /* NULL: no sign */
    size_t value_length;
};

struct mode {
    const char *word;
    BdaCheckFlags checks;
    const char *help;
    void (*set)(BdaAllocatorInfo *info, uint64_t value); /* NULL: it takes no value */
    uint64_t most;                                       /* of it */
};

static void set_bytes(BdaAllocatorInfo *info, uint64_t value) {
    info->quarantine_bytes = value;
}

static void set_frees(BdaAllocatorInfo *info, uint64_t value) {
    info->quarantine_frees = (uint32_t)value;
}

static void set_red_zone(BdaAllocatorInfo *info, uint64_t value) {
    info->red_zone = (uint32_t)value;
}

#define ALL                                                                                                            \
    (BDA_CHECK_QUARANTINE_BIT | BDA_CHECK_POISON_BIT | BDA_CHECK_RED_ZONES_BIT | BDA_CHECK_ISOLATE_BIT |               \
     BDA_CHECK_MEMORY_BIT | BDA_CHECK_POINTERS_BIT | BDA_CHECK_STACKS_BIT | BDA_CHECK_HISTORY_BIT)

static const struct mode modes[] = {
    { "quarantine", BDA_CHECK_QUARANTINE_BIT, "[=bytes] freed ranges are not handed out again for a while", set_bytes,
      UINT64_MAX },
    { "frees", BDA_CHECK_QUARANTINE_BIT, "=count the same, for so many frees", set_frees, UINT32_MAX },
    { "poison", BDA_CHECK_POISON_BIT, "freed and fresh ranges are filled with a pattern", NULL, 0 },
    { "redzones", BDA_CHECK_RED_ZONES_BIT, "[=bytes] around each allocation, looked at as it is freed", set_red_zone,
      BDA_RED_ZONE_MAX },
    { "isolate", BDA_CHECK_ISOLATE_BIT, "each allocation has a VkBuffer of its own", NULL, 0 },
    { "memory", BDA_CHECK_MEMORY_BIT, "valgrind and the address sanitizer know what may be touched", NULL, 0 },
    { "pointers", BDA_CHECK_POINTERS_BIT, "shaders with BDA_CHECKED look pointers up", NULL, 0 },
    { "stacks", BDA_CHECK_STACKS_BIT, "who allocated is remembered", NULL, 0 },
    { "history", BDA_CHECK_HISTORY_BIT, "when each was allocated is remembered, as frees are", NULL, 0 },
};

enum { MODES = sizeof modes / sizeof modes[0] };

/* ---- Reading ---- */

/* A script may well break a long list into lines. */
#define SEPARATORS ", \t\r\n"

/* The next of a list; what is left of it begins behind. False: there is none. */
static bool next_item(const char **text, struct item *item) {
    *text += strspn(*text, SEPARATORS);
    size_t length = strcspn(*text, SEPARATORS);
    const char *sign = memchr(*text, '=', length);
    *item = (struct item){ *text, length, NULL, 0 };
    if (sign != NULL) {
        item->length = (size_t)(sign - *text);
        item->value = sign + 1;
        item->value_length = length - item->length - 1;
    }
    *text += length;
    return length != 0;
}

static bool is(const struct item *item, const char *word) {
    return strlen(word) == item->length && strncmp(word, item->word, item->length) == 0;
}

/* What is too large is as large as can be. */
static uint64_t times(uint64_t value, uint64_t factor, uint64_t more) {
    return value > (UINT64_MAX - more) / factor ? UINT64_MAX : value * factor + more;
}

/* Decimal digits, and K, M or G for powers of 1024. */
static bool read_value(const struct item *item, uint64_t *value) {
    size_t i = 0;
    *value = 0;
    for (; i < item->value_length && item->value[i] >= '0' && item->value[i] <= '9'; i++)
        *value = times(*value, 10, (uint64_t)(item->value[i] - '0'));
    if (i == 0)
        return false;
    if (i == item->value_length)
        return true;
    static const char units[] = "KMG";
    const char *unit = strchr(units, item->value[i] & ~0x20);
    if (unit == NULL || *unit == '\0' || i + 1 != item->value_length)
        return false;
    *value = times(*value, (uint64_t)1 << 10 * (unit - units + 1), 0);
    return true;
}

/* ---- Telling ---- */

static void warn(const BdaAllocatorInfo *info, const struct item *item, const char *what) {
    bda_message(info->message, info->message_user, BDA_MESSAGE_WARNING, "BDA_DEBUG: '%.*s' %s", (int)item->length,
                item->word, what);
}

/* Whoever asks for it wants to read it, and many a callback drops what is no warning. */
static void tell_help(const BdaAllocatorInfo *info, BdaCheckFlags there_are) {
    for (int i = 0; i < MODES; i++)
        bda_message(info->message, info->message_user, BDA_MESSAGE_WARNING, "BDA_DEBUG: %s: %s%s", modes[i].word,
                    modes[i].help, (modes[i].checks & there_are) != 0 ? "" : " (not in this build)");
    bda_message(info->message, info->message_user, BDA_MESSAGE_WARNING, "BDA_DEBUG: all: every one of these");
}

/* ---- Doing ---- */

static const struct mode *find_mode(const struct item *item) {
    for (int i = 0; i < MODES; i++)
        if (is(item, modes[i].word))
            return &modes[i];
    return NULL;
}

/* In `info` 0 is a default; whoever writes it here wants none of it. */
static void set_value(BdaAllocatorInfo *info, const struct item *item, const struct mode *mode, uint64_t value) {
    if (value == 0) {
        warn(info, item, "of 0 is none, and turns nothing on; without a number it has its default");
        return;
    }
    info->checks |= mode->checks;
    mode->set(info, bda_min(value, mode->most));
    if (value > mode->most || value == UINT64_MAX) /* where it stops counting */
        bda_message(info->message, info->message_user, BDA_MESSAGE_WARNING,
                    "BDA_DEBUG: '%.*s' is %" PRIu64 " at most, and is that", (int)item->length, item->word, mode->most);
}

static void add_mode(BdaAllocatorInfo *info, const struct item *item, BdaCheckFlags there_are) {
    const struct mode *mode = find_mode(item);
    uint64_t value = 0;
    if (mode == NULL) {
        warn(info, item, "is no checking mode; 'help' lists them");
    } else if ((mode->checks & there_are) == 0) {
        warn(info, item, "is not in this build");
    } else if (item->value == NULL) {
        info->checks |= mode->checks;
    } else if (mode->set == NULL) {
        info->checks |= mode->checks;
        warn(info, item, "takes no value");
    } else if (!read_value(item, &value)) {
        info->checks |= mode->checks;
        warn(info, item, "wants a number, with K, M or G behind it or without");
    } else {
        set_value(info, item, mode, value);
    }
}

void bda_modes_add(BdaAllocatorInfo *info, const char *text, BdaCheckFlags there_are) {
    struct item item;
    while (text != NULL && next_item(&text, &item)) {
        if (is(&item, "help"))
            tell_help(info, there_are);
        else if (is(&item, "all"))
            info->checks |= (BdaCheckFlags)ALL & there_are;
        else
            add_mode(info, &item, there_are);
    }
}
