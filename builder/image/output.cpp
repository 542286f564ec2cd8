#include "builder/image/output.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "builder/image/manifest.hpp"
#include "builder/image/output_folder.hpp"
#include "builder/image/output_names.hpp"
#include "builder/tree.hpp"
#include "lib/base/file.hpp"

namespace osiekit::builder {

namespace {

// Copies a file of the cache, checking that its bytes still are what they were.
Status copy_checked(const std::filesystem::path& from, const Sha256& digest, int to,
                    const ByteSink& also, const std::function<bool()>& cancelled) {
    OSIEKIT_ASSIGN(FileContent content, FileContent::file(from));
    auto copy = [&](std::string_view piece) -> Status {
        if (cancelled && cancelled()) return Error(ErrorKind::cancelled, "interrupted");
        OSIEKIT_TRY(write_all(to, piece));
        return also ? also(piece) : Status();
    };
    OSIEKIT_TRY(content.read(copy));
    OSIEKIT_ASSIGN(Sha256 copied, content.digest());
    if (copied != digest)
        return Error(ErrorKind::digest, from.string() + " is damaged").hint("remove this file");
    return {};
}

// Those of an earlier image.
Status remove_documents(const OutputSpec& outputs, const std::filesystem::path& out) {
    for (const auto& name : {outputs.spdx, outputs.cyclonedx, outputs.provenance})
        if (!name.empty() && ::unlink((out / name).c_str()) != 0 && errno != ENOENT)
            return Error::from_errno("removing " + (out / name).string());
    return {};
}

}  // namespace

Status write_image(BuiltImage& image, const std::filesystem::path& vmlinuz,
                   const std::filesystem::path& out, const std::function<bool()>& cancelled) {
    OSIEKIT_ASSIGN(OutputFolder folder, OutputFolder::open(out, image.outputs));
    OSIEKIT_ASSIGN(PendingFile kernel, PendingFile::create(out / image.outputs.kernel));
    OSIEKIT_TRY(copy_checked(vmlinuz, image.kernel.vmlinuz, kernel.fd(), {}, cancelled));
    OSIEKIT_ASSIGN(PendingFile initramfs, PendingFile::create(out / image.outputs.initramfs));
    Sha256Stream stream;
    image.initramfs_size = 0;
    for (const Segment& segment : image.segments) {
        image.initramfs_size += segment.size;
        OSIEKIT_TRY(copy_checked(
            segment.file, segment.digest, initramfs.fd(),
            [&](std::string_view piece) {
                stream.update(piece);
                return Status();
            },
            cancelled));
    }
    image.initramfs_digest = stream.finish();
    OSIEKIT_ASSIGN(PendingFile manifest, PendingFile::create(out / manifest_name));
    OSIEKIT_TRY(write_all(manifest.fd(), manifest_text(image)));
    std::optional<PendingFile> script;
    if (!image.outputs.ipxe.empty()) {
        OSIEKIT_ASSIGN(script, PendingFile::create(out / image.outputs.ipxe));
        OutputNames names{image.outputs.kernel, image.outputs.initramfs};
        OSIEKIT_TRY(write_all(script->fd(), ipxe_script(image.name, names, image.cmdline)));
    }
    if (cancelled && cancelled()) return Error(ErrorKind::cancelled, "interrupted");
    // However this ends, they do not stay beside an image that they are not of.
    OSIEKIT_TRY(remove_documents(image.outputs, out));
    OSIEKIT_TRY(kernel.commit());
    OSIEKIT_TRY(initramfs.commit());
    if (script) OSIEKIT_TRY(script->commit());
    return manifest.commit();
}

}  // namespace osiekit::builder
