// Two static programs in one: the service that asks tink-worker for sandboxes with limits and
// writes what came of them to the third disk, and the program inside, which does what the limit is
// against.
//   machine driver | eat MIB | forks | spin | show FILE | partition DISK | kexec KERNEL
//   COMMAND_LINE | confined | hungry
// The last two are services with a sandbox of their own.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/reboot.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MIB (1UL << 20)
#define REPORT_DISK "/dev/vdc"
#define SECTOR 512
#define ROOT "/run/tree"

static char report[64 * 1024];
static size_t used;

static void say(const char* text, size_t length) {
    if (length > sizeof report - used) length = sizeof report - used;
    memcpy(report + used, text, length);
    used += length;
}

static int copy(int in, const char* to, off_t bytes) {
    char buffer[65536];
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0755);
    ssize_t n = 1;
    while (in >= 0 && out >= 0 && bytes > 0 && n > 0) {
        size_t want = bytes < (off_t)sizeof buffer ? (size_t)bytes : sizeof buffer;
        n = read(in, buffer, want);
        if (n > 0 && write(out, buffer, n) != n) return -1;
        bytes -= n;
    }
    close(in);
    close(out);
    return n < 0 || in < 0 || out < 0 ? -1 : 0;
}

// Runs tink-worker with these words; its output and its end go to the report.
static void run(const char* name, char** words) {
    char* argv[32] = {"/usr/bin/tink-worker"};
    int count = 1, status = 0, ends[2];
    char line[256], buffer[4096];
    while (*words) argv[count++] = *words++;
    snprintf(line, sizeof line, "== %s\n", name);
    say(line, strlen(line));
    if (pipe(ends) != 0) return;
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], 1);
        dup2(ends[1], 2);
        close(ends[0]);
        execv(argv[0], argv);
        _exit(99);
    }
    close(ends[1]);
    ssize_t n;
    while ((n = read(ends[0], buffer, sizeof buffer)) > 0) say(buffer, n);
    close(ends[0]);
    waitpid(pid, &status, 0);
    snprintf(line, sizeof line, "exit %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    say(line, strlen(line));
}

static int save(void) {
    int disk = open(REPORT_DISK, O_WRONLY);
    memset(report + used, 0, sizeof report - used);
    if (disk < 0 || write(disk, report, sizeof report) != (ssize_t)sizeof report) return -1;
    fsync(disk);
    close(disk);
    return 0;
}

#define RUN(name, ...) run(name, (char*[]){"sandbox", "--root", ROOT, __VA_ARGS__, NULL})
// An image under the machine's policy.
#define IMAGE(name, ...) run(name, (char*[]){"run", "--log-level", "error", __VA_ARGS__, NULL})
#define TOOLS "registry.example/tools:1"

static void set_module_helper(const char* path) {
    int fd = open("/proc/sys/kernel/modprobe", O_WRONLY);
    if (fd >= 0 && write(fd, path, strlen(path)) < 0) perror("modprobe");
    close(fd);
}

static void networks(void) {
    char helper[256] = {0};
    int fd = open("/proc/sys/kernel/modprobe", O_RDONLY);
    if (fd < 0 || read(fd, helper, sizeof helper - 1) < 0) perror("modprobe");
    close(fd);
    // As a kernel without the modules.
    set_module_helper("/none");
    RUN("no modules", "--level", "restricted", "--network", "bridge", "--", "/machine", "show",
        "/proc/self/net/route");
    set_module_helper(strtok(helper, "\n"));
    RUN("bridge", "--level", "restricted", "--network", "bridge", "--", "/machine", "show",
        "/proc/self/net/route");
    RUN("idmap of tmpfs", "--level", "restricted", "--userns", "--", "/machine", "show",
        "/proc/self/uid_map");
}

static void policy(void) {
    IMAGE("tools", TOOLS, "--", "show", "/proc/self/uid_map");
    IMAGE("tools' network", TOOLS, "--", "show", "/proc/self/net/route");
    IMAGE("tools' processes", TOOLS, "--", "forks");
    IMAGE("tools with a volume", "-v", "data:/data", TOOLS, "--", "show", "/proc/self/uid_map");
    IMAGE("refused network", "--network", "host", TOOLS);
    IMAGE("refused processes", "--pid", "host", TOOLS);
    IMAGE("refused volume", "-v", "/dev:/dev", TOOLS);
    IMAGE("refused image", "registry.example/old:1");
    IMAGE("refused registry", "elsewhere.example/tools:1");
    IMAGE("refused without digest", "registry.example/other:1");
    IMAGE("refused without signature", "registry.example/signed:1");
    IMAGE("refused namespace", "--network", "container:other", TOOLS);
}

// The second disk holds another kernel, after a sector with its size in decimal.
static int copy_kernel(void) {
    char size[SECTOR + 1] = {0};
    int disk = open("/dev/vdb", O_RDONLY);
    if (disk < 0 || read(disk, size, SECTOR) != SECTOR) return -1;
    return copy(disk, ROOT "/kernel", atoll(size));
}

// The drivers of the disks are loaded while services start already.
static void wait_for_disks(void) {
    while (access(REPORT_DISK, F_OK) != 0) usleep(20000);
}

#define CONFINED "/run/confined/report"
#define HUNGRY_AGAIN "/run/hungry/again"

static void wait_for(const char* file) {
    while (access(file, F_OK) != 0) usleep(20000);
}

// What the confined service has told of itself; the hungry one has been started twice by then.
static void services(void) {
    char text[4096];
    wait_for(CONFINED);
    wait_for(HUNGRY_AGAIN);
    int fd = open(CONFINED, O_RDONLY);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text);
    close(fd);
    say("== confined service\n", 20);
    if (n > 0) say(text, n);
    say("exit 0\n", 7);
}

static int driver(void) {
    mkdir(ROOT, 0755);
    wait_for_disks();
    if (copy(open("/proc/self/exe", O_RDONLY), ROOT "/machine", 64 * MIB) != 0) return 1;
    if (copy_kernel() != 0) return 1;
    RUN("memory", "--level", "restricted", "--memory", "32MiB", "--", "/machine", "eat", "256");
    RUN("memory enough", "--level", "restricted", "--memory", "64MiB", "--", "/machine", "eat",
        "16");
    RUN("processes", "--level", "restricted", "--processes", "20", "--", "/machine", "forks");
    RUN("cpu", "--level", "restricted", "--cpus", "0.2", "--", "/machine", "spin");
    RUN("io", "--level", "disk", "--io", "1MiB", "--", "/machine", "show", "/sys/fs/cgroup/io.max");
    networks();
    policy();
    services();
    RUN("restricted disk", "--level", "restricted", "--", "/machine", "partition", "/dev/vda");
    RUN("disk", "--level", "disk", "--", "/machine", "partition", "/dev/vda");
    RUN("kexec from disk", "--level", "disk", "--pid", "host", "--", "/machine", "kexec", "/kernel",
        "none");
    if (save() != 0) return 1;
    // Does not come back when it works.
    RUN("kexec", "--level", "kexec", "--pid", "host", "--", "/machine", "kexec", "/kernel",
        "console=ttyS0,115200 panic=-1 the_second_kernel=1");
    return save();
}

static int eat(unsigned long mib) {
    for (unsigned long i = 0; i < mib; ++i) {
        char* piece = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (piece == MAP_FAILED) return 3;
        memset(piece, 1, MIB);
    }
    printf("ate %lu MiB\n", mib);
    return 0;
}

static int forks(void) {
    int made = 0;
    for (;;) {
        pid_t pid = fork();
        if (pid == 0)
            for (;;) pause();
        if (pid < 0) break;
        if (++made > 1000) return 3;
    }
    printf("forks %d errno %d\n", made, errno);
    return 0;
}

static long counter(const char* file, const char* key) {
    char name[64];
    long value = -1;
    FILE* stream = fopen(file, "r");
    while (stream && fscanf(stream, "%63s %ld", name, &value) == 2)
        if (strcmp(name, key) == 0) break;
    if (stream) fclose(stream);
    return value;
}

// Works until the kernel has put it to sleep for using too much, or two minutes have been worked.
static int spin(void) {
    struct timespec used_time;
    do {
        for (volatile int i = 0; i < 1000000; ++i) {
        }
        if (counter("/sys/fs/cgroup/cpu.stat", "nr_throttled") > 0) {
            printf("throttled\n");
            return 0;
        }
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used_time);
    } while (used_time.tv_sec < 120);
    printf("nr_throttled %ld\n", counter("/sys/fs/cgroup/cpu.stat", "nr_throttled"));
    return 1;
}

static int show(const char* file) {
    char buffer[4096];
    int fd = open(file, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, buffer, sizeof buffer);
    if (n < 0) return printf("errno %d\n", errno), 1;
    fwrite(buffer, 1, n, stdout);
    return 0;
}

// One partition from 1 MiB on, found through /dev as soon as the kernel has read the table, with a
// text at its start.
static int partition(const char* disk) {
    unsigned char table[512] = {0};
    const unsigned char entry[16] = {0, 0, 2, 0, 0x83, 0, 0, 0, 0, 8, 0, 0, 0, 8, 0, 0};
    char first[64];
    memcpy(table + 446, entry, sizeof entry);
    table[510] = 0x55;
    table[511] = 0xaa;
    snprintf(first, sizeof first, "%s1", disk);
    int fd = open(disk, O_RDWR);
    if (fd < 0 || write(fd, table, sizeof table) != (ssize_t)sizeof table || fsync(fd) != 0 ||
        ioctl(fd, BLKRRPART) != 0)
        return printf("errno %d\n", errno), 1;
    close(fd);
    fd = open(first, O_RDWR);
    if (fd < 0 || write(fd, "written inside", 14) != 14 || fsync(fd) != 0)
        return printf("%s: errno %d\n", first, errno), 1;
    printf("written\n");
    return 0;
}

static void tell_lines(FILE* to, const char* file, const char* key) {
    char line[256];
    FILE* stream = fopen(file, "r");
    while (stream && fgets(line, sizeof line, stream))
        if (strncmp(line, key, strlen(key)) == 0) fprintf(to, "%s", line);
    if (stream) fclose(stream);
}

static void tell_open(FILE* to, const char* file) {
    int fd = open(file, O_WRONLY);
    fprintf(to, "open %s: errno %d\n", file, fd < 0 ? errno : 0);
    if (fd >= 0) close(fd);
}

// A service that says what it has.
static int confined(void) {
    FILE* to = fopen(CONFINED ".partial", "w");
    if (!to) return printf("%s: errno %d\n", CONFINED, errno), 1;
    for (const char** key = (const char*[]){"Uid:", "CapEff:", "NoNewPrivs:", "Seccomp:", NULL};
         *key; ++key)
        tell_lines(to, "/proc/self/status", *key);
    fprintf(to, "pid %d\nmemory.max ", getpid());
    tell_lines(to, "/sys/fs/cgroup/memory.max", "");
    fprintf(to, "pids.max ");
    tell_lines(to, "/sys/fs/cgroup/pids.max", "");
    // It cannot be opened for writing anyway, as it runs.
    fprintf(to, "rename /init: errno %d\n", rename("/init", "/init.old") < 0 ? errno : 0);
    tell_open(to, "/etc/osie/policy.json");
    tell_open(to, "/proc/sys/kernel/modprobe");
    tell_open(to, "/dev/vda");
    if (fclose(to) != 0 || rename(CONFINED ".partial", CONFINED) != 0) return 1;
    for (;;) pause();
}

static int touch(const char* file) {
    int fd = open(file, O_WRONLY | O_CREAT, 0644);
    if (fd < 0) return printf("%s: errno %d\n", file, errno), 1;
    return close(fd);
}

// A service that eats more than it may, once.
static int hungry(void) {
    if (access("/run/hungry/ate", F_OK) != 0) return touch("/run/hungry/ate") != 0 ? 1 : eat(256);
    if (touch(HUNGRY_AGAIN) != 0) return 1;
    for (;;) pause();
}

static int kexec(const char* kernel, const char* command_line) {
    int fd = open(kernel, O_RDONLY);
    long done = syscall(SYS_kexec_file_load, fd, -1, strlen(command_line) + 1, command_line,
                        4UL /* KEXEC_FILE_NO_INITRAMFS */);
    if (done != 0) return printf("errno %d\n", errno), 1;
    sync();
    syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_KEXEC, NULL);
    return printf("reboot: errno %d\n", errno), 1;
}

int main(int argc, char** argv) {
    const char* mode = argc > 1 ? argv[1] : "";
    if (strcmp(mode, "driver") == 0) {
        // Only reached when the second kernel was not started.
        if (driver() != 0)
            fprintf(stderr, "machine: cannot write the report: %s\n", strerror(errno));
        sync();
        reboot(RB_POWER_OFF);
        for (;;) pause();
    }
    if (argc == 3 && strcmp(mode, "eat") == 0) return eat(strtoul(argv[2], NULL, 10));
    if (strcmp(mode, "forks") == 0) return forks();
    if (strcmp(mode, "spin") == 0) return spin();
    if (strcmp(mode, "confined") == 0) return confined();
    if (strcmp(mode, "hungry") == 0) return hungry();
    if (argc == 3 && strcmp(mode, "show") == 0) return show(argv[2]);
    if (argc == 3 && strcmp(mode, "partition") == 0) return partition(argv[2]);
    if (argc == 4 && strcmp(mode, "kexec") == 0) return kexec(argv[2], argv[3]);
    return 98;
}
