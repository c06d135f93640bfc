#include "supervisor/readiness/grpc_health_exchange.h"

#include <nghttp2/nghttp2.h>
#include <sys/types.h>

#include <cstdint>
#include <cstring>
#include <iterator>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "glog/logging.h"
#include "supervisor/readiness/health_message.h"

namespace espalier {
namespace {

// A message begins with a byte that says whether it is compressed, and its
// length in four bytes, the highest first.
constexpr size_t kPrefixSize = 5;
// The message which we want has two bytes.
constexpr size_t kMaxData = 4096;
// Of texts that the peer chose, in our complaints.
constexpr size_t kMaxQuoted = 200;

std::string StatusName(absl::string_view code) {
  static constexpr const char* kNames[] = {"OK",
                                           "CANCELLED",
                                           "UNKNOWN",
                                           "INVALID_ARGUMENT",
                                           "DEADLINE_EXCEEDED",
                                           "NOT_FOUND",
                                           "ALREADY_EXISTS",
                                           "PERMISSION_DENIED",
                                           "RESOURCE_EXHAUSTED",
                                           "FAILED_PRECONDITION",
                                           "ABORTED",
                                           "OUT_OF_RANGE",
                                           "UNIMPLEMENTED",
                                           "INTERNAL",
                                           "UNAVAILABLE",
                                           "DATA_LOSS",
                                           "UNAUTHENTICATED"};
  uint32_t number;
  return absl::SimpleAtoi(code, &number) && number < std::size(kNames)
             ? kNames[number]
             : absl::StrCat("status ", code);
}

// The whole text, unless it is too long to be shown.
absl::string_view Quoted(absl::string_view text) {
  return text.substr(0, kMaxQuoted);
}

// "application/grpc", also with a suffix for the kind of message or parameters.
bool IsGrpc(absl::string_view content_type) {
  constexpr absl::string_view kType = "application/grpc";
  if (content_type.substr(0, kType.size()) != kType) return false;
  const absl::string_view rest = content_type.substr(kType.size());
  return rest.empty() || rest.front() == '+' || rest.front() == ';';
}

nghttp2_nv Header(absl::string_view name, absl::string_view value) {
  auto bytes = [](absl::string_view text) {
    return const_cast<uint8_t*>(reinterpret_cast<const uint8_t*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(),
          NGHTTP2_NV_FLAG_NONE};
}

// The request's body: an empty message, not compressed.
ssize_t ReadRequest(nghttp2_session*, int32_t, uint8_t* buffer, size_t,
                    uint32_t* flags, nghttp2_data_source*, void*) {
  // Asked for once; there is room, as no peer may allow less than 65,535 bytes
  // before its settings have come.
  memset(buffer, 0, kPrefixSize);
  *flags = NGHTTP2_DATA_FLAG_EOF;
  return kPrefixSize;
}

}  // namespace

struct GrpcHealthExchange::Callbacks {
  static GrpcHealthExchange& Self(void* self) {
    return *static_cast<GrpcHealthExchange*>(self);
  }

  static int OnHeader(nghttp2_session*, const nghttp2_frame* frame,
                      const uint8_t* name, size_t name_size,
                      const uint8_t* value, size_t value_size, uint8_t,
                      void* self) {
    if (frame->hd.stream_id != Self(self).stream_) return 0;
    Self(self).TakeHeader(
        absl::string_view(reinterpret_cast<const char*>(name), name_size),
        absl::string_view(reinterpret_cast<const char*>(value), value_size));
    return 0;
  }

  static int OnData(nghttp2_session*, uint8_t, int32_t stream,
                    const uint8_t* data, size_t size, void* self) {
    if (stream != Self(self).stream_) return 0;
    Self(self).TakeData(
        absl::string_view(reinterpret_cast<const char*>(data), size));
    return 0;
  }

  static int OnStreamClose(nghttp2_session*, int32_t stream,
                           uint32_t error_code, void* self) {
    if (stream != Self(self).stream_) return 0;
    if (error_code == NGHTTP2_NO_ERROR) {
      Self(self).TakeEnd();
    } else {
      Self(self).Fail(absl::StrCat("the call was ended with ",
                                   nghttp2_http2_strerror(error_code)));
    }
    return 0;
  }
};

void GrpcHealthExchange::DeleteSession::operator()(
    nghttp2_session* session) const {
  nghttp2_session_del(session);
}

GrpcHealthExchange::GrpcHealthExchange(const std::string& authority) {
  nghttp2_session_callbacks* callbacks;
  CHECK_EQ(nghttp2_session_callbacks_new(&callbacks), 0) << "out of memory";
  nghttp2_session_callbacks_set_on_header_callback(callbacks,
                                                   &Callbacks::OnHeader);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks,
                                                            &Callbacks::OnData);
  nghttp2_session_callbacks_set_on_stream_close_callback(
      callbacks, &Callbacks::OnStreamClose);
  nghttp2_session* session;
  const int error = nghttp2_session_client_new(&session, callbacks, this);
  nghttp2_session_callbacks_del(callbacks);
  CHECK_EQ(error, 0) << "out of memory";
  session_.reset(session);

  const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0}};
  nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings,
                          std::size(settings));
  const nghttp2_nv headers[] = {
      Header(":method", "POST"),
      Header(":scheme", "http"),
      Header(":path", "/grpc.health.v1.Health/Check"),
      Header(":authority", authority),
      Header("te", "trailers"),
      Header("content-type", "application/grpc"),
      Header("user-agent", "espalier"),
  };
  const nghttp2_data_provider body = {.source = {},
                                      .read_callback = ReadRequest};
  stream_ = nghttp2_submit_request(session, nullptr, headers,
                                   std::size(headers), &body, nullptr);
  CHECK_GT(stream_, 0) << nghttp2_strerror(stream_);
}

std::string GrpcHealthExchange::TakeOutput() {
  std::string output;
  while (true) {
    const uint8_t* bytes;
    const ssize_t size = nghttp2_session_mem_send(session_.get(), &bytes);
    if (size < 0) Fail(nghttp2_strerror(static_cast<int>(size)));
    if (size <= 0) break;
    output.append(reinterpret_cast<const char*>(bytes), size);
  }
  // Once nghttp2 has found the peer at fault, it says goodbye and wants nothing
  // more.
  if (!nghttp2_session_want_read(session_.get())) {
    Fail("the peer does not keep to HTTP/2, or has ended the connection");
  }
  return output;
}

void GrpcHealthExchange::Receive(absl::string_view bytes) {
  if (result_.has_value()) return;
  received_ += bytes.size();
  const ssize_t taken = nghttp2_session_mem_recv(
      session_.get(), reinterpret_cast<const uint8_t*>(bytes.data()),
      bytes.size());
  if (taken < 0) {
    Fail(absl::StrCat("the answer is not HTTP/2 (",
                      nghttp2_strerror(static_cast<int>(taken)), ")"));
  } else if (received_ > kMaxAnswer) {
    Fail("the answer is too long");
  }
}

void GrpcHealthExchange::TakeHeader(absl::string_view name,
                                    absl::string_view value) {
  // nghttp2 bounds the size of one header block, and checks its characters.
  if (name == ":status") http_status_ = std::string(value);
  if (name == "content-type") content_type_ = std::string(value);
  if (name == "grpc-status") grpc_status_ = std::string(value);
  if (name == "grpc-message") grpc_message_ = std::string(value);
}

void GrpcHealthExchange::TakeData(absl::string_view data) {
  absl::StrAppend(&data_, data);
  if (data_.size() > kMaxData) Fail("the answer is too long");
}

void GrpcHealthExchange::TakeEnd() {
  if (http_status_ != "200") {
    return Fail(absl::StrCat("HTTP status ", Quoted(http_status_)));
  }
  if (!IsGrpc(content_type_)) {
    return Fail(absl::StrCat("the answer is not gRPC but \"",
                             Quoted(content_type_), "\""));
  }
  if (grpc_status_.empty()) return Fail("the answer has no gRPC status");
  if (grpc_status_ != "0") {
    return Fail(absl::StrCat("health says ", StatusName(Quoted(grpc_status_)),
                             grpc_message_.empty() ? "" : ": ",
                             Quoted(grpc_message_)));
  }
  if (data_.size() < kPrefixSize || data_[0] != 0) {
    return Fail("the answer has no message that can be read");
  }
  uint32_t size = 0;
  for (size_t i = 1; i < kPrefixSize; ++i) {
    size = size << 8 | static_cast<uint8_t>(data_[i]);
  }
  const absl::string_view message =
      absl::string_view(data_).substr(kPrefixSize);
  const std::optional<uint64_t> health =
      message.size() == size ? ParseHealthStatus(message) : std::nullopt;
  if (!health.has_value()) return Fail("the health message is malformed");
  static constexpr const char* kNames[] = {"UNKNOWN", "SERVING", "NOT_SERVING",
                                           "SERVICE_UNKNOWN"};
  if (*health != 1) {
    return Fail(*health < std::size(kNames)
                    ? absl::StrCat("health says ", kNames[*health])
                    : absl::StrCat("health says ", *health));
  }
  if (!result_.has_value()) result_ = absl::OkStatus();
}

void GrpcHealthExchange::Fail(absl::string_view what) {
  if (!result_.has_value()) result_ = absl::UnavailableError(what);
}

}  // namespace espalier
