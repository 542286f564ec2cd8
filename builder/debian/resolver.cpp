#include "builder/debian/resolver.hpp"

#include <algorithm>
#include <optional>
#include <set>

#include "builder/debian/candidates.hpp"
#include "builder/debian/choices.hpp"

namespace osiekit::builder {
namespace {

constexpr std::size_t nobody = Choices::nobody;

// Depth first, as apt does it: what a package depends on comes before what was wanted after it, and
// of its dependencies those come first that leave no choice. A failure goes back to the latest
// choice that has to do with it (conflict-directed backjumping, Prosser 1993), not just to the last
// one.
class Resolver {
  public:
    Resolver(const PackageIndex& index, const PackageQuery& query)
        : index_(index), query_(query), candidates_(index, query) {}

    Result<std::vector<const PackageRecord*>> run();

  private:
    // What is to be done, as a list that shares its tails: going back is taking up an older head.
    struct Task {
        const PackageWant* want;
        std::size_t by;
        bool expand;  // the want is satisfied; it is the turn of what that package wants
        std::size_t next;
    };
    // Belongs to the choice of the same position.
    struct Frame {
        const PackageWant* want;
        std::size_t by;
        std::size_t next_candidate = 0;
        std::size_t head;                      // what was to be done after it
        std::size_t tasks;                     // how many there were
        std::set<std::size_t> conflicts = {};  // earlier choices that took candidates away
        std::optional<Error> error = {};       // the first one
    };

    Status solve();
    Status advance();
    bool try_candidate(Frame& frame);
    Status give_up();
    void add_task(const PackageWant& want, std::size_t by, bool expand = false) {
        tasks_.push_back({&want, by, expand, head_});
        head_ = tasks_.size() - 1;
    }
    void add_wants(std::size_t choice);

    const PackageIndex& index_;
    const PackageQuery& query_;
    Candidates candidates_;
    std::vector<PackageWant> requests_;
    Choices choices_;
    std::vector<Frame> frames_;  // as many as choices, or one more: the one that is being made
    std::vector<Task> tasks_;
    std::size_t head_ = nobody;
    std::size_t work_ = 0;
};

void Resolver::add_wants(std::size_t choice) {
    const PackageRelations* relations = choices_[choice].relations;
    if (relations == nullptr) return;
    // Put before each other, so backwards: the ones without a choice come to lie in front.
    for (bool single : {false, true})
        for (auto want = relations->wants.rbegin(); want != relations->wants.rend(); ++want)
            if (want->single == single) add_task(*want, choice);
}

// True if the frame's next candidate was chosen.
bool Resolver::try_candidate(Frame& frame) {
    const PackageRecord* record = frame.want->candidates[frame.next_candidate];
    ++frame.next_candidate;
    if (record == nullptr) {
        choices_.push({frame.want, frame.by, nullptr, nullptr});
        return true;
    }
    const auto& relations = candidates_.relations(*record);
    if (!relations) {
        if (!frame.error)
            frame.error = Error(relations.error())
                              .context("the relations of " + describe(*record) + " (" +
                                       choices_.chain(*frame.want, frame.by) + ")");
        return false;
    }
    auto obstacle = choices_.obstacle(*record, *relations);
    if (obstacle) {
        frame.conflicts.insert(obstacle->choice);
        if (!frame.error) frame.error = choices_.explain(*record, *frame.want, frame.by, *obstacle);
        return false;
    }
    choices_.push({frame.want, frame.by, record, &*relations});
    if (frame.want->how.empty()) return true;  // its turn comes when all requests are chosen
    add_wants(choices_.size() - 1);
    return true;
}

// Makes the choice of the last frame, or goes back to an earlier one and makes that otherwise.
Status Resolver::advance() {
    for (;;) {
        Frame& frame = frames_.back();
        while (frame.next_candidate < frame.want->candidates.size()) {
            if (++work_ > resolver_work_limit)
                return Error(ErrorKind::limit, "the dependencies are too entangled to be resolved")
                    .hint("name the packages that you want of each group of alternatives");
            if (try_candidate(frame)) return {};
        }
        OSIEKIT_TRY(give_up());
    }
}

// The last frame has no candidate left: back to the latest choice to blame.
Status Resolver::give_up() {
    Frame failed = std::move(frames_.back());
    frames_.pop_back();
    if (failed.by != nobody) failed.conflicts.insert(failed.by);
    bool last = failed.conflicts.empty();
    std::size_t target = last ? nobody : *failed.conflicts.rbegin();
    if (last || !frames_[target].error) {
        if (failed.want->candidates.empty())
            failed.error =
                explain_missing(index_, *failed.want, choices_.chain(*failed.want, failed.by));
        if (last) return std::move(*failed.error);
        frames_[target].error = std::move(failed.error);
    }
    failed.conflicts.erase(target);
    while (choices_.size() > target) choices_.pop();
    frames_.resize(target + 1, Frame{nullptr, nobody, 0, nobody, 0});
    Frame& frame = frames_.back();
    head_ = frame.head;
    tasks_.resize(frame.tasks);
    frame.conflicts.merge(failed.conflicts);
    return {};
}

Status Resolver::solve() {
    while (head_ != nobody) {
        Task task = tasks_[head_];
        head_ = task.next;
        auto done = choices_.satisfying(*task.want);
        if (task.expand) {
            if (done) add_wants(*done);
            continue;
        }
        if (done) continue;
        frames_.push_back({task.want, task.by, 0, head_, tasks_.size()});
        OSIEKIT_TRY(advance());
    }
    return {};
}

Result<std::vector<const PackageRecord*>> Resolver::run() {
    for (const auto* list : {&query_.no_deps, &query_.packages})
        for (const PackageRequest& asked : *list) {
            OSIEKIT_ASSIGN(PackageWant want, candidates_.request(asked));
            requests_.push_back(std::move(want));
        }
    // First all that was asked for, then what it depends on.
    for (bool expand : {true, false})
        for (auto want = requests_.rbegin(); want != requests_.rend(); ++want)
            add_task(*want, nobody, expand);
    OSIEKIT_TRY(solve());
    std::vector<const PackageRecord*> chosen;
    for (std::size_t i = 0; i < choices_.size(); ++i)
        if (choices_[i].record != nullptr) chosen.push_back(choices_[i].record);
    std::sort(chosen.begin(), chosen.end(),
              [](const auto* a, const auto* b) { return a->name < b->name; });
    return chosen;
}

}  // namespace

Result<std::vector<const PackageRecord*>> resolve(const PackageIndex& index,
                                                  const PackageQuery& query) {
    return Resolver(index, query).run();
}

}  // namespace osiekit::builder
