#include "init/modules/module_loader.hpp"

#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <system_error>

#include "init/modules/alias.hpp"
#include "init/system/event_loop.hpp"
#include "lib/base/text.hpp"

namespace osiekit::init {
namespace {

constexpr int first_nice = 0;
constexpr int device_nice = 10;
constexpr int background_nice = 19;

}  // namespace

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

void ModuleLoader::add_alias(std::string alias, bool urgent) {
    std::lock_guard lock(mutex_);
    if (!seen_aliases_.insert(alias).second) return;
    queue_alias(std::move(alias), urgent);
    wake_.notify_all();
}

void ModuleLoader::queue_alias(std::string alias, bool urgent) {
    // First, so that it ends up behind its carrier, which takes longer to be up.
    if (auto on_it = virtio_alias_on(alias); on_it && seen_aliases_.insert(*on_it).second)
        queue_alias(std::move(*on_it), urgent);
    Request request{Kind::alias, urgent, std::move(alias)};
    request.first = urgent && is_needed_first(request.text);
    if (!urgent)
        background_.push_back(std::move(request));
    else if (is_network_alias(request.text))
        urgent_.push_front(std::move(request));
    else if (request.first)
        urgent_.insert(
            std::find_if(urgent_.begin(), urgent_.end(),
                         [](const Request& other) { return !is_network_alias(other.text); }),
            std::move(request));
    else
        urgent_.push_back(std::move(request));
}

void ModuleLoader::request_alias(std::string alias) {
    add_alias(std::move(alias), true);
}

void ModuleLoader::request_name(std::string name) {
    std::lock_guard lock(mutex_);
    background_.push_back({Kind::name, false, std::move(name)});
    wake_.notify_one();
}

bool ModuleLoader::read_idle() {
    std::uint64_t count = 0;
    [[maybe_unused]] ssize_t n = ::read(idle_event_.get(), &count, sizeof count);
    std::lock_guard lock(mutex_);
    return ready_ && busy_urgent_ == 0 && urgent_.empty();
}

std::size_t ModuleLoader::loaded() const {
    std::lock_guard lock(mutex_);
    return loaded_;
}

std::vector<std::string> ModuleLoader::unmatched() const {
    std::lock_guard lock(mutex_);
    return {unmatched_.begin(), unmatched_.end()};
}

// Background work is taken up only when no urgent work waits or is in hand: it might be in its way.
bool ModuleLoader::next(Request& request) {
    std::unique_lock lock(mutex_);
    auto urgent_turn = [this] {
        return !urgent_.empty() && (urgent_.front().kind != Kind::bind || busy_first_ == 0);
    };
    auto background_turn = [this] {
        return busy_urgent_ == 0 && urgent_.empty() && !background_.empty();
    };
    wake_.wait(lock, [&] { return stopping_ || (ready_ && (urgent_turn() || background_turn())); });
    if (stopping_) return false;
    std::deque<Request>& queue = urgent_.empty() ? background_ : urgent_;
    request = std::move(queue.front());
    queue.pop_front();
    if (request.urgent) ++busy_urgent_;
    if (request.first) ++busy_first_;
    return true;
}

void ModuleLoader::finish(const Request& request) {
    std::lock_guard lock(mutex_);
    if (!request.urgent) return;
    --busy_urgent_;
    if (request.first && --busy_first_ == 0) wake_.notify_all();
    if (busy_urgent_ != 0 || !urgent_.empty()) return;
    wake_.notify_all();
    std::uint64_t one = 1;
    [[maybe_unused]] ssize_t n = ::write(idle_event_.get(), &one, sizeof one);
}

// The first thread's first work, which counts as an urgent request.
void ModuleLoader::begin() {
    Request own;
    own.first = true;
    Milliseconds before = uptime();
    Result<kmod::ModuleIndex> index = options_.index();
    log_.debug("read the module index in " + std::to_string((uptime() - before).count()) + " ms");
    {
        std::lock_guard lock(mutex_);
        if (index) index_.emplace(std::move(*index));
        ready_ = true;
        ++busy_urgent_;
        ++busy_first_;
        // In front of the names: what the hardware wants comes first here as well.
        background_.push_front({Kind::walk, false, "the other devices"});
    }
    wake_.notify_all();
    if (!index)
        log_.error("no modules can be loaded: " + index.error().to_string());
    else if (options_.walk_buses)
        options_.walk_buses([this](std::string alias) { add_alias(std::move(alias), true); });
    if (options_.bind_rest) {
        std::lock_guard lock(mutex_);
        urgent_.push_back({Kind::bind, true, "the other devices"});
    }
    finish(own);
}

void ModuleLoader::work(bool first) {
    auto guarded = [this](const std::string& what, const auto& action) {
        try {
            action();
        } catch (const std::exception& failure) {
            log_.error("loading modules for " + what + ": " + failure.what());
        }
    };
    if (first) guarded("the devices", [this] { begin(); });
    Request request;
    while (next(request)) {
        // Of this thread. With one processor the drivers of disks must not delay the network.
        int nice = request.first ? first_nice : request.urgent ? device_nice : background_nice;
        ::setpriority(PRIO_PROCESS, 0, nice);
        guarded(request.text, [&] { handle(request); });
        finish(request);
    }
}

void ModuleLoader::handle(const Request& request) {
    if (request.kind == Kind::bind) return options_.bind_rest();
    if (!index_) return;
    if (request.kind != Kind::walk) {
        handle_module_request(request);
        if (request.first && options_.bind_first) options_.bind_first();
        return;
    }
    if (options_.walk_all)
        options_.walk_all([this](std::string alias) { add_alias(std::move(alias), false); });
}

void ModuleLoader::handle_module_request(const Request& request) {
    bool by_name = request.kind == Kind::name;
    std::vector<const kmod::Module*> found = index_->resolve(request.text);
    if (found.empty() && by_name && !index_->is_builtin(request.text)) {
        std::string text = "there is no module named " + printable(request.text);
        if (auto near = nearest(request.text, index_->names()))
            text += " (did you mean " + *near + "?)";
        log_.warning(text);
    }
    if (found.empty() && !by_name) {
        std::lock_guard lock(mutex_);
        unmatched_.insert(request.text);
    }
    for (const kmod::Module* module : found) {
        if (!by_name && blacklisted(*module)) continue;
        for (const kmod::Module* needed : index_->load_order(*module)) load_one(*needed);
    }
}

bool ModuleLoader::blacklisted(const kmod::Module& module) const {
    return std::find(options_.blacklist.begin(), options_.blacklist.end(), module.name) !=
           options_.blacklist.end();
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
    Milliseconds before = uptime();
    Status status = options_.load(module.path, parameters);
    if (!status)
        // A driver for hardware that is not there refuses so; that is no fault.
        log_.write(status.error().error_number() == ENODEV ? LogLevel::debug : LogLevel::warning,
                   "osie-init", status.error().to_string());
    else
        log_.debug("loaded module " + module.name + " in " +
                   std::to_string((uptime() - before).count()) + " ms");
    std::lock_guard lock(mutex_);
    modules_[module.name] = State::done;
    if (status) ++loaded_;
    module_done_.notify_all();
}

}  // namespace osiekit::init
