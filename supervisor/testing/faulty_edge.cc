#include "supervisor/testing/faulty_edge.h"

#include <sys/stat.h>

#include <filesystem>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "glog/logging.h"
#include "supervisor/ports/socket_address.h"
#include "supervisor/ports/unique_fd.h"

namespace espalier {
namespace {

UniqueFd Listen(const SocketAddress& address) {
  UniqueFd fd(
      socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  PCHECK(bind(fd.get(), address.get(), address.size()) == 0);
  PCHECK(listen(fd.get(), SOMAXCONN) == 0);
  return fd;
}

// Nothing for what cannot be connected to, as in a plan.
std::optional<SocketAddress> Parse(const EndpointAddress& address) {
  uint32_t port = 0;
  const absl::StatusOr<SocketAddress> parsed =
      !address.path.empty() ? SocketAddress::Unix(address.path)
      : absl::SimpleAtoi(address.port, &port)
          ? SocketAddress::Tcp(address.host, static_cast<uint16_t>(port))
          : absl::InvalidArgumentError("no port");
  if (!parsed.ok()) return std::nullopt;
  return *parsed;
}

std::string* FindText(HandleData& data, absl::string_view name) {
  for (HandleData& field : data.fields) {
    if (field.name == name) return &field.text;
  }
  return nullptr;
}

}  // namespace

FaultyEdge::FaultyEdge() : thread_([this] { loop_.Run(); }) {
  // Services of root run as somebody else, who must reach the sockets.
  chmod(directory_.path().c_str(), 0755);
}

FaultyEdge::~FaultyEdge() {
  OnLoop([this] {
    proxies_.clear();
    loop_.Quit();
  });
  thread_.join();
}

void FaultyEdge::Redirect(HandleData& data) {
  if (!data.IsEndpoint()) {
    for (HandleData& field : data.fields) Redirect(field);
    return;
  }
  std::string* const host = FindText(data, "host");
  std::string* const port = FindText(data, "port");
  std::string* const path = FindText(data, "path");
  const EndpointAddress proxy =
      MakeProxy({.host = host == nullptr ? "" : *host,
                 .port = port == nullptr ? "" : *port,
                 .path = path == nullptr ? "" : *path});
  if (port != nullptr) *port = proxy.port;
  if (path != nullptr) *path = proxy.path;
  if (proxy.proxied)
    data.fields.push_back(
        {.name = "proxied", .type = "string", .text = "true"});
}

EndpointAddress FaultyEdge::MakeProxy(const EndpointAddress& target) {
  const std::optional<SocketAddress> to = Parse(target);
  if (!to.has_value()) return target;
  EndpointAddress proxy = target;
  proxy.proxied = true;
  OnLoop([&] {
    UniqueFd listener;
    if (target.path.empty()) {
      listener = Listen(*SocketAddress::Tcp(target.host, 0));
      proxy.port = absl::StrCat(SocketAddress::Of(listener.get())->port());
    } else {
      // Some clients go by the name of the file.
      const std::filesystem::path directory =
          std::filesystem::path(directory_.path()) /
          absl::StrCat(proxies_.size());
      std::filesystem::create_directory(directory);
      proxy.path =
          (directory / std::filesystem::path(target.path).filename()).string();
      listener = Listen(*SocketAddress::Unix(proxy.path));
      chmod(proxy.path.c_str(), 0777);
    }
    proxies_.push_back(std::make_unique<EdgeProxy>(&loop_, std::move(listener),
                                                   *to, &faults_));
  });
  return proxy;
}

void FaultyEdge::OnLoop(const std::function<void()>& task) {
  absl::Notification done;
  loop_.Post([&] {
    task();
    done.Notify();
  });
  done.WaitForNotification();
}

void FaultyEdge::Change(const std::function<void(EdgeFaults&)>& change) {
  OnLoop([&] {
    change(faults_);
    for (const auto& proxy : proxies_) proxy->OnFaultsChange();
  });
}

void FaultyEdge::SetLatency(absl::Duration latency) {
  Change([&](EdgeFaults& faults) { faults.latency = latency; });
}

void FaultyEdge::SetBandwidth(double bytes_per_second) {
  CHECK_GT(bytes_per_second, 0)
      << "bytes per second; for nothing at all there is BlackHole()";
  Change(
      [&](EdgeFaults& faults) { faults.bytes_per_second = bytes_per_second; });
}

void FaultyEdge::BlackHole() {
  Change([](EdgeFaults& faults) { faults.black_hole = true; });
}

void FaultyEdge::Heal() {
  Change([](EdgeFaults& faults) { faults = EdgeFaults(); });
}

void FaultyEdge::Reset() {
  OnLoop([this] {
    for (const auto& proxy : proxies_) proxy->Reset();
  });
}

void FaultyEdge::HalfOpen() {
  OnLoop([this] {
    for (const auto& proxy : proxies_) proxy->HalfOpen();
  });
}

size_t FaultyEdge::connections() {
  size_t count = 0;
  OnLoop([&] {
    for (const auto& proxy : proxies_) count += proxy->connections();
  });
  return count;
}

}  // namespace espalier
