#include "supervisor/readiness/grpc_health_exchange.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace espalier {
namespace {

using ::testing::HasSubstr;

using Headers = std::vector<std::pair<std::string, std::string>>;

// An answer, as the peer gives it.
struct Answer {
  Headers headers = {{":status", "200"}, {"content-type", "application/grpc"}};
  std::string data = std::string("\0\0\0\0\2\x08\x01", 7);
  Headers trailers = {{"grpc-status", "0"}};
  // Ends the stream with this HTTP/2 error after the headers.
  uint32_t reset_with = NGHTTP2_NO_ERROR;
  // Says goodbye instead of answering.
  bool goaway = false;
};

// The other end of a connection: nghttp2 as a server, which gives one answer.
class Peer {
 public:
  explicit Peer(Answer answer) : answer_(std::move(answer)) {
    nghttp2_session_callbacks* callbacks;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, &OnHeader);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks,
                                                              &OnData);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, &OnFrame);
    nghttp2_session_server_new(&session_, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, nullptr, 0);
  }
  ~Peer() { nghttp2_session_del(session_); }

  // What it sends after it has received `bytes`.
  std::string React(const std::string& bytes) {
    nghttp2_session_mem_recv(
        session_, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
    std::string output;
    const uint8_t* data;
    ssize_t size;
    while ((size = nghttp2_session_mem_send(session_, &data)) > 0) {
      output.append(reinterpret_cast<const char*>(data), size);
    }
    return output;
  }

  std::map<std::string, std::string> request;
  std::string body;

 private:
  static int OnHeader(nghttp2_session*, const nghttp2_frame*,
                      const uint8_t* name, size_t name_size,
                      const uint8_t* value, size_t value_size, uint8_t,
                      void* self) {
    static_cast<Peer*>(self)
        ->request[std::string(reinterpret_cast<const char*>(name), name_size)] =
        std::string(reinterpret_cast<const char*>(value), value_size);
    return 0;
  }

  static int OnData(nghttp2_session*, uint8_t, int32_t, const uint8_t* data,
                    size_t size, void* self) {
    static_cast<Peer*>(self)->body.append(reinterpret_cast<const char*>(data),
                                          size);
    return 0;
  }

  static int OnFrame(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    if (frame->hd.stream_id != 0 &&
        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
      static_cast<Peer*>(self)->Reply(frame->hd.stream_id);
    }
    return 0;
  }

  static std::vector<nghttp2_nv> Pack(const Headers& headers) {
    std::vector<nghttp2_nv> packed;
    for (const auto& [name, value] : headers) {
      packed.push_back(
          {reinterpret_cast<uint8_t*>(const_cast<char*>(name.data())),
           reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())),
           name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
    }
    return packed;
  }

  static ssize_t ReadData(nghttp2_session* session, int32_t stream,
                          uint8_t* buffer, size_t size, uint32_t* flags,
                          nghttp2_data_source*, void* user_data) {
    Peer& self = *static_cast<Peer*>(user_data);
    const size_t count =
        std::min(size, self.answer_.data.size() - self.data_sent_);
    memcpy(buffer, self.answer_.data.data() + self.data_sent_, count);
    self.data_sent_ += count;
    if (self.data_sent_ < self.answer_.data.size()) return count;
    *flags = NGHTTP2_DATA_FLAG_EOF;
    if (!self.answer_.trailers.empty()) {
      *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
      const std::vector<nghttp2_nv> trailers = Pack(self.answer_.trailers);
      nghttp2_submit_trailer(session, stream, trailers.data(), trailers.size());
    }
    return count;
  }

  void Reply(int32_t stream) {
    if (answer_.goaway) {
      nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, 0, NGHTTP2_NO_ERROR,
                            nullptr, 0);
      return;
    }
    const std::vector<nghttp2_nv> headers = Pack(answer_.headers);
    const nghttp2_data_provider data = {.source = {},
                                        .read_callback = &ReadData};
    const bool headers_only = answer_.data.empty() && answer_.trailers.empty();
    nghttp2_submit_response(session_, stream, headers.data(), headers.size(),
                            headers_only ? nullptr : &data);
    if (answer_.reset_with != NGHTTP2_NO_ERROR) {
      nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream,
                                answer_.reset_with);
    }
  }

  const Answer answer_;
  size_t data_sent_ = 0;
  nghttp2_session* session_;
};

std::string Describe(const GrpcHealthExchange& exchange) {
  if (!exchange.result().has_value()) return "pending";
  return exchange.result()->ok() ? "ready"
                                 : std::string(exchange.result()->message());
}

// What an exchange makes of an answer, in pieces of `step` bytes.
std::string Outcome(Answer answer, size_t step) {
  GrpcHealthExchange exchange("h:1");
  Peer peer(std::move(answer));
  for (int turn = 0; turn < 10 && !exchange.result().has_value(); ++turn) {
    const std::string output = peer.React(exchange.TakeOutput());
    for (size_t i = 0; i < output.size(); i += step) {
      exchange.Receive(absl::string_view(output).substr(i, step));
    }
  }
  return Describe(exchange);
}

std::string Outcome(Answer answer) {
  const std::string whole = Outcome(answer, 1 << 20);
  EXPECT_EQ(Outcome(std::move(answer), 1), whole);
  return whole;
}

TEST(GrpcHealthExchangeTest, AsksForTheWholeServersHealth) {
  GrpcHealthExchange exchange("127.0.0.1:80");
  Peer peer({});
  peer.React(exchange.TakeOutput());
  EXPECT_EQ(peer.request[":method"], "POST");
  EXPECT_EQ(peer.request[":path"], "/grpc.health.v1.Health/Check");
  EXPECT_EQ(peer.request[":authority"], "127.0.0.1:80");
  EXPECT_EQ(peer.request["te"], "trailers");
  EXPECT_EQ(peer.request["content-type"], "application/grpc");
  EXPECT_EQ(peer.body, std::string(5, '\0'));
}

TEST(GrpcHealthExchangeTest, ServingIsReady) {
  EXPECT_EQ(Outcome({}), "ready");
  EXPECT_EQ(Outcome({.headers = {{":status", "200"},
                                 {"content-type", "application/grpc+proto"}}}),
            "ready");
}

TEST(GrpcHealthExchangeTest, OtherHealthIsNot) {
  EXPECT_EQ(Outcome({.data = std::string("\0\0\0\0\2\x08\x02", 7)}),
            "health says NOT_SERVING");
  EXPECT_EQ(Outcome({.data = std::string("\0\0\0\0\0", 5)}),
            "health says UNKNOWN");
  EXPECT_EQ(Outcome({.data = std::string("\0\0\0\0\2\x08\x09", 7)}),
            "health says 9");
}

TEST(GrpcHealthExchangeTest, ErrorsOfTheCallAreNot) {
  EXPECT_EQ(Outcome({.data = "",
                     .trailers = {{"grpc-status", "14"},
                                  {"grpc-message", "warming up"}}}),
            "health says UNAVAILABLE: warming up");
  EXPECT_EQ(Outcome({.trailers = {{"grpc-status", "99"}}}),
            "health says status 99");
  EXPECT_EQ(Outcome({.headers = {{":status", "200"},
                                 {"content-type", "application/grpc"},
                                 {"grpc-status", "12"}},
                     .data = "",
                     .trailers = {}}),
            "health says UNIMPLEMENTED");
  EXPECT_EQ(Outcome({.trailers = {}}), "the answer has no gRPC status");
}

TEST(GrpcHealthExchangeTest, AnswersThatAreNotGrpcAreNot) {
  EXPECT_EQ(Outcome({.headers = {{":status", "503"}}}), "HTTP status 503");
  EXPECT_EQ(
      Outcome({.headers = {{":status", "200"}, {"content-type", "text/html"}}}),
      "the answer is not gRPC but \"text/html\"");
  EXPECT_EQ(Outcome({.headers = {{":status", "200"},
                                 {"content-type", "application/grpc-web"}}}),
            "the answer is not gRPC but \"application/grpc-web\"");
}

TEST(GrpcHealthExchangeTest, MalformedMessagesAreNot) {
  for (const std::string& data : {std::string(), std::string(4, '\0'),
                                  std::string("\1\0\0\0\2\x08\x01", 7)}) {
    EXPECT_EQ(Outcome({.data = data}),
              "the answer has no message that can be read");
  }
  for (const std::string& data : {std::string("\0\0\0\0\3\x08\x01", 7),
                                  std::string("\0\0\0\0\1\x08\x01", 7),
                                  std::string("\0\xff\xff\xff\xff\x08\x01", 7),
                                  std::string("\0\0\0\0\1\x08", 6)}) {
    EXPECT_EQ(Outcome({.data = data}), "the health message is malformed");
  }
}

TEST(GrpcHealthExchangeTest, AStreamThatEndsBadlyIsNot) {
  EXPECT_EQ(Outcome({.reset_with = NGHTTP2_INTERNAL_ERROR}),
            "the call was ended with INTERNAL_ERROR");
  EXPECT_EQ(Outcome({.goaway = true}),
            "the call was ended with REFUSED_STREAM");
}

TEST(GrpcHealthExchangeTest, PeersThatDoNotSpeakHttp2AreNot) {
  for (const char* answer : {"HTTP/1.1 400 Bad Request\r\n\r\n",
                             "SSH-2.0-OpenSSH_9.2p1 Debian\r\n"}) {
    GrpcHealthExchange exchange("h:1");
    exchange.TakeOutput();
    exchange.Receive(answer);
    exchange.TakeOutput();
    EXPECT_THAT(Describe(exchange), HasSubstr("HTTP/2"));
  }
}

TEST(GrpcHealthExchangeTest, IsBounded) {
  EXPECT_EQ(Outcome({.data = std::string(60000, 'x')}),
            "the answer is too long");
  // Pings are correct, and would go on for ever.
  GrpcHealthExchange exchange("h:1");
  Peer peer({});
  const std::string settings = peer.React("");
  exchange.Receive(settings);
  const std::string ping("\0\0\x08\x06\0\0\0\0\0________", 17);
  for (size_t i = 0; i <= Exchange::kMaxAnswer / ping.size(); ++i) {
    exchange.Receive(ping);
    exchange.TakeOutput();
  }
  EXPECT_EQ(Describe(exchange), "the answer is too long");
}

// Whatever comes, it ends with a complaint, or waits for more.
TEST(GrpcHealthExchangeTest, SurvivesDamagedAnswers) {
  GrpcHealthExchange intact("h:1");
  Peer peer({});
  const std::string answer = peer.React(intact.TakeOutput());
  std::mt19937 random(7);
  for (int i = 0; i < 20000; ++i) {
    std::string damaged = answer;
    for (int flips = 1 + random() % 3; flips > 0; --flips) {
      damaged[random() % damaged.size()] = static_cast<char>(random());
    }
    GrpcHealthExchange exchange("h:1");
    exchange.TakeOutput();
    exchange.Receive(absl::string_view(damaged).substr(0, random() % 200));
    exchange.TakeOutput();
  }
}

}  // namespace
}  // namespace espalier
