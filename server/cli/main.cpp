#include <unistd.h>

#include <csignal>

#include "server/cli/commands.hpp"

int main(int argc, char** argv) {
    // Nothing of ours needs putting away when a person stops it.
    ::signal(SIGINT, [](int) { ::_exit(130); });
    return osiekit::tink::run(argc, argv);
}
