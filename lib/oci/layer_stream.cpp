#include "lib/oci/layer_stream.hpp"

#include <optional>
#include <thread>
#include <utility>

#include "lib/oci/byte_pipe.hpp"
#include "lib/oci/inflater.hpp"

namespace osiekit::oci {
namespace {

Status fetch_into(BytePipe& pipe, ImageSource& source, const Reference& reference,
                  const Descriptor& layer, const std::function<bool()>& cancelled) {
    auto pass_on = [&](std::string_view piece) -> Status {
        if (!(cancelled && cancelled()) && pipe.write(piece)) return {};
        return Error(ErrorKind::cancelled, "the layer is not wanted any more");
    };
    // When the other end has gone, for whatever reason, nobody waits for a slow registry.
    auto unwanted = [&] { return (cancelled && cancelled()) || pipe.abandoned(); };
    auto fetched = source.fetch_blob(reference, layer, BlobSink{pass_on, unwanted});
    pipe.finish(fetched ? std::nullopt : std::optional<Error>(fetched.error()));
    return fetched;
}

void inflate_into(BytePipe& pipe, const ByteSource& compressed, const UnpackLimits& limits) {
    Inflater inflater(compressed, limits.tar_bytes, limits.budget);
    for (;;) {
        auto piece = inflater.next();
        if (!piece) return pipe.finish(piece.error());
        if (piece->empty()) break;
        if (!pipe.write(*piece)) return;
    }
    auto rest = drain(compressed);
    pipe.finish(rest ? std::nullopt : std::optional<Error>(rest.error()));
}

}  // namespace

Result<UnpackedLayer> stream_layer(ImageSource& source, const Reference& reference,
                                   const Descriptor& layer, const ContentDigest& diff_id,
                                   int directory_fd, const UnpackLimits& limits,
                                   const std::function<bool()>& cancelled) {
    BytePipe compressed;
    BytePipe archive;
    Status fetched;
    std::thread download(
        [&] { fetched = fetch_into(compressed, source, reference, layer, cancelled); });
    const ByteSource network = [&] { return compressed.read(); };
    std::thread inflate([&] { inflate_into(archive, network, limits); });
    auto unpacked =
        unpack_tar([&] { return archive.read(); }, directory_fd, limits, diff_id.algorithm());
    // After a failure nobody reads to the end; after success there is nothing left to read.
    archive.abandon();
    compressed.abandon();
    inflate.join();
    download.join();
    // Bytes that are not what they were declared to be are the cause, whatever else they led to.
    if (!fetched && fetched.error().kind() != ErrorKind::cancelled)
        return std::move(fetched).error();
    if (!unpacked) return unpacked;
    OSIEKIT_TRY(fetched);
    if (unpacked->diff_id != diff_id)
        return Error(ErrorKind::digest, "the unpacked layer is " + unpacked->diff_id.oci() +
                                            ", the image's configuration says " + diff_id.oci());
    return unpacked;
}

}  // namespace osiekit::oci
