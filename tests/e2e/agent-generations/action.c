/* The program of the test's action image: "env NAME" prints a variable, "write PATH TEXT" writes a
 * file after it has printed what was in it, "exit NUMBER" ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int show(const char* path) {
    char text[1000];
    FILE* file = fopen(path, "r");
    if (file == NULL) return 1;
    size_t size = fread(text, 1, sizeof text - 1, file);
    text[size] = 0;
    printf("%s holds %s\n", path, text);
    return fclose(file);
}

int main(int argc, char** argv) {
    if (argc == 3 && strcmp(argv[1], "env") == 0) {
        const char* value = getenv(argv[2]);
        printf("%s=%s\n", argv[2], value == NULL ? "" : value);
        return 0;
    }
    if (argc == 3 && strcmp(argv[1], "exit") == 0) return atoi(argv[2]);
    if (argc != 4 || strcmp(argv[1], "write") != 0 || show(argv[2]) != 0) return 99;
    FILE* file = fopen(argv[2], "w");
    if (file == NULL || fputs(argv[3], file) < 0) return 98;
    return fclose(file) == 0 ? 0 : 97;
}
