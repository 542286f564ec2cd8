#include "builder/debian/index_store.hpp"

#include <algorithm>
#include <array>

#include "builder/debian/decompress.hpp"
#include "builder/debian/mapped_file.hpp"
#include "builder/debian/release_store.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace fs = std::filesystem;

namespace {

// Changes with the compact form.
constexpr std::string_view compact_version = "v3";

bool lists_word(std::string_view text, std::string_view wanted) {
    auto words = split_words(text);
    return std::find(words.begin(), words.end(), wanted) != words.end();
}

// The best packed of the forms of an index; nullptr if the release has none of them.
const std::pair<const std::string, Release::Entry>* best_form(const Release& release,
                                                              const std::string& path) {
    for (const char* suffix : {".xz", ".gz", ""}) {
        auto it = release.files.find(path + suffix);
        if (it != release.files.end()) return &*it;
    }
    return nullptr;
}

IndexFile make_index(const AptSource& source, const Release& release, std::uint32_t position,
                     const std::pair<const std::string, Release::Entry>& form,
                     const AptSettings& settings) {
    IndexFile file;
    file.source = position;
    file.path = form.first;
    file.origin.suite = source.suite;
    file.origin.aliases = {release.suite, release.codename};
    file.origin.automatic = !release.not_automatic;
    file.item.name = source.suite + " " + form.first;
    file.item.kind = "index";
    file.item.digest = form.second.digest;
    file.item.size = form.second.size;
    std::string path = form.first;
    // By digest: the mirror may be replacing the plain names while we read.
    if (release.acquire_by_hash) {
        std::size_t slash = path.rfind('/');
        std::string folder = slash == std::string::npos ? "" : path.substr(0, slash + 1);
        path = folder + "by-hash/SHA256/" + form.second.digest.hex();
    }
    file.item.url = suite_url(source) + "/" + path;
    file.item.proxy = settings.proxy_for(file.item.url);
    file.item.ca_file = settings.ca_file;
    file.item.stall_timeout = settings.timeout;
    return file;
}

fs::path compact_path(const BlobCache& cache, const IndexFile& file) {
    return cache.directory() / "indexes" /
           (file.item.digest.hex() + "." + std::string(compact_version));
}

Result<std::string> make_compact(const fs::path& packed, const IndexFile& file) {
    OSIEKIT_ASSIGN(MappedFile bytes, MappedFile::open(packed));
    OSIEKIT_ASSIGN(std::string text, decompress_all(bytes.bytes(), file.path, index_size_limit));
    OSIEKIT_ASSIGN(auto records, parse_packages(text));
    return compact_packages(records);
}

}  // namespace

Result<std::vector<IndexFile>> select_indexes(const AptSource& source, const Release& release,
                                              std::uint32_t position,
                                              const std::string& architecture,
                                              const AptSettings& settings) {
    std::vector<IndexFile> files;
    if (source.suite.ends_with("/")) {
        const auto* form = best_form(release, "Packages");
        if (form == nullptr)
            return Error(ErrorKind::not_found, "the release lists no Packages file");
        files.push_back(make_index(source, release, position, *form, settings));
        return files;
    }
    std::vector<std::string> architectures = {architecture};
    if (lists_word(release.architectures, "all") && !release.all_in_every_index)
        architectures.emplace_back("all");
    for (const std::string& component : source.components) {
        for (const std::string& wanted : architectures) {
            const auto* form = best_form(release, component + "/binary-" + wanted + "/Packages");
            if (form != nullptr) {
                files.push_back(make_index(source, release, position, *form, settings));
                files.back().component = component;
            } else if (wanted == architecture) {
                return Error(ErrorKind::not_found, "the release has no packages of component \"" +
                                                       component + "\" for architecture " +
                                                       architecture)
                    .hint("it has the components " + printable(release.components) +
                          " and the architectures " + printable(release.architectures));
            }
        }
    }
    return files;
}

Result<PackageIndex> load_indexes(BlobCache& cache, const std::vector<IndexFile>& files,
                                  const std::string& architecture, const FetchOptions& options) {
    std::vector<std::string> texts(files.size());
    std::vector<FetchItem> items;
    std::vector<std::size_t> missing;
    for (std::size_t i = 0; i < files.size(); ++i) {
        if (auto kept = read_checked(compact_path(cache, files[i]))) {
            texts[i] = *std::move(kept);
        } else {
            missing.push_back(i);
            items.push_back(files[i].item);
        }
    }
    OSIEKIT_ASSIGN(auto paths, fetch_all(cache, items, options));
    for (std::size_t n = 0; n < missing.size(); ++n) {
        const IndexFile& file = files[missing[n]];
        auto compact = make_compact(paths[n], file);
        if (!compact) return std::move(compact).error().context("reading index " + file.item.name);
        OSIEKIT_TRY(write_checked(compact_path(cache, file), *compact));
        texts[missing[n]] = *std::move(compact);
    }
    PackageIndex index;
    for (std::size_t i = 0; i < files.size(); ++i)
        OSIEKIT_TRY(index
                        .add(std::move(texts[i]), architecture, static_cast<std::uint32_t>(i),
                             files[i].origin)
                        .context("reading index " + files[i].item.name));
    index.finish();
    return index;
}

}  // namespace osiekit::builder
