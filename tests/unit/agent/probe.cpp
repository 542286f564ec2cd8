// The program in the tests' action image: does what its arguments say, in order.
#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>

namespace {

void append(const std::string& path) {
    std::ofstream(path, std::ios::app) << 'x' << std::flush;
}

[[noreturn]] void append_for_ever(const std::string& path) {
    for (;;) {
        append(path);
        ::usleep(20000);
    }
}

// Touches the file, waits for SIGTERM, and says something then.
void last_words(const std::string& path) {
    sigset_t asked;
    int signal = 0;
    ::sigemptyset(&asked);
    ::sigaddset(&asked, SIGTERM);
    ::sigprocmask(SIG_BLOCK, &asked, nullptr);
    append(path);
    ::sigwait(&asked, &signal);
    for (int i = 0; i < 200; ++i) std::printf("last word %d\n", i);
}

bool exists(const std::string& path) {
    return ::access(path.c_str(), F_OK) == 0;
}

bool run(std::string_view command, const std::string& operand) {
    if (command == "ids")
        std::printf("ids %d:%d pid %d\n", static_cast<int>(::getuid()),
                    static_cast<int>(::getgid()), static_cast<int>(::getpid()));
    else if (command == "env")
        std::printf("%s=%s\n", operand.c_str(),
                    std::getenv(operand.c_str()) != nullptr ? std::getenv(operand.c_str()) : "");
    else if (command == "cat")
        std::printf("%s holds %s\n", operand.c_str(),
                    std::string(std::istreambuf_iterator<char>(std::ifstream(operand).rdbuf()), {})
                        .c_str());
    else if (command == "exists")
        std::printf("%s %s\n", operand.c_str(), exists(operand) ? "is there" : "is missing");
    else if (command == "print")
        std::fputs(operand.c_str(), stdout);
    else if (command == "count")
        for (int i = 0; i < std::atoi(operand.c_str()); ++i) std::printf("line %d\n", i);
    else if (command == "error")
        std::fputs(operand.c_str(), stderr);
    else if (command == "exit")
        std::exit(std::atoi(operand.c_str()));
    else if (command == "exit-if")
        exists(operand) ? std::exit(0) : void();
    else if (command == "last-words")
        last_words(operand);
    else if (command == "append")
        append(operand);
    else if (command == "beat")
        append_for_ever(operand);
    else if (command == "fork-beat")
        ::fork() == 0 ? append_for_ever(operand) : void();
    else if (command == "wait-for")
        while (!exists(operand)) ::usleep(20000);
    else
        return false;
    std::fflush(stdout);
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
        std::string_view argument = argv[i];
        std::size_t colon = argument.find(':');
        std::string operand;
        if (colon != std::string_view::npos) operand = argument.substr(colon + 1);
        if (!run(argument.substr(0, colon), operand)) return 99;
    }
    return 0;
}
