#include "supervisor/readiness/probe_target.h"

#include <algorithm>
#include <string>
#include <variant>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "supervisor/ports/socket_address.h"

namespace espalier {
namespace {

absl::StatusOr<SocketAddress> Parse(const ProbeTarget& target) {
  if (target.kind == ProbeTarget::Kind::kHttp) {
    const std::string& path = target.http_path;
    if (path.empty() || path[0] != '/' ||
        !std::all_of(path.begin(), path.end(), absl::ascii_isgraph)) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", absl::CHexEscape(path),
                       "\" is not an HTTP path: it begins with '/' and "
                       "consists of visible ASCII characters"));
    }
  }
  if (auto* unix_socket = std::get_if<ProbeTarget::Unix>(&target.address)) {
    return SocketAddress::Unix(unix_socket->path);
  }
  const auto& tcp = std::get<ProbeTarget::Tcp>(target.address);
  absl::StatusOr<SocketAddress> address =
      SocketAddress::Tcp(tcp.host, tcp.port);
  if (!address.ok()) return address;
  if (tcp.port == 0) {
    return absl::InvalidArgumentError("port 0 cannot be connected to");
  }
  if (!address->IsLocal()) {
    return absl::InvalidArgumentError("it is not a loopback address");
  }
  return address;
}

}  // namespace

std::string DescribeAddress(const ProbeTarget& target) {
  if (auto* unix_socket = std::get_if<ProbeTarget::Unix>(&target.address)) {
    return unix_socket->path;
  }
  const auto& tcp = std::get<ProbeTarget::Tcp>(target.address);
  const bool is_ipv6 = tcp.host.find(':') != std::string::npos;
  return is_ipv6 ? absl::StrCat("[", tcp.host, "]:", tcp.port)
                 : absl::StrCat(tcp.host, ":", tcp.port);
}

absl::StatusOr<SocketAddress> CheckedAddress(const ProbeTarget& target) {
  absl::StatusOr<SocketAddress> address = Parse(target);
  if (address.ok()) return address;
  return absl::InvalidArgumentError(absl::StrCat("cannot probe ",
                                                 DescribeAddress(target), ": ",
                                                 address.status().message()));
}

}  // namespace espalier
