#pragma once

#include <pthread.h>

#include <csignal>
#include <thread>
#include <utility>

namespace osiekit::netboot {

// A thread that takes no signals: they are the main program's, and SIGPIPE, which sendfile(2) would
// raise for a client that hung up, is nobody's.
template <typename Function>
std::thread start_thread(Function function) {
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    std::thread thread(std::move(function));
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return thread;
}

}  // namespace osiekit::netboot
