/*
 * The CPU's side of the look-ups: the words of a text, the words that it lacks, and a sorted list that knows the right
 * answer to each without any trie.
 *
 * A word is a run of the letters A-Z and a-z; "Hacker" and "hacker" are two words.
 */
#ifndef EXAMPLES_WORDS_H
#define EXAMPLES_WORDS_H

#include <stdint.h>

enum { LETTERS = 52 };

/* Where a word lies in `bytes`. The shader reads the same two numbers. */
struct word {
    uint32_t offset;
    uint32_t length;
};

/* A word of the text, once: where it stands first, counted in words, and how often. The GPU's record of a word, too. */
struct entry {
    struct word word;
    uint32_t first;
    uint32_t count;
};

struct words {
    char *bytes; /* the text, and behind it the absent words */
    uint32_t text_size;
    uint32_t size;
    struct word *queries; /* the text's words in its order, then as many absent ones */
    uint32_t present;
    uint32_t count;
    struct entry *entries; /* sorted by spelling */
    uint32_t entry_count;
};

/* 0 to 51, or -1 for what is no letter. */
int letter_index(char c);

/* Reads the file and makes up the absent words. Ends the program when the file cannot be read or has no words. */
void read_words(struct words *words, const char *path);
void free_words(struct words *words);

/* Binary search; NULL when the word is not in the text. */
const struct entry *find_entry(const struct words *words, struct word word);

#endif
