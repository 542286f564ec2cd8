#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"
#include "lib/bridge/subnet.hpp"
#include "lib/dhcp/address.hpp"

// An isolated network for one sandbox, as Docker's "bridge": a bridge on the machine's side, a pair
// of virtual Ethernet cards, and address translation for what leaves. It is made by the process
// that starts the sandbox; the sandbox's own card gets its address in there (child.cpp).
//
// Everything is found again by name and by a note on the bridge, which also says whether the
// machine forwarded packets before: a killed agent's is removed by whoever comes next.
namespace osiekit::bridge {

// The note on a bridge of ours, and what it says; nullopt for any other text.
std::string bridge_note(bool forwarded_before);
std::optional<bool> read_bridge_note(std::string_view note);

class Bridge {
  public:
    // Makes the bridge, its address, the rules, and lets the kernel forward packets. Errors of a
    // kernel without the modules name them.
    static Result<Bridge> create();
    Bridge(Bridge&& other) noexcept;
    Bridge& operator=(Bridge&&) = delete;
    ~Bridge();  // as remove()

    const std::string& name() const { return name_; }
    Ipv4 gateway() const;  // the machine's end
    Ipv4 inside() const;   // the sandbox's end
    Ipv4 netmask() const { return Ipv4::netmask(subnet_.prefix_length); }
    // Gives the process, which has a network namespace of its own and waits, a card called eth0
    // that is a port of the bridge.
    Status attach(pid_t process);
    // Removes everything, and what killed agents have left.
    Status remove();
    // Leaves everything as it is: it goes when its sandbox has gone (remove_left_bridges).
    void give_up() { name_.clear(); }

  private:
    Bridge(std::string name, Subnet subnet, Fd lock)
        : name_(std::move(name)), subnet_(subnet), lock_(std::move(lock)) {}
    Status set_up(bool forwarded_before);

    std::string name_;  // empty: moved from, or removed
    Subnet subnet_;
    Fd lock_;  // until the bridge has its port: one without is taken for left over
};

// Removes the bridges whose sandbox is gone, and restores what they have changed. Nothing to do is
// success.
Status remove_left_bridges();

}  // namespace osiekit::bridge
