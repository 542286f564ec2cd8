#include "builder/debian/signature.hpp"

#include <algorithm>

#include "lib/base/child.hpp"
#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view message_begin = "-----BEGIN PGP SIGNED MESSAGE-----";
constexpr std::string_view signature_begin = "-----BEGIN PGP SIGNATURE-----";
constexpr std::string_view signature_end = "-----END PGP SIGNATURE-----";
constexpr std::string_view armour_begin = "-----BEGIN PGP ";
constexpr std::uint64_t keyring_limit = 16U << 20U;

std::string_view without_blank_end(std::string_view line) {
    std::size_t last = line.find_last_not_of(" \t\r");
    return last == std::string_view::npos ? std::string_view() : line.substr(0, last + 1);
}

// One signed block from the first line to the last, so that nobody reads what was not signed.
Status check_shape(std::string_view text) {
    int messages = 0;
    int signatures = 0;
    int ends = 0;
    std::string_view first;
    std::string_view last;
    for (std::string_view line : split(text, '\n')) {
        line = without_blank_end(line);
        if (line.empty()) continue;
        if (first.empty()) first = line;
        last = line;
        messages += line == message_begin ? 1 : 0;
        signatures += line == signature_begin ? 1 : 0;
        ends += line == signature_end ? 1 : 0;
    }
    if (messages == 1 && signatures == 1 && ends == 1 && first == message_begin &&
        last == signature_end)
        return {};
    return Error(ErrorKind::refused, "this is not one clear-signed message and nothing else")
        .hint("the address may answer with a web page; a login to the network may be needed");
}

int base64_value(char c) {
    constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::size_t at = alphabet.find(c);
    return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

struct Verdict {
    std::vector<std::string> good;  // fingerprints: of the signing key and of its primary key
    bool bad = false;
    int plaintexts = 0;
    std::string complaint;
};

// What gpgv says on its status descriptor (doc/DETAILS of GnuPG). A signature by an expired or
// revoked key also gets VALIDSIG, but not GOODSIG before it.
Verdict read_status(std::string_view status) {
    Verdict verdict;
    bool good = false;
    for (std::string_view line : split(status, '\n')) {
        auto words = split_words(line);
        if (words.size() < 2 || words[0] != "[GNUPG:]") continue;
        std::string_view what = words[1];
        std::string key(words.size() > 2 ? words[2] : "");
        if (what == "NEWSIG") good = false;
        if (what == "GOODSIG") good = true;
        if (what == "PLAINTEXT") ++verdict.plaintexts;
        if (what == "VALIDSIG" && good) {
            verdict.good.push_back(key);
            verdict.good.emplace_back(words.back());
        }
        if (what == "BADSIG" || what == "ERROR" || what == "NODATA") verdict.bad = true;
        if (what == "BADSIG") verdict.complaint = "the signature of key " + key + " is bad";
        if (what == "NO_PUBKEY" && verdict.complaint.empty())
            verdict.complaint = "it is signed by key " + key + ", which the keyring lacks";
        if (what == "EXPKEYSIG") verdict.complaint = "the signing key " + key + " has expired";
        if (what == "REVKEYSIG") verdict.complaint = "the signing key " + key + " is revoked";
    }
    return verdict;
}

Result<std::string> run_gpgv(const fs::path& directory, const std::vector<fs::path>& keyrings,
                             std::string_view signed_text) {
    OSIEKIT_TRY(write_file(directory / "signed", signed_text));
    std::vector<std::string> command = {
        "gpgv",          "--homedir", directory.string(), "--status-fd", "1",
        "--weak-digest", "SHA1",      "--weak-digest",    "RIPEMD160",   "--ignore-time-conflict"};
    for (const fs::path& keyring : keyrings) {
        command.emplace_back("--keyring");
        command.push_back(keyring.string());
    }
    command.emplace_back("--output");
    command.push_back((directory / "text").string());
    command.push_back((directory / "signed").string());
    auto output = run_command(command);
    if (!output)
        return std::move(output).error().hint("gpgv verifies the mirror's signatures: install it");
    return std::move(output->out);
}

// Keyrings as gpgv can read them: armoured ones are unpacked into `directory`.
Result<std::vector<fs::path>> prepare_keyrings(const TrustedKeys& keys, const fs::path& directory) {
    std::vector<fs::path> ready;
    auto add_armoured = [&](std::string_view text) -> Status {
        OSIEKIT_ASSIGN(std::string bytes, remove_armour(text));
        fs::path file = directory / ("keyring" + std::to_string(ready.size()) + ".gpg");
        OSIEKIT_TRY(write_file(file, bytes));
        ready.push_back(file);
        return {};
    };
    for (const fs::path& keyring : keys.keyrings) {
        OSIEKIT_ASSIGN(std::string content, read_file(keyring, keyring_limit));
        if (content.find(armour_begin) == std::string::npos) {
            ready.push_back(fs::absolute(keyring));
            continue;
        }
        OSIEKIT_TRY(add_armoured(content).context("reading " + keyring.string()));
    }
    if (!keys.key_block.empty())
        OSIEKIT_TRY(add_armoured(keys.key_block).context("reading the key block of Signed-By"));
    if (ready.empty())
        return Error(ErrorKind::not_found, "there is no keyring to verify the signature with")
            .hint("install debian-archive-keyring, or name the keyring with Signed-By");
    return ready;
}

}  // namespace

Result<std::string> remove_armour(std::string_view text) {
    std::string bytes;
    bool inside = false;
    bool headers = false;
    std::uint32_t bits = 0;
    int count = 0;
    for (std::string_view line : split(text, '\n')) {
        line = trim(line);
        if (line.starts_with(armour_begin)) {
            inside = true;
            headers = true;
            bits = 0;
            count = 0;
        } else if (line.starts_with("-----END PGP ")) {
            inside = false;
        } else if (inside && headers) {
            headers = !line.empty();
        } else if (inside && !line.starts_with("=")) {
            for (char c : line) {
                if (c == '=') break;
                int value = base64_value(c);
                if (value < 0)
                    return Error(ErrorKind::invalid_input, "the key's ASCII armour is damaged: \"" +
                                                               printable(line, 70) + "\"");
                bits = bits << 6U | static_cast<std::uint32_t>(value);
                count += 6;
                if (count < 8) continue;
                count -= 8;
                bytes += static_cast<char>(bits >> static_cast<unsigned>(count));
            }
        }
    }
    if (bytes.empty() || inside)
        return Error(ErrorKind::invalid_input, "no complete key in ASCII armour");
    return bytes;
}

Result<std::string> verify_clear_signed(std::string_view signed_text, const TrustedKeys& keys) {
    OSIEKIT_TRY(check_shape(signed_text));
    OSIEKIT_ASSIGN(TempDir directory, TempDir::create("osiekit-gpgv"));
    OSIEKIT_ASSIGN(auto keyrings, prepare_keyrings(keys, directory.path()));
    OSIEKIT_ASSIGN(std::string status, run_gpgv(directory.path(), keyrings, signed_text));
    Verdict verdict = read_status(status);
    bool wanted = keys.fingerprints.empty()
                      ? !verdict.good.empty()
                      : std::any_of(verdict.good.begin(), verdict.good.end(), [&](const auto& key) {
                            return std::find(keys.fingerprints.begin(), keys.fingerprints.end(),
                                             key) != keys.fingerprints.end();
                        });
    if (!wanted || verdict.bad || verdict.plaintexts != 1) {
        if (verdict.complaint.empty())
            verdict.complaint = "no good signature by a trusted key was found";
        return Error(ErrorKind::refused, "the signature is not accepted: " + verdict.complaint)
            .hint(
                "check Signed-By of the source and that the archive's keyring package is current");
    }
    return read_file(directory / "text");
}

std::string strip_clear_signature(std::string_view signed_text) {
    auto lines = split(signed_text, '\n');
    if (lines.empty() || without_blank_end(lines[0]) != message_begin)
        return std::string(signed_text);
    std::string text;
    bool headers = true;
    for (std::size_t i = 1; i < lines.size(); ++i) {
        std::string_view line = without_blank_end(lines[i]);
        if (line == signature_begin) break;
        if (headers) {
            headers = !line.empty();
            continue;
        }
        if (line.starts_with("- ")) line.remove_prefix(2);
        text.append(line).push_back('\n');
    }
    return text;
}

}  // namespace osiekit::builder
