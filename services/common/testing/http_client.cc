#include "services/common/testing/http_client.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace espalier {
namespace {

void ParseHead(const std::string& head, HttpAnswer& answer) {
  const std::vector<std::string> lines = absl::StrSplit(head, "\r\n");
  const std::vector<std::string> status_line =
      absl::StrSplit(lines[0], absl::MaxSplits(' ', 2));
  if (status_line.size() < 2 ||
      !absl::SimpleAtoi(status_line[1], &answer.status))
    return;
  for (size_t i = 1; i < lines.size(); ++i) {
    const std::vector<std::string> parts =
        absl::StrSplit(lines[i], absl::MaxSplits(": ", 1));
    if (parts.size() == 2)
      answer.headers[absl::AsciiStrToLower(parts[0])] = parts[1];
  }
}

}  // namespace

HttpConnection::HttpConnection(int port)
    : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  if (connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) !=
      0) {
    close(fd_);
    fd_ = -1;
  }
}

HttpConnection::~HttpConnection() {
  if (fd_ >= 0) close(fd_);
}

void HttpConnection::Send(absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes.remove_prefix(sent);
  }
}

bool HttpConnection::Fill() {
  char buffer[4096];
  const ssize_t size = recv(fd_, buffer, sizeof(buffer), 0);
  if (size <= 0) return false;
  received_.append(buffer, size);
  return true;
}

HttpAnswer HttpConnection::Receive(bool to_head) {
  HttpAnswer answer;
  while (!absl::StrContains(received_, "\r\n\r\n")) {
    if (!Fill()) return answer;
  }
  const size_t head_size = received_.find("\r\n\r\n");
  ParseHead(received_.substr(0, head_size), answer);
  received_.erase(0, head_size + 4);
  size_t body_size = 0;
  const auto length = answer.headers.find("content-length");
  if (to_head || length == answer.headers.end() ||
      !absl::SimpleAtoi(length->second, &body_size))
    return answer;
  while (received_.size() < body_size) {
    if (!Fill()) return HttpAnswer();
  }
  answer.body = received_.substr(0, body_size);
  received_.erase(0, body_size);
  return answer;
}

HttpAnswer HttpConnection::Request(absl::string_view method,
                                   absl::string_view path,
                                   absl::string_view body) {
  std::string text =
      absl::StrCat(method, " ", path, " HTTP/1.1\r\nHost: localhost\r\n");
  if (!body.empty())
    absl::StrAppend(&text, "Content-Length: ", body.size(), "\r\n");
  Send(absl::StrCat(text, "\r\n", body));
  return Receive(method == "HEAD");
}

bool HttpConnection::WaitForEnd() { return received_.empty() && !Fill(); }

HttpAnswer HttpCall(int port, absl::string_view method, absl::string_view path,
                    absl::string_view body) {
  return HttpConnection(port).Request(method, path, body);
}

}  // namespace espalier
