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
pkg_check_modules(NGHTTP2 REQUIRED IMPORTED_TARGET libnghttp2)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
find_path(OSIEKIT_CLI11_DIR CLI/CLI.hpp REQUIRED)
find_path(OSIEKIT_BOOST_DIR boost/beast.hpp REQUIRED)
find_program(OSIEKIT_PROTOC protoc REQUIRED)
find_program(OSIEKIT_GRPC_PLUGIN grpc_cpp_plugin REQUIRED)

# What the Debian archives of libcurl, libarchive and OpenSSL refer to when they are linked statically.
# lib/http/curl_static_stubs.c stands in for LDAP, GSSAPI and RTMP, which have no archives, for libssh2, brotli and
# libpsl, which are of no use to us: all are switched off at run time.
# The linker goes through a group's archives until nothing new is found: they refer to each other.
add_library(osiekit_static_curl INTERFACE)
target_link_libraries(osiekit_static_curl INTERFACE "$<LINK_GROUP:RESCAN,osiekit_curl_stubs,curl,nghttp2,idn2,\
ssl,crypto,zstd,z,unistring>")
add_library(osiekit_static_archive INTERFACE)
target_link_libraries(osiekit_static_archive INTERFACE "$<LINK_GROUP:RESCAN,archive,nettle,acl,lzma,zstd,lz4,bz2,z,\
xml2,icuuc,icudata,crypto>")
# Protobuf's runtime for messages without descriptors, as an archive.
add_library(osiekit_static_protobuf INTERFACE)
target_link_libraries(osiekit_static_protobuf INTERFACE protobuf-lite Threads::Threads)
