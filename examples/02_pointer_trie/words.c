/* Reads a text and makes the questions and the right answers; see words.h. */
#include "words.h"

#include "example.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Offsets are 32 bits wide, and the absent words come behind the text. */
static const long max_text_size = 256l * 1024 * 1024;

int letter_index(char c) {
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    return c >= 'a' && c <= 'z' ? c - 'a' + 26 : -1;
}

static char index_letter(uint32_t index) {
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[index];
}

static void *allocate(size_t count, size_t size) {
    void *memory = calloc(count, size);
    if (!memory)
        ex_fail("out of memory");
    return memory;
}

/* An absent word is at most one letter longer than the word it comes from, so twice the text holds both. */
static void read_text(struct words *words, const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file)
        ex_fail("cannot open %s: %s (give another text as the argument)", path, strerror(errno));
    long size = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    if (size <= 0 || size > max_text_size || fseek(file, 0, SEEK_SET) != 0)
        ex_fail("%s is empty, larger than 256 MiB or cannot be read", path);
    words->text_size = (uint32_t)size;
    words->bytes = allocate(2 * (size_t)size + 4, 1);
    if (fread(words->bytes, 1, (size_t)size, file) != (size_t)size)
        ex_fail("cannot read %s", path);
    fclose(file);
}

static void split(struct words *words) {
    words->queries = allocate(words->text_size + 1, sizeof *words->queries);
    struct word word = { 0, 0 };
    for (uint32_t i = 0; i <= words->text_size; i++) {
        if (letter_index(words->bytes[i]) >= 0) { /* the byte behind the text is 0 */
            word.length++;
            continue;
        }
        if (word.length > 0)
            words->queries[words->present++] = word;
        word = (struct word){ .offset = i + 1 };
    }
    if (words->present == 0)
        ex_fail("the text has no words");
}

/* For qsort, which hands its comparison nothing but the two elements. */
static const char *sorted_bytes;

static int compare_spelling(struct word a, struct word b) {
    uint32_t shorter = a.length < b.length ? a.length : b.length;
    int order = memcmp(sorted_bytes + a.offset, sorted_bytes + b.offset, shorter);
    return order ? order : (a.length > b.length) - (a.length < b.length);
}

static int compare_entries(const void *a, const void *b) {
    const struct entry *x = a, *y = b;
    int order = compare_spelling(x->word, y->word);
    return order ? order : (x->first > y->first) - (x->first < y->first);
}

static void sort_entries(struct words *words) {
    words->entries = allocate(words->present, sizeof *words->entries);
    for (uint32_t i = 0; i < words->present; i++)
        words->entries[i] = (struct entry){ .word = words->queries[i], .first = i, .count = 1 };
    sorted_bytes = words->bytes;
    qsort(words->entries, words->present, sizeof *words->entries, compare_entries);
    uint32_t last = 0;
    for (uint32_t i = 1; i < words->present; i++) {
        if (compare_spelling(words->entries[last].word, words->entries[i].word) == 0)
            words->entries[last].count++;
        else
            words->entries[++last] = words->entries[i];
    }
    words->entry_count = last + 1;
}

const struct entry *find_entry(const struct words *words, struct word word) {
    uint32_t low = 0, high = words->entry_count;
    sorted_bytes = words->bytes;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = compare_spelling(words->entries[middle].word, word);
        if (order == 0)
            return &words->entries[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static uint32_t next_random(uint32_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* Spoils a word in one of three ways; each leads the walk astray at another place: in the middle, past the end, or at a
 * node that exists but ends no word. */
static struct word spoil(char *bytes, struct word from, uint32_t offset, uint32_t *random) {
    struct word word = { .offset = offset, .length = from.length };
    memcpy(bytes + offset, bytes + from.offset, from.length);
    char letter = index_letter(next_random(random) % LETTERS);
    switch (next_random(random) % 3) {
    case 0:
        bytes[offset + next_random(random) % word.length] = letter;
        break;
    case 1:
        bytes[offset + word.length++] = letter;
        break;
    default:
        if (word.length > 1)
            word.length--;
    }
    return word;
}

static void make_absent(struct words *words) {
    uint32_t random = 2463534242u;
    uint32_t end = words->text_size;
    for (uint32_t i = 0; i < words->present; i++) {
        struct word word = spoil(words->bytes, words->queries[i], end, &random);
        for (int tries = 0; find_entry(words, word); tries++) {
            if (tries == 10000)
                ex_fail("every neighbour of a word is in the text, too: take a more usual one");
            word = spoil(words->bytes, words->queries[i], end, &random);
        }
        words->queries[words->present + i] = word;
        end += word.length;
    }
    words->size = end;
    words->count = 2 * words->present;
}

void read_words(struct words *words, const char *path) {
    memset(words, 0, sizeof *words);
    read_text(words, path);
    split(words);
    sort_entries(words);
    make_absent(words);
}

void free_words(struct words *words) {
    free(words->bytes);
    free(words->queries);
    free(words->entries);
}
