#include "supervisor/ports/listeners.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "supervisor/ports/unique_fd.h"

namespace espalier {
namespace {

// More sockets than this cannot share one port on one machine in earnest.
constexpr size_t kMaxListeners = 4096;

// Whether a socket that is bound to `address` (as the kernel keeps it, 4 or 16
// bytes) can be given connections to 127.0.0.1.
bool TakesLoopback(int family, const void* address, bool ipv6_only) {
  in_addr v4;
  if (family == AF_INET) {
    memcpy(&v4, address, sizeof v4);
  } else {
    in6_addr v6;
    memcpy(&v6, address, sizeof v6);
    if (IN6_IS_ADDR_UNSPECIFIED(&v6)) return !ipv6_only;
    if (!IN6_IS_ADDR_V4MAPPED(&v6)) return false;
    memcpy(&v4, &v6.s6_addr[12], sizeof v4);
  }
  return v4.s_addr == htonl(INADDR_LOOPBACK) || v4.s_addr == htonl(INADDR_ANY);
}

std::string AddressText(int family, const void* address) {
  char text[INET6_ADDRSTRLEN] = "?";
  inet_ntop(family, address, text, sizeof text);
  return text;
}

absl::Status SendDumpRequest(int fd, int family, uint16_t port) {
  struct {
    nlmsghdr header;
    inet_diag_req_v2 request;
  } message = {};
  message.header = {.nlmsg_len = sizeof message,
                    .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                    .nlmsg_seq = 1,
                    .nlmsg_pid = 0};
  message.request.sdiag_family = family;
  message.request.sdiag_protocol = IPPROTO_TCP;
  message.request.idiag_states = 1 << TCP_LISTEN;
  message.request.id.idiag_sport = htons(port);
  if (send(fd, &message, sizeof message, 0) < 0) {
    return absl::ErrnoToStatus(errno, "cannot ask sock_diag");
  }
  return absl::OkStatus();
}

// Whether the attributes behind `message` say that the socket is IPv6-only.
bool IsIpv6Only(const nlmsghdr* header, const inet_diag_msg* message) {
  int left = static_cast<int>(header->nlmsg_len) -
             static_cast<int>(NLMSG_LENGTH(sizeof *message));
  auto* attribute = reinterpret_cast<const rtattr*>(message + 1);
  for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
    if (attribute->rta_type == INET_DIAG_SKV6ONLY &&
        RTA_PAYLOAD(attribute) >= 1) {
      return *static_cast<const uint8_t*>(RTA_DATA(attribute)) != 0;
    }
  }
  return false;
}

void TakeMessage(const nlmsghdr* header, uint16_t port,
                 std::vector<Listener>& found) {
  auto* message = static_cast<const inet_diag_msg*>(NLMSG_DATA(header));
  if (header->nlmsg_len < NLMSG_LENGTH(sizeof *message)) return;
  // The port in the request is a hint which old kernels do not follow.
  if (message->idiag_state != TCP_LISTEN ||
      message->id.idiag_sport != htons(port)) {
    return;
  }
  const int family = message->idiag_family;
  if (!TakesLoopback(family, message->id.idiag_src,
                     IsIpv6Only(header, message))) {
    return;
  }
  found.push_back({.inode = message->idiag_inode,
                   .uid = message->idiag_uid,
                   .address = AddressText(family, message->id.idiag_src)});
}

// Reads the answer to one request up to its end. The kernel produces it while
// we read, so this does not wait.
absl::Status ReceiveDump(int fd, uint16_t port, std::vector<Listener>& found) {
  alignas(nlmsghdr) char buffer[32768];
  while (found.size() <= kMaxListeners) {
    ssize_t size = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) {
      return absl::ErrnoToStatus(size < 0 ? errno : EPROTO,
                                 "no answer from sock_diag");
    }
    for (auto* header = reinterpret_cast<const nlmsghdr*>(buffer);
         NLMSG_OK(header, size); header = NLMSG_NEXT(header, size)) {
      if (header->nlmsg_type == NLMSG_DONE) return absl::OkStatus();
      if (header->nlmsg_type == NLMSG_ERROR) {
        auto* error = static_cast<const nlmsgerr*>(NLMSG_DATA(header));
        return absl::ErrnoToStatus(-error->error, "sock_diag refused");
      }
      TakeMessage(header, port, found);
    }
  }
  return absl::ResourceExhaustedError("too many sockets share one port");
}

// One line of /proc/net/tcp or tcp6, such as
//    0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000
//    1000        0 31337 1 …
// Addresses are groups of 32 bits in the machine's byte order, in hexadecimal.
void TakeLine(absl::string_view line, int family, uint16_t port,
              std::vector<Listener>& found) {
  const std::vector<absl::string_view> fields =
      absl::StrSplit(line, ' ', absl::SkipEmpty());
  if (fields.size() < 10) return;
  const absl::string_view local = fields[1];
  const size_t digits = family == AF_INET ? 8 : 32;
  uint32_t local_port, state;
  Listener listener;
  if (local.size() != digits + 5 || local[digits] != ':' ||
      !absl::SimpleHexAtoi(local.substr(digits + 1), &local_port) ||
      !absl::SimpleHexAtoi(fields[3], &state) ||
      !absl::SimpleAtoi(fields[7], &listener.uid) ||
      !absl::SimpleAtoi(fields[9], &listener.inode) || state != TCP_LISTEN ||
      local_port != port) {
    return;
  }
  uint32_t address[4] = {};
  for (size_t i = 0; i < digits / 8; ++i) {
    if (!absl::SimpleHexAtoi(local.substr(8 * i, 8), &address[i])) return;
  }
  if (!TakesLoopback(family, address, /*ipv6_only=*/false)) return;
  listener.address = AddressText(family, address);
  found.push_back(listener);
}

}  // namespace

namespace internal {

absl::StatusOr<std::vector<Listener>> FindListenersBySockDiag(uint16_t port) {
  std::vector<Listener> found;
  UniqueFd fd(socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, "cannot use sock_diag");
  for (int family : {AF_INET, AF_INET6}) {
    absl::Status status = SendDumpRequest(fd.get(), family, port);
    if (status.ok()) status = ReceiveDump(fd.get(), port, found);
    // A kernel without IPv6 has no such sockets.
    if (!status.ok() && !(family == AF_INET6 && absl::IsNotFound(status))) {
      return status;
    }
  }
  return found;
}

absl::StatusOr<std::vector<Listener>> FindListenersInProc(uint16_t port) {
  std::vector<Listener> found;
  for (int family : {AF_INET, AF_INET6}) {
    std::ifstream file(family == AF_INET ? "/proc/net/tcp" : "/proc/net/tcp6");
    if (!file && family == AF_INET) {
      return absl::NotFoundError("cannot read /proc/net/tcp");
    }
    std::string line;
    while (std::getline(file, line) && found.size() <= kMaxListeners) {
      TakeLine(line, family, port, found);
    }
  }
  return found;
}

}  // namespace internal

absl::StatusOr<std::vector<Listener>> FindListeners(uint16_t port) {
  absl::StatusOr<std::vector<Listener>> found =
      internal::FindListenersBySockDiag(port);
  if (found.ok()) return found;
  absl::StatusOr<std::vector<Listener>> in_proc =
      internal::FindListenersInProc(port);
  // What the better source said is the more useful complaint.
  return in_proc.ok() ? in_proc : found;
}

}  // namespace espalier
