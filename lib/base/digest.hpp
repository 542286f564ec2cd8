#pragma once

#include <array>
#include <compare>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "lib/base/result.hpp"

namespace osiekit {

// A SHA-256 digest as a value. Text from outside becomes one by parsing and never names a file
// before that (CVE-2024-3727).
class Sha256 {
  public:
    static constexpr std::size_t size = 32;

    Sha256() = default;
    explicit Sha256(const std::array<unsigned char, size>& bytes) : bytes_(bytes) {}
    // 64 hexadecimal digits, with or without the prefix "sha256:".
    static Result<Sha256> parse(std::string_view text);
    static Sha256 of(std::string_view bytes);
    static Result<Sha256> of_file(const std::filesystem::path& path);

    const std::array<unsigned char, size>& bytes() const { return bytes_; }
    std::string hex() const;
    std::string oci() const { return "sha256:" + hex(); }  // as OCI descriptors write it
    auto operator<=>(const Sha256&) const = default;

  private:
    std::array<unsigned char, size> bytes_{};
};

// Hashes a stream piece by piece.
class Sha256Stream {
  public:
    Sha256Stream();
    Sha256Stream(Sha256Stream&&) noexcept;
    Sha256Stream& operator=(Sha256Stream&&) noexcept;
    ~Sha256Stream();
    void update(std::string_view bytes);
    // May be called once.
    Sha256 finish();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace osiekit
