#include "supervisor/wiring/endpoint.h"

#include "absl/strings/str_cat.h"
#include "supervisor/wiring/text.h"

// gdb runs this script when it loads a program, if it may: its setting
// auto-load safe-path says which. Kind 4: a text in Python.
asm(R"(
.pushsection ".debug_gdb_scripts", "MS", %progbits, 1
.byte 4
.ascii "espalier\n"
.incbin "supervisor/wiring/gdb_view.py"
.byte 0
.popsection
)");

namespace espalier {
namespace {

bool IsPostgresSocket(absl::string_view scheme,
                      const EndpointAddress& address) {
  return scheme == "postgresql" && !address.path.empty();
}

// In a plan the path is a name without a directory.
std::string SocketDirectory(const EndpointAddress& address) {
  return address.path.substr(0, address.path.rfind('/'));
}

}  // namespace

Text Endpoint::host() const {
  return Text(Text::Part{Text::Part::kEndpoint,
                         IsPostgresSocket(scheme_, address_)
                             ? SocketDirectory(address_)
                             : address_.host,
                         address_.service, address_.proxied});
}

Text Endpoint::port() const {
  return Text(
      Text::Part{Text::Part::kEndpoint,
                 IsPostgresSocket(scheme_, address_) ? "5432" : address_.port,
                 address_.service, address_.proxied});
}

std::string EndpointAccess::Url(const Endpoint& endpoint) {
  const EndpointAddress& address = endpoint.address_;
  if (IsPostgresSocket(endpoint.scheme_, address))
    return absl::StrCat("postgresql:///?host=", SocketDirectory(address));
  if (!address.path.empty()) return address.path;
  std::string url;
  if (!endpoint.scheme_.empty()) absl::StrAppend(&url, endpoint.scheme_, "://");
  absl::StrAppend(&url, address.host, ":", address.port);
  return url;
}

std::string Resolve(const Endpoint& endpoint) {
  return EndpointAccess::Url(endpoint);
}

std::ostream& operator<<(std::ostream& out, const Endpoint& endpoint) {
  return out << EndpointAccess::Url(endpoint);
}

}  // namespace espalier
