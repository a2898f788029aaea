/*
 * Runs a fuzz target on inputs that are there already, with no fuzzer: each argument is a file, or a folder of files.
 * So the corpus is a test like any other, with every compiler; and a finding can be looked at with a debugger.
 *
 * A broken promise ends the process inside the target; the last line before it names the input.
 */
#include "fuzz.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { LARGEST_INPUT = 1 << 20, LONGEST_PATH = 4096 };

static unsigned replayed;

/* False: not a file that can be read. */
static bool replay_file(const char *path) {
    static uint8_t input[LARGEST_INPUT];
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    size_t size = fread(input, 1, sizeof input, file);
    bool whole = ferror(file) == 0 && feof(file) != 0;
    (void)fclose(file);
    if (!whole)
        return false;
    printf("%s, %zu bytes\n", path, size);
    (void)fflush(stdout);
    uint8_t *exact = malloc(size != 0 ? size : 1); /* so that a sanitizer sees a read past its end */
    if (exact == NULL)
        return false;
    for (size_t i = 0; i < size; i++)
        exact[i] = input[i];
    (void)LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    replayed++;
    return true;
}

static bool replay_folder(const char *path) {
    char name[LONGEST_PATH];
    bool good = true;
    DIR *folder = opendir(path);
    if (folder == NULL)
        return replay_file(path);
    for (struct dirent *entry; good && (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        int length = snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        good = length > 0 && length < LONGEST_PATH && replay_file(name);
    }
    (void)closedir(folder);
    return good;
}

int main(int count, char **arguments) {
    for (int i = 1; i < count; i++) {
        if (!replay_folder(arguments[i])) {
            (void)fprintf(stderr, "%s: cannot be read\n", arguments[i]);
            return EXIT_FAILURE;
        }
    }
    printf("%u inputs replayed\n", replayed);
    return replayed != 0 ? EXIT_SUCCESS : EXIT_FAILURE; /* a corpus that is not there is no success */
}
