#include "supervisor/readiness/http_exchange.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace espalier {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// What an exchange makes of `answer`, which comes byte by byte as well as at
// once; "pending" if it wants more.
std::string Outcome(absl::string_view answer) {
  HttpExchange whole("h", "/"), bytewise("h", "/");
  whole.Receive(answer);
  for (char c : answer) bytewise.Receive(absl::string_view(&c, 1));
  EXPECT_EQ(whole.result(), bytewise.result()) << answer;
  if (!whole.result().has_value()) return "pending";
  return whole.result()->ok() ? "ready"
                              : std::string(whole.result()->message());
}

TEST(HttpExchangeTest, AsksOnce) {
  HttpExchange exchange("127.0.0.1:80", "/healthz?full");
  const std::string request = exchange.TakeOutput();
  EXPECT_THAT(request, StartsWith("GET /healthz?full HTTP/1.1\r\n"
                                  "Host: 127.0.0.1:80\r\n"));
  EXPECT_THAT(request, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_THAT(request, testing::EndsWith("\r\n\r\n"));
  EXPECT_EQ(exchange.TakeOutput(), "");
}

TEST(HttpExchangeTest, Wants2xx) {
  EXPECT_EQ(Outcome("HTTP/1.1 200 OK\r\nA: b\r\n\r\nhello"), "ready");
  EXPECT_EQ(Outcome("HTTP/1.0 204\r\n\r\n"), "ready");
  EXPECT_EQ(Outcome("HTTP/1.1 299 Fine\n\n"), "ready");
  EXPECT_EQ(Outcome("HTTP/1.1 503 Busy\r\n\r\n"), "HTTP status 503");
  EXPECT_EQ(Outcome("HTTP/1.1 302 Found\r\n\r\n"), "HTTP status 302");
}

TEST(HttpExchangeTest, WaitsForTheWholeHead) {
  EXPECT_EQ(Outcome(""), "pending");
  EXPECT_EQ(Outcome("HTTP/1.1 20"), "pending");
  EXPECT_EQ(Outcome("HTTP/1.1 200 OK\r\n"), "pending");
  EXPECT_EQ(Outcome("HTTP/1.1 200 OK\r\nA: b\r\n"), "pending");
}

TEST(HttpExchangeTest, PassesOverInterimAnswers) {
  EXPECT_EQ(Outcome("HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n"), "pending");
  EXPECT_EQ(Outcome("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"),
            "ready");
}

TEST(HttpExchangeTest, RefusesWhatIsNotHttp) {
  for (const char* answer :
       {"\r\n", "SSH-2.0-OpenSSH\r\n", "HTTP/2 200\r\n", "HTTP/1.1 20\r\n",
        "HTTP/1.1 2000 OK\r\n", "HTTP/1.1 +20 OK\r\n", "HTTP/1.1 -20 OK\r\n",
        "HTTP/1.1  200 OK\r\n", "HTTP/1.1 099 Low\r\n",
        "\x15\x03\x01\x02\x02\n"}) {
    EXPECT_EQ(Outcome(answer), "the answer is not HTTP/1");
  }
}

TEST(HttpExchangeTest, IsBounded) {
  HttpExchange endless_line("h", "/");
  HttpExchange endless_head("h", "/");
  endless_head.Receive("HTTP/1.1 200 OK\r\n");
  const std::string junk(4096, 'x');
  for (size_t i = 0; i <= Exchange::kMaxAnswer / junk.size(); ++i) {
    endless_line.Receive(junk);
    endless_head.Receive(junk + "\r\n");
  }
  EXPECT_EQ(endless_line.result()->message(),
            "the head of the HTTP answer is too long");
  EXPECT_EQ(endless_head.result()->message(),
            "the head of the HTTP answer is too long");
}

}  // namespace
}  // namespace espalier
