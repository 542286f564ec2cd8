#pragma once

#include <catch2/catch.hpp>
#include <filesystem>
#include <string>
#include <string_view>

#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"
#include "lib/base/text.hpp"

namespace osiekit::agent {

// A tree of /sys and /proc below a folder of its own, from a text (tests/fixtures/machines):
// "PATH = CONTENT" with \n, \\ and \xNN, "PATH -> TARGET" for a link, "PATH/" for a folder, "#" for
// a remark. {FROM-TO} in a path stands for each of these numbers.
class MachineTree {
  public:
    MachineTree() = default;
    explicit MachineTree(std::string_view text) {
        for (std::string_view row : split(text, '\n'))
            if (!row.empty() && row.front() != '#') add(std::string(row));
    }
    static MachineTree captured(const std::string& name) {
        auto text =
            read_file(std::filesystem::path(OSIEKIT_FIXTURES) / "machines" / (name + ".tree"));
        REQUIRE(text);
        return MachineTree(*text);
    }

    void add(const std::string& row) {
        std::size_t open = row.find('{');
        if (open == std::string::npos) return add_one(row);
        std::size_t close = row.find('}', open);
        auto ends = split(std::string_view(row).substr(open + 1, close - open - 1), '-');
        REQUIRE(ends.size() == 2);
        for (std::uint64_t i = parse_u64(ends[0]).value(); i <= parse_u64(ends[1]).value(); ++i)
            add(row.substr(0, open) + std::to_string(i) + row.substr(close + 1));
    }
    const std::filesystem::path& root() const { return root_.path(); }

  private:
    void add_one(const std::string& row) {
        std::size_t equals = row.find(" = ");
        std::size_t arrow = row.find(" -> ");
        if (equals != std::string::npos) {
            auto path = make_place(row.substr(0, equals));
            REQUIRE(write_file(path, unescape(row.substr(equals + 3))));
        } else if (arrow != std::string::npos) {
            std::filesystem::create_symlink(row.substr(arrow + 4),
                                            make_place(row.substr(0, arrow)));
        } else {
            REQUIRE(row.back() == '/');
            std::filesystem::create_directories(root_.path() / row);
        }
    }
    std::filesystem::path make_place(const std::string& path) const {
        auto place = root_.path() / path;
        std::filesystem::create_directories(place.parent_path());
        return place;
    }
    static std::string unescape(const std::string& text) {
        std::string result;
        for (std::size_t i = 0; i < text.size(); ++i) {
            if (text[i] != '\\') {
                result += text[i];
            } else if (text.at(++i) == 'x') {
                result += from_hex(std::string_view(text).substr(i + 1, 2)).value();
                i += 2;
            } else {
                result += text[i] == 'n' ? '\n' : text[i];
            }
        }
        return result;
    }

    TempDir root_ = TempDir::create("machine").value();
};

}  // namespace osiekit::agent
