/* The program of the test's action image: "env NAME" prints a variable, and what the shared
 * directories hold, where it leaves that variable; "write PATH TEXT" writes a file after it has
 * printed what was in it; "grow PATH BYTES" makes a JSON document of that size after it has printed
 * the size of what was there; "once FILE GO" adds a letter to the file, and ends when GO exists;
 * "exit NUMBER" ends; "sleep" does not. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int show(const char* path) {
    char text[1000];
    FILE* file = fopen(path, "r");
    if (file == NULL) return 1;
    size_t size = fread(text, 1, sizeof text - 1, file);
    text[size] = 0;
    printf("%s holds %s\n", path, text);
    return fclose(file);
}

static int put(const char* path, const char* text) {
    FILE* file = fopen(path, "w");
    if (file == NULL || fputs(text, file) < 0) return 98;
    return fclose(file) == 0 ? 0 : 97;
}

static int environment(const char* name) {
    const char* notes[] = {"/worker/note", "/statedir/note"};
    const char* value = getenv(name);
    printf("%s=%s\n", name, value == NULL ? "" : value);
    printf("/workflow %s\n", access("/workflow/data", F_OK) == 0 ? "is there" : "is not there");
    for (int i = 0; i < 2; ++i)
        if (show(notes[i]) == 0 || value != NULL) put(notes[i], value == NULL ? "" : value);
    return 0;
}

static int grow(const char* path, long bytes) {
    struct stat before;
    if (stat(path, &before) != 0) return 1;
    printf("%s has %ld bytes\n", path, (long)before.st_size);
    FILE* file = fopen(path, "w");
    if (file == NULL || fputs("{\"a\":\"", file) < 0) return 98;
    for (long i = 0; i < bytes - 8; ++i) putc('x', file);
    fputs("\"}", file);
    return fclose(file) == 0 ? 0 : 97;
}

static int once(const char* path, const char* go) {
    FILE* file = fopen(path, "a");
    puts("begins");
    if (file == NULL || fputs("x", file) < 0 || fclose(file) != 0) return 98;
    while (access(go, F_OK) != 0) usleep(20000);
    puts("ends");
    return 0;
}

int main(int argc, char** argv) {
    if (argc == 3 && strcmp(argv[1], "env") == 0) return environment(argv[2]);
    if (argc == 3 && strcmp(argv[1], "exit") == 0) return atoi(argv[2]);
    if (argc == 2 && strcmp(argv[1], "sleep") == 0) {
        signal(SIGTERM, _exit);
        for (;;) pause();
    }
    if (argc == 4 && strcmp(argv[1], "once") == 0) return once(argv[2], argv[3]);
    if (argc == 4 && strcmp(argv[1], "grow") == 0) return grow(argv[2], atol(argv[3]));
    if (argc != 4 || strcmp(argv[1], "write") != 0 || show(argv[2]) != 0) return 99;
    return put(argv[2], argv[3]);
}
