#include "init/modules/module_loader.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <system_error>

#include "lib/base/text.hpp"

namespace osiekit::init {

ModuleLoader::ModuleLoader(const BootLog& log, Options options)
    : log_(log), options_(std::move(options)) {
    for (std::string& name : options_.blacklist) name = kmod::normalised(name);
}

ModuleLoader::~ModuleLoader() {
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    module_done_.notify_all();
    for (std::thread& thread : threads_) thread.join();
}

Status ModuleLoader::start() {
    idle_event_ = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!idle_event_) return Error::from_errno("starting the module loader");
    try {
        for (unsigned i = 0; i < std::max(options_.threads, 1U); ++i)
            threads_.emplace_back([this, first = i == 0] { work(first); });
    } catch (const std::system_error& failure) {
        if (threads_.empty())
            return Error(ErrorKind::io,
                         std::string("starting the module loader: ") + failure.what());
    }
    return {};
}

void ModuleLoader::request_alias(std::string alias) {
    std::lock_guard lock(mutex_);
    if (!seen_aliases_.insert(alias).second) return;
    aliases_.push_back({std::move(alias), false});
    wake_.notify_one();
}

void ModuleLoader::request_name(std::string name) {
    std::lock_guard lock(mutex_);
    names_.push_back({std::move(name), true});
    wake_.notify_one();
}

bool ModuleLoader::read_idle() {
    std::uint64_t count = 0;
    [[maybe_unused]] ssize_t n = ::read(idle_event_.get(), &count, sizeof count);
    std::lock_guard lock(mutex_);
    return ready_ && busy_ == 0 && aliases_.empty() && names_.empty();
}

std::size_t ModuleLoader::loaded() const {
    std::lock_guard lock(mutex_);
    return loaded_;
}

std::vector<std::string> ModuleLoader::unmatched() const {
    std::lock_guard lock(mutex_);
    return {unmatched_.begin(), unmatched_.end()};
}

bool ModuleLoader::next(Request& request) {
    std::unique_lock lock(mutex_);
    wake_.wait(lock,
               [this] { return stopping_ || (ready_ && (!aliases_.empty() || !names_.empty())); });
    if (stopping_) return false;
    std::deque<Request>& queue = aliases_.empty() ? names_ : aliases_;
    request = std::move(queue.front());
    queue.pop_front();
    ++busy_;
    return true;
}

void ModuleLoader::finish_request() {
    std::lock_guard lock(mutex_);
    --busy_;
    if (busy_ != 0 || !aliases_.empty() || !names_.empty()) return;
    std::uint64_t one = 1;
    [[maybe_unused]] ssize_t n = ::write(idle_event_.get(), &one, sizeof one);
}

void ModuleLoader::work(bool first) {
    if (first) {
        Result<kmod::ModuleIndex> index = options_.index();
        {
            std::lock_guard lock(mutex_);
            if (index) index_.emplace(std::move(*index));
            ready_ = true;
            ++busy_;
        }
        wake_.notify_all();
        if (!index)
            log_.error("no modules can be loaded: " + index.error().to_string());
        else if (options_.coldplug)
            options_.coldplug([this](std::string alias) { request_alias(std::move(alias)); });
        finish_request();
    }
    Request request;
    while (next(request)) {
        try {
            handle(request);
        } catch (const std::exception& failure) {
            log_.error("loading " + request.text + ": " + failure.what());
        }
        finish_request();
    }
}

void ModuleLoader::handle(const Request& request) {
    if (!index_) return;
    std::vector<const kmod::Module*> found = index_->resolve(request.text);
    if (found.empty() && request.by_name && !index_->is_builtin(request.text)) {
        std::string text = "there is no module named " + printable(request.text);
        if (auto near = nearest(request.text, index_->names()))
            text += " (did you mean " + *near + "?)";
        log_.warning(text);
    }
    if (found.empty() && !request.by_name) {
        std::lock_guard lock(mutex_);
        unmatched_.insert(request.text);
    }
    for (const kmod::Module* module : found)
        if (request.by_name || !blacklisted(*module)) load_with_dependencies(*module);
}

bool ModuleLoader::blacklisted(const kmod::Module& module) const {
    return std::find(options_.blacklist.begin(), options_.blacklist.end(), module.name) !=
           options_.blacklist.end();
}

void ModuleLoader::load_with_dependencies(const kmod::Module& module) {
    for (const kmod::Module* next : index_->load_order(module)) load_one(*next);
}

void ModuleLoader::load_one(const kmod::Module& module) {
    {
        std::unique_lock lock(mutex_);
        auto it = modules_.find(module.name);
        if (it != modules_.end()) {
            // In another thread's hands: what depends on it has to wait.
            module_done_.wait(lock,
                              [&] { return stopping_ || modules_[module.name] == State::done; });
            return;
        }
        modules_[module.name] = State::loading;
    }
    std::string parameters;
    if (auto it = options_.parameters.find(module.name); it != options_.parameters.end())
        parameters = it->second;
    Status status = options_.load(module.path, parameters);
    if (!status)
        // A driver for hardware that is not there refuses so; that is no fault.
        log_.write(status.error().error_number() == ENODEV ? LogLevel::debug : LogLevel::warning,
                   "osie-init", status.error().to_string());
    else
        log_.debug("loaded module " + module.name);
    std::lock_guard lock(mutex_);
    modules_[module.name] = State::done;
    if (status) ++loaded_;
    module_done_.notify_all();
}

}  // namespace osiekit::init
