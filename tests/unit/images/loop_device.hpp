#pragma once

#include "images/image2disk/disk_writer.hpp"
#include "tests/unit/images/tools.hpp"

namespace osiekit::images::test {

// A block device backed by a file. Needs root and the kernel's loop driver; without them the test
// fails.
class LoopDevice {
  public:
    explicit LoopDevice(std::size_t size) {
        std::filesystem::path file = dir_ / "backing";
        REQUIRE(write_file(file, ""));
        std::filesystem::resize_file(file, size);
        path_ = trim(output_of({"losetup", "--find", "--show", file.string()}));
    }
    LoopDevice(const LoopDevice&) = delete;
    LoopDevice& operator=(const LoopDevice&) = delete;
    ~LoopDevice() { static_cast<void>(run_command({"losetup", "--detach", path_}).ok()); }
    const std::string& path() const { return path_; }

  private:
    TempDir dir_ = TempDir::create("loop").value();
    std::string path_;
};

}  // namespace osiekit::images::test
