// Leaves xDS out of the static program: 4 MB that a client of one server never runs. gRPC registers
// its optional parts through this one function and builds its own smaller libraries by replacing
// it; defined here, the archive's member that names xDS, RBAC and their protocol files is not
// linked. Only for gRPC 1.51's archives; shared gRPC libraries are not affected.
namespace grpc_core {

class CoreConfiguration {
  public:
    class Builder;
};
void RegisterExtraFilters(CoreConfiguration::Builder* builder);
void RegisterExtraFilters(CoreConfiguration::Builder*) {}

}  // namespace grpc_core
