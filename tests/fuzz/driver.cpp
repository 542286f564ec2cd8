// Runs a fuzz target as an ordinary test, with any compiler: every file of the corpus as it is,
// then a fixed number of mutations of them from a fixed seed, so that a run can be repeated. The
// same source built with libFuzzer (preset "fuzz") searches for real.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr int mutations_per_seed = 2000;
constexpr std::size_t largest_insertion = 64;

void run(const std::string& input) {
    // A copy of exactly this size, so that the address sanitizer sees reads past the end.
    std::vector<std::uint8_t> bytes(input.begin(), input.end());
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

std::string mutated(std::string input, std::mt19937& random) {
    auto below = [&](std::size_t n) { return n == 0 ? 0 : static_cast<std::size_t>(random()) % n; };
    for (std::size_t edits = 1 + below(4); edits > 0; --edits) {
        std::size_t at = below(input.size() + 1);
        switch (below(5)) {
            case 0:
                if (at < input.size()) input[at] = static_cast<char>(random());
                break;
            case 1:
                input.insert(
                    at, std::string(1 + below(largest_insertion), static_cast<char>(random())));
                break;
            case 2:
                input.erase(at, 1 + below(largest_insertion));
                break;
            case 3:
                input.resize(at);
                break;
            default:
                if (at < input.size()) input[at] = static_cast<char>(input[at] ^ (1 << below(8)));
        }
    }
    return input;
}

}  // namespace

int main(int argc, char** argv) {
    std::vector<std::filesystem::path> files;
    for (int i = 1; i < argc; ++i)
        for (const auto& entry : std::filesystem::directory_iterator(argv[i]))
            files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    if (files.empty()) {
        std::fprintf(stderr, "no corpus: a fuzz target needs at least one seed file\n");
        return 1;
    }
    std::size_t runs = 0;
    for (const auto& file : files) {
        std::ifstream stream(file, std::ios::binary);
        std::string seed((std::istreambuf_iterator<char>(stream)),
                         std::istreambuf_iterator<char>());
        run(seed);
        std::mt19937 random(12345);
        for (int i = 0; i < mutations_per_seed; ++i) run(mutated(seed, random));
        runs += 1 + mutations_per_seed;
    }
    std::printf("%zu inputs from %zu seeds\n", runs, files.size());
    return 0;
}
