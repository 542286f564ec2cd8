/* The program of the test's action image: "flood FILE" prints numbers up to 100000, and waits half
 * way until the file is there; "long" prints a line of 20000 letters and one to standard error;
 * "fail" changes its file system and fails. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int flood(const char* file) {
    for (int i = 0; i < 50000; ++i) printf("%d\n", i);
    fflush(stdout);
    while (access(file, F_OK) != 0) usleep(10000);
    for (int i = 50000; i < 100000; ++i) printf("%d\n", i);
    return 0;
}

static int long_line(void) {
    for (int i = 0; i < 20000; ++i) putchar('a' + i % 26);
    putchar('\n');
    fputs("an error\n", stderr);
    return 0;
}

static int fail(void) {
    puts("the reason");
    FILE* file = fopen("/changed", "w");
    if (file == NULL || fputs("by the action", file) < 0 || fclose(file) != 0) return 98;
    return 3;
}

int main(int argc, char** argv) {
    if (argc == 3 && strcmp(argv[1], "flood") == 0) return flood(argv[2]);
    if (argc == 2 && strcmp(argv[1], "long") == 0) return long_line();
    if (argc == 2 && strcmp(argv[1], "fail") == 0) return fail();
    return 99;
}
