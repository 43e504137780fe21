/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/fuzz/replay.c - stands in for libFuzzer: runs a fuzz target on the files it is given, naming each
 * before. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");

        if (!file || fseek(file, 0, SEEK_END) != 0) {
            perror(argv[i]);
            return 1;
        }
        size_t size = (size_t)ftell(file);
        uint8_t *data = malloc(size ? size : 1); /* exactly so long: a sanitizer sees a read past the end */
        rewind(file);
        if (!data || fread(data, 1, size, file) != size) {
            perror(argv[i]);
            return 1;
        }
        fclose(file);
        fprintf(stderr, "%s\n", argv[i]);
        LLVMFuzzerTestOneInput(data, size);
        free(data);
    }
    return 0;
}
