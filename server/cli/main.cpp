#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "server/cli/commands.hpp"

int main(int argc, char** argv) {
    // Nothing of ours needs putting away when a person stops it.
    ::signal(SIGINT, [](int) { ::_exit(130); });
    // gRPC's own log lines tell what our errors say, in its words; GRPC_VERBOSITY brings them back.
    ::setenv("GRPC_VERBOSITY", "NONE", 0);
    return osiekit::tink::run(argc, argv);
}
