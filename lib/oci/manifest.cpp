#include "lib/oci/manifest.hpp"

#include <nlohmann/json.hpp>

#include "lib/base/text.hpp"

namespace osiekit::oci {
namespace {

using Json = nlohmann::json;

Error bad(const std::string& what) {
    return Error(ErrorKind::invalid_input, what);
}

Result<Json> parse_json(std::string_view bytes, const std::string& what) {
    if (bytes.size() > max_document_bytes)
        return Error(ErrorKind::limit, what + " is larger than " + human_size(max_document_bytes));
    Json json = Json::parse(bytes.begin(), bytes.end(), nullptr, false);
    if (json.is_discarded() || !json.is_object())
        return bad(what + " is not a JSON object").hint("is this address really a registry?");
    return json;
}

// A text field; absent, null and other types are empty.
std::string text_of(const Json& object, const char* key) {
    auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Result<std::vector<std::string>> texts_of(const Json& object, const char* key) {
    std::vector<std::string> texts;
    auto found = object.find(key);
    if (found == object.end() || found->is_null()) return texts;
    if (!found->is_array()) return bad(std::string("\"") + key + "\" is not a list");
    for (const Json& item : *found) {
        if (!item.is_string()) return bad(std::string("\"") + key + "\" holds something not text");
        texts.push_back(item.get<std::string>());
        if (texts.back().find('\0') != std::string::npos)
            return bad(std::string("\"") + key + "\" holds a zero byte");
    }
    return texts;
}

Result<Descriptor> parse_descriptor(const Json& json) {
    if (!json.is_object()) return bad("a descriptor is not an object");
    Descriptor descriptor;
    descriptor.media_type = text_of(json, "mediaType");
    OSIEKIT_ASSIGN(descriptor.digest, ContentDigest::parse(text_of(json, "digest")));
    auto size = json.find("size");
    if (size == json.end() || !size->is_number_integer() || *size < 0)
        return bad("a descriptor has no size");
    descriptor.size = size->get<std::uint64_t>();
    if (auto platform = json.find("platform"); platform != json.end() && platform->is_object())
        descriptor.platform = Platform{text_of(*platform, "os"), text_of(*platform, "architecture"),
                                       text_of(*platform, "variant")};
    if (auto notes = json.find("annotations"); notes != json.end() && notes->is_object()) {
        if (notes->size() > max_annotations)
            return Error(ErrorKind::limit, "a descriptor has more than " +
                                               std::to_string(max_annotations) + " annotations");
        for (const auto& [key, value] : notes->items())
            if (value.is_string()) descriptor.annotations[key] = value.get<std::string>();
    }
    return descriptor;
}

Result<Index> parse_index(const Json& json) {
    auto list = json.find("manifests");
    if (list == json.end() || !list->is_array()) return bad("the image index has no manifests");
    if (list->size() > max_index_entries)
        return Error(ErrorKind::limit, "the image index has more than " +
                                           std::to_string(max_index_entries) + " entries");
    Index index;
    for (const Json& item : *list) {
        // Entries with digests or shapes that we do not know are other people's; not an error.
        if (auto descriptor = parse_descriptor(item))
            index.manifests.push_back(std::move(*descriptor));
    }
    return index;
}

Result<Manifest> parse_manifest(const Json& json) {
    auto config = json.find("config");
    auto layers = json.find("layers");
    if (config == json.end() || layers == json.end() || !layers->is_array())
        return bad("the image manifest has no config or no layers");
    if (layers->size() > max_layers)
        return Error(ErrorKind::limit,
                     "the image has more than " + std::to_string(max_layers) + " layers");
    Manifest manifest;
    OSIEKIT_ASSIGN(manifest.config, parse_descriptor(*config));
    for (const Json& item : *layers) {
        OSIEKIT_ASSIGN(auto layer, parse_descriptor(item));
        manifest.layers.push_back(std::move(layer));
    }
    return manifest;
}

}  // namespace

std::string Platform::to_string() const {
    return os + "/" + architecture + (variant.empty() ? "" : "/" + variant);
}

Platform Platform::host() {
#if defined(__x86_64__)
    return {"linux", "amd64", ""};
#elif defined(__aarch64__)
    return {"linux", "arm64", ""};
#else
#error "osiekit runs on amd64 and arm64"
#endif
}

Result<Document> parse_document(std::string_view bytes, std::string_view content_type) {
    OSIEKIT_ASSIGN(auto json, parse_json(bytes, "the image manifest"));
    std::string declared(trim(content_type.substr(0, content_type.find(';'))));
    std::string own = text_of(json, "mediaType");
    if (json.value("schemaVersion", Json()) == 1)
        return Error(ErrorKind::unsupported, "the image has the old manifest of schema 1")
            .hint("push the image again with a current tool");
    bool known = declared.rfind("application/vnd.", 0) == 0;
    if (!own.empty() && known && own != declared)
        return bad("the manifest says it is " + printable(own) + ", the registry says " +
                   printable(declared));
    if (json.contains("manifests") && (json.contains("layers") || json.contains("config")))
        return bad("the document is an index and a manifest at once");
    std::string type = !own.empty() ? own : known ? declared : std::string();
    bool index = type == media_type_index || type == media_type_docker_list;
    bool manifest = type == media_type_manifest || type == media_type_docker_manifest;
    if (!index && !manifest && !type.empty())
        return Error(ErrorKind::unsupported, "documents of the type " + printable(type) +
                                                 " are not images that can be run");
    if (index || (type.empty() && json.contains("manifests"))) {
        OSIEKIT_ASSIGN(auto parsed, parse_index(json));
        parsed.media_type = own.empty() ? media_type_index : own;
        return Document(std::move(parsed));
    }
    OSIEKIT_ASSIGN(auto parsed, parse_manifest(json));
    parsed.media_type = own.empty() ? media_type_manifest : own;
    return Document(std::move(parsed));
}

Result<ImageConfig> parse_config(std::string_view bytes) {
    OSIEKIT_ASSIGN(auto json, parse_json(bytes, "the image configuration"));
    ImageConfig config;
    config.platform = {text_of(json, "os"), text_of(json, "architecture"),
                       text_of(json, "variant")};
    if (auto run = json.find("config"); run != json.end() && run->is_object()) {
        config.user = text_of(*run, "User");
        config.working_dir = text_of(*run, "WorkingDir");
        config.stop_signal = text_of(*run, "StopSignal");
        OSIEKIT_ASSIGN(config.env, texts_of(*run, "Env"));
        OSIEKIT_ASSIGN(config.entrypoint, texts_of(*run, "Entrypoint"));
        OSIEKIT_ASSIGN(config.cmd, texts_of(*run, "Cmd"));
    }
    auto rootfs = json.find("rootfs");
    if (rootfs == json.end() || !rootfs->is_object())
        return bad("the image configuration has no rootfs");
    OSIEKIT_ASSIGN(auto diff_ids, texts_of(*rootfs, "diff_ids"));
    for (const std::string& text : diff_ids) {
        OSIEKIT_ASSIGN(auto digest, ContentDigest::parse(text));
        config.diff_ids.push_back(digest);
    }
    return config;
}

bool fits(const Platform& offered, const Platform& wanted) {
    auto variant = [](const Platform& platform) {
        return platform.architecture == "arm64" && platform.variant == "v8" ? std::string()
                                                                            : platform.variant;
    };
    return offered.os == wanted.os && offered.architecture == wanted.architecture &&
           (variant(offered).empty() || variant(offered) == variant(wanted));
}

Result<Descriptor> choose_platform(const Index& index, const Platform& wanted) {
    std::vector<std::string> offers;
    for (const Descriptor& descriptor : index.manifests) {
        if (!descriptor.platform || descriptor.platform->os == "unknown") continue;
        if (fits(*descriptor.platform, wanted)) return descriptor;
        offers.push_back(printable(descriptor.platform->to_string()));
    }
    // An index of one image without a platform is what simple tools write.
    if (offers.empty() && index.manifests.size() == 1 && !index.manifests.front().platform)
        return index.manifests.front();
    return Error(ErrorKind::unsupported, "the image is not made for " + wanted.to_string() +
                                             "; it offers " +
                                             (offers.empty() ? "nothing" : join(offers, ", ")))
        .hint("build the image for this machine's architecture too");
}

}  // namespace osiekit::oci
