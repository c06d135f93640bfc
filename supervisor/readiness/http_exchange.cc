#include "supervisor/readiness/http_exchange.h"

#include <cstddef>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace espalier {
namespace {

// The status in a line such as "HTTP/1.1 200 OK"; 0 if it is not one.
int ParseStatusLine(absl::string_view line) {
  int status;
  const bool is_http = absl::ConsumePrefix(&line, "HTTP/1.1 ") ||
                       absl::ConsumePrefix(&line, "HTTP/1.0 ");
  if (!is_http || line.size() < 3 || (line.size() > 3 && line[3] != ' ') ||
      !absl::SimpleAtoi(line.substr(0, 3), &status) || status < 100) {
    return 0;
  }
  return status;
}

}  // namespace

HttpExchange::HttpExchange(absl::string_view host, absl::string_view path)
    : output_(absl::StrCat("GET ", path, " HTTP/1.1\r\nHost: ", host,
                           "\r\nUser-Agent: espalier\r\nAccept: */*\r\n"
                           "Connection: close\r\n\r\n")) {}

std::string HttpExchange::TakeOutput() { return std::exchange(output_, ""); }

void HttpExchange::Receive(absl::string_view bytes) {
  received_ += bytes.size();
  while (!result_.has_value() && !bytes.empty()) {
    const size_t end = bytes.find('\n');
    absl::StrAppend(&partial_line_, bytes.substr(0, end));
    if (end == absl::string_view::npos) break;
    bytes.remove_prefix(end + 1);
    const std::string line = std::exchange(partial_line_, "");
    TakeLine(absl::StripSuffix(line, "\r"));
  }
  if (!result_.has_value() && received_ > kMaxAnswer) {
    Fail("the head of the HTTP answer is too long");
  }
}

void HttpExchange::TakeLine(absl::string_view line) {
  if (status_ == 0) {
    status_ = ParseStatusLine(line);
    if (status_ == 0) Fail("the answer is not HTTP/1");
    return;
  }
  if (!line.empty()) return;  // A header.
  if (status_ < 200) {
    status_ = 0;  // An interim answer; the proper one follows.
  } else if (status_ < 300) {
    result_ = absl::OkStatus();
  } else {
    Fail(absl::StrCat("HTTP status ", status_));
  }
}

void HttpExchange::Fail(absl::string_view what) {
  result_ = absl::UnavailableError(what);
}

}  // namespace espalier
