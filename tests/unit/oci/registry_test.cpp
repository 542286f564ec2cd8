// The registry client and the store against a registry that misbehaves by script.
#include <catch2/catch.hpp>
#include <filesystem>

#include "lib/base/temp_dir.hpp"
#include "lib/oci/image_store.hpp"
#include "lib/oci/registry_client.hpp"
#include "tests/unit/oci/scripted_server.hpp"
#include "tests/unit/oci/tar_builder.hpp"

using namespace osiekit;
using namespace osiekit::oci;
namespace fs = std::filesystem;

namespace {

// One image with one layer, and the answers of an honest registry.
struct Image {
    std::string layer;
    std::string config;
    std::string manifest;

    explicit Image(const std::string& architecture = Platform::host().architecture) {
        layer = TarBuilder().file("hello", std::string(100000, 'h')).finish();
        config = R"({"os":"linux","architecture":")" + architecture +
                 R"(","config":{"Cmd":["/hello"]},"rootfs":{"diff_ids":[")" +
                 Sha256::of(layer).oci() + R"("]}})";
        manifest = R"({"schemaVersion":2,"mediaType":")" + std::string(media_type_manifest) +
                   R"(","config":{"digest":")" + Sha256::of(config).oci() + R"(","size":)" +
                   std::to_string(config.size()) + R"(},"layers":[{"digest":")" +
                   Sha256::of(layer).oci() + R"(","size":)" + std::to_string(layer.size()) + "}]}";
    }
    std::string answer(const std::string& request) const {
        auto asks = [&](const std::string& path) {
            return request.rfind("GET /v2/app/" + path + " ", 0) == 0;
        };
        if (asks("manifests/1"))
            return ScriptedServer::answer(
                200, "Content-Type: " + std::string(media_type_manifest) + "\r\n", manifest);
        if (asks("blobs/" + Sha256::of(config).oci()))
            return ScriptedServer::answer(200, "", config);
        if (asks("blobs/" + Sha256::of(layer).oci())) return ScriptedServer::answer(200, "", layer);
        return ScriptedServer::answer(
            404, "", R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"no such thing"}]})");
    }
};

// What the client takes the server for.
std::string host_of(const std::string& request) {
    std::size_t start = request.find("Host: ") + 6;
    return request.substr(start, request.find("\r\n", start) - start);
}

bool is_layer(const Image& image, const std::string& request) {
    return request.find("blobs/" + Sha256::of(image.layer).oci()) != std::string::npos;
}

struct Puller {
    TempDir directory = TempDir::create("store").value();
    RegistryOptions options;
    std::vector<std::chrono::milliseconds> pauses;

    Puller() {
        options.random = [] { return 0.5; };
        options.sleep = [this](std::chrono::milliseconds pause) { pauses.push_back(pause); };
    }
    Result<StoredImage> pull(const ScriptedServer& server, const std::string& name = "app:1",
                             std::uint64_t budget = 1U << 30U) {
        options.insecure = {server.host()};
        RegistryClient client(options);
        auto store = ImageStore::open(directory / "store").value();
        auto pulled = store.pull(client, Reference::parse(server.host() + "/" + name).value(),
                                 Platform::host(), [&] { return budget; });
        if (!pulled) require_nothing_left();
        return pulled;
    }
    void require_nothing_left() const {
        REQUIRE(fs::is_empty(directory / "store/layers"));
        REQUIRE(fs::is_empty(directory / "store/tmp"));
    }
};

}  // namespace

TEST_CASE("an honest registry: the layer is unpacked once") {
    Image image;
    ScriptedServer server([&](const std::string& request) { return image.answer(request); });
    Puller puller;
    auto stored = puller.pull(server).value();
    REQUIRE(stored.layers.size() == 1);
    REQUIRE(fs::file_size(stored.layers[0] / "hello") == 100000);
    REQUIRE(stored.image.config.cmd == std::vector<std::string>{"/hello"});
    REQUIRE(puller.pull(server));
    REQUIRE(server.requests().size() == 5);  // three, then manifest and configuration only
    auto store = ImageStore::open(puller.directory / "store").value();
    REQUIRE(store.has_layer(Sha256::of(image.layer)));
    REQUIRE(store.evict(0, store.next_use()));
    puller.require_nothing_left();
}

TEST_CASE("answers of 500 are repeated with pauses, then told") {
    Image image;
    int failures = 2;
    ScriptedServer server([&](const std::string& request) {
        if (failures-- > 0) return ScriptedServer::answer(500, "", "<html>");
        return image.answer(request);
    });
    Puller puller;
    REQUIRE(puller.pull(server));
    REQUIRE(puller.pauses.size() == 2);
    REQUIRE(puller.pauses[1] > puller.pauses[0]);

    ScriptedServer broken([](const std::string&) { return ScriptedServer::answer(500, "", ""); });
    Puller other;
    auto failed = other.pull(broken);
    REQUIRE(failed.error().kind() == ErrorKind::network);
    REQUIRE(failed.error().to_string().find("answered 500") != std::string::npos);
    REQUIRE(broken.requests().size() == 5);
}

TEST_CASE("429 with Retry-After is obeyed, within reason") {
    Image image;
    int answers = 0;
    ScriptedServer server([&](const std::string& request) {
        ++answers;
        if (answers == 1) return ScriptedServer::answer(429, "Retry-After: 7\r\n", "");
        if (answers == 2) return ScriptedServer::answer(429, "Retry-After: 999999\r\n", "");
        return image.answer(request);
    });
    Puller puller;
    REQUIRE(puller.pull(server));
    REQUIRE(puller.pauses.at(0) >= std::chrono::seconds(7));
    REQUIRE(puller.pauses.at(1) < std::chrono::seconds(62));
}

TEST_CASE("a body cut short goes on where it stopped") {
    Image image;
    bool ranges = GENERATE(true, false);
    int layers = 0;
    ScriptedServer server([&](const std::string& request) {
        std::string whole = image.answer(request);
        if (!is_layer(image, request)) return whole;
        if (++layers == 1) return whole.substr(0, whole.size() - 60000);
        std::size_t range = request.find("Range: bytes=");
        if (!ranges || range == std::string::npos) return whole;
        std::size_t start = std::stoul(request.substr(range + 13));
        return ScriptedServer::answer(206,
                                      "Content-Range: bytes " + std::to_string(start) + "-" +
                                          std::to_string(image.layer.size() - 1) + "/" +
                                          std::to_string(image.layer.size()) + "\r\n",
                                      image.layer.substr(start));
    });
    Puller puller;
    REQUIRE(puller.pull(server));
    REQUIRE(layers == 2);
}

TEST_CASE("a body cut short for ever, and a wrong range, are told") {
    Image image;
    bool wrong_range = GENERATE(true, false);
    ScriptedServer server([&](const std::string& request) {
        std::string whole = image.answer(request);
        if (!is_layer(image, request)) return whole;
        if (wrong_range && request.find("Range:") != std::string::npos)
            return ScriptedServer::answer(206, "Content-Range: bytes 0-9/10\r\n", "0123456789");
        return whole.substr(0, whole.size() - image.layer.size() + 10);
    });
    Puller puller;
    auto failed = puller.pull(server);
    REQUIRE(failed.error().kind() == ErrorKind::network);
}

TEST_CASE("wrong bytes of the right length, and too many bytes, are refused") {
    Image image;
    bool longer = GENERATE(true, false);
    ScriptedServer server([&](const std::string& request) {
        if (!is_layer(image, request)) return image.answer(request);
        std::string wrong = image.layer;
        wrong[1000] = 'X';
        return ScriptedServer::answer(200, "", longer ? wrong + "more" : wrong);
    });
    Puller puller;
    REQUIRE(puller.pull(server).error().kind() == ErrorKind::digest);
}

TEST_CASE("a pinned manifest must be the one") {
    Image image;
    ScriptedServer server([&](const std::string& request) {
        if (request.find("/manifests/") != std::string::npos)
            return ScriptedServer::answer(200, "", image.manifest);
        return image.answer(request);
    });
    Puller puller;
    REQUIRE(puller.pull(server, "app@" + Sha256::of(image.manifest).oci()));
    Puller other;
    REQUIRE(other.pull(server, "app@" + Sha256::of("other").oci()).error().kind() ==
            ErrorKind::digest);
}

TEST_CASE("an image for another architecture is told, by index and by configuration") {
    Image image("riscv64");
    bool index = GENERATE(true, false);
    ScriptedServer server([&](const std::string& request) {
        if (index && request.find("/manifests/1") != std::string::npos)
            return ScriptedServer::answer(
                200, "Content-Type: " + std::string(media_type_index) + "\r\n",
                R"({"manifests":[{"digest":")" + Sha256::of(image.manifest).oci() +
                    R"(","size":1,"platform":{"os":"linux","architecture":"riscv64"}}]})");
        return image.answer(request);
    });
    Puller puller;
    auto failed = puller.pull(server);
    REQUIRE(failed.error().kind() == ErrorKind::unsupported);
    REQUIRE(failed.error().to_string().find("linux/riscv64") != std::string::npos);
}

TEST_CASE("indexes that lead in a circle end") {
    std::string index;
    ScriptedServer server([&](const std::string&) {
        return ScriptedServer::answer(
            200, "", R"({"manifests":[{"digest":")" + Sha256::of("x").oci() + R"(","size":1}]})");
    });
    Puller puller;
    REQUIRE_FALSE(puller.pull(server));
    REQUIRE(server.requests().size() <= max_index_depth);
}

TEST_CASE("a missing image, a layer beyond the budget") {
    Image image;
    ScriptedServer server([&](const std::string& request) { return image.answer(request); });
    Puller puller;
    auto missing = puller.pull(server, "app:2");
    REQUIRE(missing.error().kind() == ErrorKind::not_found);
    REQUIRE(missing.error().to_string().find("MANIFEST_UNKNOWN") != std::string::npos);
    REQUIRE(puller.pull(server, "app:1", 1000).error().kind() == ErrorKind::limit);
}

TEST_CASE("a token is fetched, used, and renewed when refused") {
    Image image;
    int tokens = 0;
    std::string realm;
    ScriptedServer server([&](const std::string& request) {
        if (request.rfind("GET /token?", 0) == 0) {
            ++tokens;
            return ScriptedServer::answer(
                200, "", R"({"token":"t)" + std::to_string(tokens) + R"(","expires_in":60})");
        }
        // The layer wants the second token: the first has run out.
        std::string wanted = is_layer(image, request) ? "Bearer t2" : "Bearer t";
        if (request.find("Authorization: " + wanted) == std::string::npos)
            return ScriptedServer::answer(
                401,
                "WWW-Authenticate: Bearer realm=\"" + realm +
                    "\",service=\"reg\",scope=\"repository:app:pull\"\r\n",
                "");
        return image.answer(request);
    });
    realm = "http://" + server.host() + "/token";
    Puller puller;
    REQUIRE(puller.pull(server));
    REQUIRE(tokens == 2);
    REQUIRE(server.requests().at(1).find("GET /token?scope=repository%3aapp%3apull&service=reg ") ==
            0);
}

TEST_CASE("Basic credentials go to their registry only") {
    Image image;
    ScriptedServer server([&](const std::string& request) {
        if (request.find("Authorization: Basic dXNlcjpzZWNyZXQ=") == std::string::npos)
            return ScriptedServer::answer(401, "WWW-Authenticate: Basic realm=\"r\"\r\n", "");
        return image.answer(request);
    });
    Puller puller;
    puller.options.user = "user";
    puller.options.password = "secret";
    puller.options.credentials_host = "other.example";
    auto refused = puller.pull(server);
    REQUIRE(refused.error().kind() == ErrorKind::refused);
    REQUIRE(refused.error().to_string().find("secret") == std::string::npos);
    for (const auto& request : server.requests())
        REQUIRE(request.find("Authorization") == std::string::npos);
    puller.options.credentials_host = server.host();
    REQUIRE(puller.pull(server));
}

TEST_CASE("CVE-2020-15157: authorization does not follow a redirect to another host") {
    Image image;
    ScriptedServer storage(
        [&](const std::string&) { return ScriptedServer::answer(200, "", image.layer); });
    bool bearer = GENERATE(true, false);
    ScriptedServer server([&](const std::string& request) {
        if (request.rfind("GET /token", 0) == 0)
            return ScriptedServer::answer(200, "", R"({"access_token":"secret"})");
        if (request.find("Authorization:") == std::string::npos)
            return ScriptedServer::answer(401,
                                          bearer ? "WWW-Authenticate: Bearer realm=\"http://" +
                                                       host_of(request) + "/token\"\r\n"
                                                 : "WWW-Authenticate: Basic realm=\"r\"\r\n",
                                          "");
        if (is_layer(image, request))
            return ScriptedServer::answer(
                307, "Location: http://" + storage.host() + "/somewhere\r\n", "");
        return image.answer(request);
    });
    Puller puller;
    puller.options.user = "user";
    puller.options.password = "secret";
    puller.options.credentials_host = server.host();
    REQUIRE(puller.pull(server));
    REQUIRE(storage.requests().size() == 1);
    REQUIRE(storage.requests()[0].find("Authorization") == std::string::npos);
}

TEST_CASE(
    "CVE-2020-1702, CVE-2023-25153: documents and tokens at their limits, and one byte beyond") {
    Image image;
    std::size_t extra = GENERATE(0, 1);
    ScriptedServer server([&](const std::string& request) {
        if (request.rfind("GET /token", 0) == 0) {
            std::string token = R"({"token":"t"})";
            token.resize(max_token_bytes + extra, ' ');
            return ScriptedServer::answer(200, "", token);
        }
        if (request.find("Authorization:") == std::string::npos)
            return ScriptedServer::answer(
                401,
                "WWW-Authenticate: Bearer realm=\"http://" +
                    request.substr(
                        request.find("127."),
                        request.find("\r\n", request.find("127.")) - request.find("127.")) +
                    "/token\"\r\n",
                "");
        return image.answer(request);
    });
    Puller puller;
    auto pulled = puller.pull(server);
    REQUIRE(pulled.ok() == (extra == 0));
    if (!pulled) REQUIRE(pulled.error().kind() == ErrorKind::limit);

    ScriptedServer large([&](const std::string& request) {
        std::string manifest = image.manifest;
        manifest.resize(max_document_bytes + extra, ' ');
        if (request.find("/manifests/") != std::string::npos)
            return ScriptedServer::answer(200, "", manifest);
        return image.answer(request);
    });
    Puller other;
    REQUIRE(other.pull(large).ok() == (extra == 0));
}

TEST_CASE("cancelling stops the attempts") {
    Puller puller;
    bool cancelled = false;
    puller.options.cancelled = [&] { return cancelled; };
    puller.options.sleep = [&](std::chrono::milliseconds) { cancelled = true; };
    ScriptedServer server([](const std::string&) { return ScriptedServer::answer(503, "", ""); });
    REQUIRE(puller.pull(server).error().kind() == ErrorKind::cancelled);
    REQUIRE(server.requests().size() == 1);
}

TEST_CASE("a dead mirror costs little, and the registry itself is asked") {
    Image image;
    bool alive = GENERATE(true, false);
    ScriptedServer mirror([&](const std::string& request) {
        if (!alive) return ScriptedServer::answer(503, "", "");
        std::string plain = request;
        std::size_t query = plain.find("?ns=");
        REQUIRE(query != std::string::npos);
        plain.erase(query, plain.find(' ', query) - query);
        return image.answer(plain);
    });
    ScriptedServer server([&](const std::string& request) { return image.answer(request); });
    Puller puller;
    puller.options.hosts =
        RegistryHosts::parse(R"({"registries":{")" + server.host() +
                             R"(":{"mirrors":[{"url":"http://)" + mirror.host() + R"("}]}}})")
            .value();
    puller.options.user = "user";
    puller.options.password = "secret";
    puller.options.credentials_host = server.host();
    REQUIRE(puller.pull(server));
    REQUIRE(server.requests().empty() == alive);
    REQUIRE(mirror.requests().size() == (alive ? 3 : 6));
    REQUIRE(mirror.requests()[0].find("?ns=" + server.host() + " ") != std::string::npos);
}

TEST_CASE("a mirror that may only pull does not say what a tag means") {
    Image image;
    ScriptedServer mirror([&](const std::string& request) {
        if (request.find("/manifests/1") != std::string::npos)
            return ScriptedServer::answer(200, "", "a lie");
        return ScriptedServer::answer(404, "", "");
    });
    ScriptedServer server([&](const std::string& request) { return image.answer(request); });
    Puller puller;
    puller.options.hosts = RegistryHosts::parse(R"({"registries":{")" + server.host() +
                                                R"(":{"mirrors":[{"url":"http://)" + mirror.host() +
                                                R"(","capabilities":["pull"]}]}}})")
                               .value();
    REQUIRE(puller.pull(server));
    for (const auto& request : mirror.requests())
        REQUIRE(request.find("/manifests/") == std::string::npos);
}

TEST_CASE("an identity token is exchanged by POST, and a wider scope is asked for once") {
    Image image;
    std::string realm;
    int tokens = 0;
    ScriptedServer server([&](const std::string& request) {
        if (request.rfind("POST /token ", 0) == 0)
            return ScriptedServer::answer(
                200, "", R"({"access_token":"t)" + std::to_string(++tokens) + R"("})");
        if (request.find("Authorization: Bearer t2") != std::string::npos)
            return image.answer(request);
        bool first = request.find("Authorization:") == std::string::npos;
        return ScriptedServer::answer(
            first ? 401 : 403,
            "WWW-Authenticate: Basic realm=\"r\"\r\nWWW-Authenticate: Bearer realm=\"" + realm +
                "\",scope=\"repository:app:pull\"" +
                (first ? "" : ",error=\"insufficient_scope\"") + "\r\n",
            "");
    });
    realm = "http://" + server.host() + "/token";
    Puller puller;
    Credential credential;
    credential.identity_token = "refresh me";
    puller.options.credentials.add(server.host(), credential);
    REQUIRE(puller.pull(server));
    REQUIRE(tokens == 2);
    for (const auto& request : server.requests())
        if (request.rfind("GET", 0) == 0) REQUIRE(request.find("refresh") == std::string::npos);
}

TEST_CASE("an image that is not admitted costs no layer") {
    Image image;
    ScriptedServer server([&](const std::string& request) { return image.answer(request); });
    Puller puller;
    puller.options.insecure = {server.host()};
    RegistryClient client(puller.options);
    auto store = ImageStore::open(puller.directory / "store").value();
    auto refused = store.pull(
        client, Reference::parse(server.host() + "/app:1").value(), Platform::host(),
        [] { return 1U << 30U; },
        [](const ResolvedImage&, ImageSource&) { return Error(ErrorKind::refused, "no"); });
    REQUIRE(refused.error().kind() == ErrorKind::refused);
    REQUIRE(server.requests().size() == 2);
}
