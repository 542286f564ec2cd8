# Every dependency is a Debian package, found by CMake's own means; nothing is downloaded.
find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(Protobuf REQUIRED)
find_package(gRPC CONFIG REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(nlohmann_json REQUIRED)
pkg_check_modules(ARCHIVE REQUIRED IMPORTED_TARGET libarchive)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(GRPC_ARCHIVES REQUIRED grpc++ protobuf libcares re2)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
find_path(OSIEKIT_CLI11_DIR CLI/CLI.hpp REQUIRED)
find_path(OSIEKIT_BOOST_DIR boost/beast.hpp REQUIRED)
find_program(OSIEKIT_PROTOC protoc REQUIRED)
find_program(OSIEKIT_GRPC_PLUGIN grpc_cpp_plugin REQUIRED)

# What the Debian archives of libcurl, libarchive and OpenSSL refer to when they are linked statically. Debian
# ships no archives of LDAP, GSSAPI and RTMP; lib/http/curl_static_stubs.c stands in for those three, which we
# switch off at run time.
add_library(osiekit_static_curl INTERFACE)
target_link_libraries(osiekit_static_curl INTERFACE -Wl,--start-group osiekit_curl_stubs curl nghttp2 idn2 ssh2 psl
  ssl crypto zstd brotlidec brotlicommon z unistring gcrypt gpg-error -Wl,--end-group)
add_library(osiekit_static_archive INTERFACE)
target_link_libraries(osiekit_static_archive INTERFACE -Wl,--start-group archive nettle acl lzma zstd lz4 bz2 z xml2
  icuuc icudata crypto -Wl,--end-group)
# gRPC and Protobuf as archives: CMake's own gRPC targets name the shared libraries. A static program links this and
# osiekit_proto_code instead of osiekit_proto.
add_library(osiekit_static_grpc INTERFACE)
list(REMOVE_DUPLICATES GRPC_ARCHIVES_STATIC_LIBRARIES)
target_link_libraries(osiekit_static_grpc INTERFACE -Wl,--start-group ${GRPC_ARCHIVES_STATIC_LIBRARIES} -Wl,--end-group)
