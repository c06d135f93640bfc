// Measures what an environment in a test costs beyond its services, and holds
// that many neither collide nor leave anything behind.
//
//   tools/bazel run -c opt //tests/bench:environments
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "glog/logging.h"
#include "supervisor/nursery/nursery.h"
#include "supervisor/testing/test_environment.h"

ABSL_FLAG(int, sequence, 1000, "How many environments run one after another.");
ABSL_FLAG(int, parallel, 100, "How many run at the same time.");

namespace espalier {
namespace {

// Takes a listener, a port and a directory, and no time.
struct Idle {
  HttpUrl listened;
  TcpAddress reserved;
};

Task<Idle> StartIdle(Nursery& nursery) {
  Service service = nursery.NewService("idle");
  const Idle idle{.listened = service.Listen<HttpUrl>("listened"),
                  .reserved = service.Reserve<TcpAddress>("reserved")};
  co_await service.Start({.program = Program::System("sleep", "coreutils"),
                          .arguments = {"infinity"},
                          .directories = {service.data() / "directory"}});
  co_return idle;
}

using Environment = TestEnvironment<Idle>;

std::unique_ptr<Environment> Start() {
  auto environment = Environment::Start("idle", StartIdle);
  CHECK(environment.ok()) << environment.status();
  return *std::move(environment);
}

int CountEntries(const std::string& directory, const std::string& prefix = "") {
  std::error_code error;
  int count = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(directory, error)) {
    count += absl::StartsWith(entry.path().filename().string(), prefix);
  }
  return count;
}

// What a leak would add to.
std::map<std::string, int> Inventory() {
  std::map<std::string, int> found = {
      {"descriptors", CountEntries("/proc/self/fd")},
      {"threads", CountEntries("/proc/self/task")},
      {"files", CountEntries("/tmp", "espalier-test-")},
  };
  const std::string children =
      absl::StrCat("/proc/", getpid(), "/task/", getpid(), "/children");
  std::ifstream list(children);
  for (std::string pid; list >> pid;) ++found["processes"];
  std::error_code error;
  for (auto it = std::filesystem::recursive_directory_iterator(
           "/sys/fs/cgroup",
           std::filesystem::directory_options::skip_permission_denied, error);
       !error && it != std::filesystem::recursive_directory_iterator();
       it.increment(error)) {
    found["cgroups"] += it->is_directory(error);
  }
  return found;
}

// Whether nobody holds the port of an environment that has ended.
bool IsFree(const std::string& port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  int number = 0;
  CHECK(absl::SimpleAtoi(port, &number)) << port;
  address.sin_port = htons(number);
  const bool bound = bind(fd, reinterpret_cast<const sockaddr*>(&address),
                          sizeof address) == 0;
  close(fd);
  return bound;
}

void RunInSequence(int count) {
  if (count == 0) return;
  Start();  // what is made once
  const std::map<std::string, int> before = Inventory();
  std::vector<absl::Duration> times;
  int ports = 0;
  for (int i = 0; i < count; ++i) {
    const absl::Time begin = absl::Now();
    std::unique_ptr<Environment> environment = Start();
    const Idle idle = environment->handles();
    environment.reset();
    times.push_back(absl::Now() - begin);
    ports += !IsFree(EndpointAccess::Address(idle.listened).port);
    ports += !IsFree(EndpointAccess::Address(idle.reserved).port);
  }
  std::sort(times.begin(), times.end());
  std::cout << count << " in sequence, set-up and tear-down: median "
            << times[times.size() / 2] << ", 90th percentile "
            << times[times.size() * 9 / 10] << "\n  ports: " << ports
            << " still held\n";
  for (const auto& [what, number] : Inventory()) {
    auto found = before.find(what);
    const int more = number - (found == before.end() ? 0 : found->second);
    std::cout << "  " << what << ": " << number << ", " << more << " more\n";
  }
}

void RunInParallel(int count) {
  const absl::Time begin = absl::Now();
  std::vector<std::unique_ptr<Environment>> environments(count);
  std::vector<std::thread> threads;
  for (auto& environment : environments) {
    threads.emplace_back([&environment] { environment = Start(); });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::string> addresses;
  for (const auto& environment : environments) {
    addresses.insert(Resolve(environment->handles().listened));
    addresses.insert(Resolve(environment->handles().reserved));
  }
  std::cout << count << " in parallel: all ready after " << absl::Now() - begin
            << ", " << 2 * count - addresses.size()
            << " addresses given twice\n";
  CHECK_EQ(addresses.size(), 2u * count);
}

}  // namespace
}  // namespace espalier

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  google::InitGoogleLogging(argv[0]);
  espalier::RunInParallel(absl::GetFlag(FLAGS_parallel));
  espalier::RunInSequence(absl::GetFlag(FLAGS_sequence));
}
