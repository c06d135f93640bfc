#include "services/gateway/server/links_client.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace espalier::gateway {
namespace {

using links::v1::Link;

constexpr int kInitialReconnectMs = 50;
constexpr int kMaxReconnectMs = 1000;
// While links restarts, a connection waits in its listening socket, and is
// served as soon as links is back. So it is not given up early: gRPC takes
// this, in spite of its name, as the least time that an attempt to connect is
// given.
constexpr int kConnectMs = 5000;

// Every call may be repeated: reads change nothing, and creating the same link
// twice is creating it once.
constexpr char kServiceConfig[] = R"({
  "methodConfig": [{
    "name": [{"service": "espalier.links.v1.Links"}],
    "waitForReady": true,
    "retryPolicy": {
      "maxAttempts": 5,
      "initialBackoff": "0.05s",
      "maxBackoff": "1s",
      "backoffMultiplier": 2,
      "retryableStatusCodes": ["UNAVAILABLE"]
    }
  }]
})";

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectMs);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kInitialReconnectMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kMaxReconnectMs);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 1);
  // A proxy from the environment must not lead away from this machine, nor may
  // a name server change the policy above.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  arguments.SetServiceConfigJSON(kServiceConfig);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(),
                                   arguments);
}

absl::Status ToAbsl(const grpc::Status& status, const std::string& address) {
  switch (status.error_code()) {
    case grpc::StatusCode::OK:
      return absl::OkStatus();
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::NOT_FOUND:
    case grpc::StatusCode::ALREADY_EXISTS:
      return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                          status.error_message());
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return absl::UnavailableError(
          absl::StrCat("links at ", address, " did not answer in time"));
    default:
      return absl::UnavailableError(absl::StrCat(
          "links at ", address, " cannot be used: ", status.error_message()));
  }
}

}  // namespace

absl::StatusOr<std::string> ParseLinksAddress(absl::string_view text) {
  absl::string_view address = text;
  if (absl::ConsumePrefix(&address, "http://"))
    absl::ConsumeSuffix(&address, "/");
  const size_t colon = address.rfind(':');
  int port = 0;
  if (colon == address.npos || colon == 0 ||
      !absl::SimpleAtoi(address.substr(colon + 1), &port) || port < 1 ||
      port > 65535 || absl::StrContains(address, '/')) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--links=", text, " is not of the form http://127.0.0.1:8080"));
  }
  return std::string(address);
}

// The state of one call, alive from its start until it is answered.
struct LinksClient::AnyCall {
  explicit AnyCall(absl::Duration deadline) {
    context.set_deadline(std::chrono::system_clock::now() +
                         absl::ToChronoMilliseconds(deadline));
  }
  virtual ~AnyCall() = default;

  // Hands the answer over.
  virtual void Finish(absl::Status status) = 0;

  grpc::ClientContext context;
};

template <typename Request, typename Response>
struct LinksClient::Call final : AnyCall {
  Call(absl::Duration deadline, Done<Response> on_done)
      : AnyCall(deadline), done(std::move(on_done)) {}

  void Finish(absl::Status status) override {
    if (status.ok()) {
      std::move(done)(std::move(response));
    } else {
      std::move(done)(std::move(status));
    }
  }

  Request request;
  Response response;
  Done<Response> done;
};

LinksClient::LinksClient(EventLoop& loop, std::string address,
                         LinksClientOptions options)
    : loop_(loop),
      address_(std::move(address)),
      options_(options),
      stub_(links::v1::Links::NewStub(MakeChannel(address_))) {}

LinksClient::~LinksClient() {
  for (auto& [key, call] : calls_) call->context.TryCancel();
  {
    absl::MutexLock lock(&mutex_, absl::Condition(this, &LinksClient::Idle));
  }
  // Before the channel, which thereby is let go of last, and by this thread.
  calls_.clear();
}

std::function<void(grpc::Status)> LinksClient::Track(
    std::unique_ptr<AnyCall> call) {
  AnyCall* const key = call.get();
  calls_[key] = std::move(call);
  {
    absl::MutexLock lock(&mutex_);
    ++in_grpc_;
  }
  return [this, key](const grpc::Status& status) {
    loop_.Post([this, alive = std::weak_ptr<bool>(alive_), key, status] {
      if (alive.expired()) return;
      const auto node = calls_.extract(key);
      node.mapped()->Finish(ToAbsl(status, address_));
    });
    // Last, for the client may be gone afterwards.
    absl::MutexLock lock(&mutex_);
    --in_grpc_;
  };
}

void LinksClient::CreateLink(const std::string& url, const std::string& code,
                             Done<Link> done) {
  auto owned = std::make_unique<Call<links::v1::CreateLinkRequest, Link>>(
      options_.deadline, std::move(done));
  auto& call = *owned;
  call.request.set_url(url);
  call.request.set_code(code);
  stub_->async()->CreateLink(&call.context, &call.request, &call.response,
                             Track(std::move(owned)));
}

void LinksClient::GetLink(const std::string& code, Done<Link> done) {
  auto owned = std::make_unique<Call<links::v1::GetLinkRequest, Link>>(
      options_.deadline, std::move(done));
  auto& call = *owned;
  call.request.set_code(code);
  stub_->async()->GetLink(&call.context, &call.request, &call.response,
                          Track(std::move(owned)));
}

void LinksClient::Check(absl::AnyInvocable<void(absl::Status) &&> done) {
  using CheckCall =
      Call<links::v1::ListLinksRequest, links::v1::ListLinksResponse>;
  auto owned = std::make_unique<CheckCall>(
      options_.check_deadline,
      [done = std::move(done)](
          absl::StatusOr<links::v1::ListLinksResponse> response) mutable {
        std::move(done)(response.status());
      });
  auto& call = *owned;
  call.context.set_wait_for_ready(false);
  call.request.set_limit(1);
  stub_->async()->ListLinks(&call.context, &call.request, &call.response,
                            Track(std::move(owned)));
}

}  // namespace espalier::gateway
