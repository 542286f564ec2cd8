// A static program that runs inside the sandbox in the tests and prints what it sees, one fact a
// line. usage: probe report | calls NUMBER… | ioctl-tiocsti | clone-namespace user/uts |
//        socket FAMILY | exit N | signal N | reboot COMMAND | family | answer |
//        read FILE | write FILE TEXT | mount
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/reboot.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

static void copy_lines(const char* path, const char* prefix) {
    FILE* file = fopen(path, "r");
    char line[4096];
    while (file && fgets(line, sizeof line, file)) printf("%s%s", prefix, line);
    if (file) fclose(file);
}

static void links_in(const char* folder, const char* prefix) {
    DIR* dir = opendir(folder);
    struct dirent* entry;
    char path[1024], target[4096];
    while (dir && (entry = readdir(dir))) {
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        ssize_t n = readlink(path, target, sizeof target - 1);
        if (n < 0 || (dir && atoi(entry->d_name) == dirfd(dir) && strstr(folder, "/fd"))) continue;
        target[n] = 0;
        printf("%s %s %s\n", prefix, entry->d_name, target);
    }
    if (dir) closedir(dir);
}

static const char* dotted(const struct sockaddr* address) {
    return inet_ntoa(((const struct sockaddr_in*)address)->sin_addr);
}

static void routes(void) {
    FILE* file = fopen("/proc/self/net/route", "r");
    char line[512], name[32];
    unsigned destination, gateway;
    while (file && fgets(line, sizeof line, file)) {
        if (sscanf(line, "%31s %x %x", name, &destination, &gateway) != 3) continue;
        printf("route %s", inet_ntoa((struct in_addr){destination}));
        printf(" %s\n", inet_ntoa((struct in_addr){gateway}));
    }
    if (file) fclose(file);
}

static int report(int argc, char** argv) {
    struct utsname names;
    struct rlimit files;
    char cwd[4096];
    gid_t groups[64];
    copy_lines("/proc/self/status", "status ");
    copy_lines("/proc/self/mountinfo", "mount ");
    copy_lines("/proc/self/cgroup", "cgroup ");
    links_in("/proc/self/ns", "ns");
    links_in("/proc/self/fd", "fd");
    struct if_nameindex* interfaces = if_nameindex();
    for (struct if_nameindex* one = interfaces; one && one->if_name; ++one) {
        struct ifreq request = {0};
        int link = socket(AF_INET, SOCK_DGRAM, 0);
        strncpy(request.ifr_name, one->if_name, sizeof request.ifr_name - 1);
        ioctl(link, SIOCGIFFLAGS, &request);
        printf("interface %s %s\n", one->if_name, request.ifr_flags & IFF_UP ? "up" : "down");
        if (ioctl(link, SIOCGIFADDR, &request) == 0) {
            printf("address %s %s", one->if_name, dotted(&request.ifr_addr));
            ioctl(link, SIOCGIFNETMASK, &request);
            printf(" %s\n", dotted(&request.ifr_netmask));
        }
        close(link);
    }
    routes();
    uname(&names);
    getrlimit(RLIMIT_NOFILE, &files);
    printf("hostname %s\ncwd %s\npid %d\nsid %d\nuid %d\ngid %d\n", names.nodename,
           getcwd(cwd, sizeof cwd), getpid(), getsid(0), getuid(), getgid());
    printf("nofile %lu %lu\n", (unsigned long)files.rlim_cur, (unsigned long)files.rlim_max);
    int count = getgroups(64, groups);
    for (int i = 0; i < count; ++i) printf("group %d\n", groups[i]);
    for (char** env = environ; *env; ++env) printf("env %s\n", *env);
    for (int i = 0; i < argc; ++i) printf("arg %s\n", argv[i]);
    sigset_t mask;
    sigprocmask(SIG_SETMASK, NULL, &mask);
    printf("blocked %d\n", sigismember(&mask, SIGTERM));
    struct sigaction pipe_action;
    sigaction(SIGPIPE, NULL, &pipe_action);
    printf("sigpipe %s\n", pipe_action.sa_handler == SIG_DFL ? "default" : "changed");
    return 0;
}

static int result(long value) {
    printf("errno %d\n", value < 0 ? errno : 0);
    return 0;
}

// Only where the namespace ends, and not the machine.
static int ask_for_reboot(unsigned long command) {
    if (getpid() != 1) return 97;
    return result(syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, command, NULL));
}

static int family(void) {
    // A grandchild in a session of its own, as a daemon would be.
    pid_t between = fork();
    if (between == 0) {
        setsid();
        if (fork() == 0)
            for (;;) pause();
        _exit(0);
    }
    waitpid(between, NULL, 0);
    printf("ready\n");
    fflush(stdout);
    for (;;) pause();
}

// Says so when it is asked after it has become ready.
static int answer(void) {
    sigset_t asked;
    int signal = 0;
    sigemptyset(&asked);
    sigaddset(&asked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &asked, NULL);
    printf("ready\n");
    fflush(stdout);
    sigwait(&asked, &signal);
    printf("alive\n");
    return 0;
}

static int try_write(const char* path, const char* text) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd < 0 || write(fd, text, strlen(text)) < 0) return result(-1);
    return result(0);
}

int main(int argc, char** argv) {
    const char* mode = argc > 1 ? argv[1] : "report";
    const char* one = argc > 2 ? argv[2] : "0";
    if (strcmp(mode, "report") == 0) return report(argc, argv);
    if (strcmp(mode, "calls") == 0) {
        for (int i = 2; i < argc; ++i) {
            long done = syscall(atoi(argv[i]), 0, 0, 0, 0, 0, 0);
            printf("%s %d\n", argv[i], done < 0 ? errno : 0);
        }
        return 0;
    }
    if (strcmp(mode, "ioctl-tiocsti") == 0) return result(ioctl(0, TIOCSTI, "x"));
    if (strcmp(mode, "clone-namespace") == 0) {
        unsigned long kind = strcmp(one, "user") == 0 ? CLONE_NEWUSER : CLONE_NEWUTS;
        long pid = syscall(SYS_clone, kind | SIGCHLD, 0, 0, 0, 0);
        if (pid == 0) _exit(0);
        return result(pid);
    }
    if (strcmp(mode, "socket") == 0) return result(socket(atoi(one), SOCK_DGRAM, 0));
    if (strcmp(mode, "exit") == 0) return atoi(one);
    if (strcmp(mode, "signal") == 0) {
        signal(atoi(one), SIG_DFL);
        kill(getpid(), atoi(one));
        return 99;
    }
    if (strcmp(mode, "reboot") == 0) return ask_for_reboot(strtoul(one, NULL, 0));
    if (strcmp(mode, "family") == 0) return family();
    if (strcmp(mode, "answer") == 0) return answer();
    if (strcmp(mode, "read") == 0) {
        copy_lines(one, "");
        return 0;
    }
    if (strcmp(mode, "write") == 0) return try_write(one, argc > 3 ? argv[3] : "");
    if (strcmp(mode, "mount") == 0) {
        mkdir("/mnt", 0755);
        return result(mount("none", "/mnt", "tmpfs", 0, NULL));
    }
    fprintf(stderr, "unknown mode %s\n", mode);
    return 98;
}
