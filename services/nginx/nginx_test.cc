// A real nginx, in front of others of its kind.

#include "services/nginx/nginx.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/common/testing/http_client.h"
#include "supervisor/nursery/nursery.h"
#include "supervisor/testing/child_program.h"
#include "supervisor/testing/service_matchers.h"
#include "supervisor/testing/test_directory.h"
#include "supervisor/testing/test_environment.h"

namespace espalier {
namespace {

using testing::HasSubstr;
using testing::Not;
using Environment = TestEnvironment<Nginx>;

// A server that refuses every connection.
class Nobody {
 public:
  Nobody() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address_;
    auto* address = reinterpret_cast<sockaddr*>(&address_);
    EXPECT_EQ(bind(fd_, address, size), 0);
    EXPECT_EQ(getsockname(fd_, address, &size), 0);
  }
  ~Nobody() { close(fd_); }

  HttpUrl url() const {
    return EndpointAccess::Make<HttpUrl>(
        {.host = "127.0.0.1", .port = absl::StrCat(ntohs(address_.sin_port))});
  }

 private:
  const int fd_;
  sockaddr_in address_ = {};
};

// An nginx that answers with its name, whatever is behind it.
Text Says(const std::string& name) {
  return absl::StrCat("    location = /who {\n      return 200 '", name,
                      "';\n    }");
}

absl::StatusOr<std::unique_ptr<Environment>> Start(HttpUrl behind,
                                                   NginxOptions options) {
  return Environment::Start("nginx_test", [=](Nursery& nursery) -> Task<Nginx> {
    co_return co_await StartNginx(nursery, behind, options);
  });
}

int PortOf(const Nginx& nginx) {
  const std::string url = Resolve(nginx.url);
  int port = 0;
  EXPECT_TRUE(absl::SimpleAtoi(url.substr(url.rfind(':') + 1), &port));
  return port;
}

std::string Get(int port, const std::string& path) {
  const HttpAnswer answer = HttpCall(port, "GET", path);
  return answer.status == 200 ? answer.body : absl::StrCat(answer.status);
}

void Write(const std::string& path, const std::string& contents) {
  std::ofstream(path) << contents;
  EXPECT_EQ(chmod(path.c_str(), 0644), 0) << path;
}

TEST(NginxTest, ServesFilesAndWhatIsBehindIt) {
  const Nobody nobody;
  TestDirectory files;
  Write(files.path() + "/cat.txt", "Tom\n");
  auto started = Start(
      nobody.url(), {.static_files = files.path(), .settings = Says("front")});
  ASSERT_TRUE(started.ok()) << started.status();
  const int port = PortOf((*started)->handles());
  const HttpAnswer cat = HttpCall(port, "GET", "/static/cat.txt");
  EXPECT_EQ(cat.body, "Tom\n");
  EXPECT_EQ(HttpCall(port, "GET", "/static/cat.txt").headers["content-type"],
            "text/plain");
  EXPECT_EQ(Get(port, "/static/dog.txt"), "404");
  EXPECT_EQ(Get(port, "/static/../nginx.conf"), "502");
  EXPECT_EQ(Get(port, "/who"), "front");
  EXPECT_EQ(Get(port, "/anything"), "502");
  EXPECT_EQ((*started)->Stop(), absl::OkStatus());
}

// Asks by HTTPS, trusting this certificate and no other; what is answered.
std::string GetByTls(const std::string& url, const std::string& certificate) {
  constexpr char kScript[] = R"(
import ssl, sys, urllib.request
context = ssl.create_default_context(cafile=sys.argv[2])
print(urllib.request.urlopen(sys.argv[1], context=context).read().decode())
)";
  ChildProgram client({"/usr/bin/python3", "-c", kScript, url, certificate});
  EXPECT_EQ(client.Wait(), 0) << client.output();
  return client.output();
}

TEST(NginxTest, ServesByTlsWithACertificateOfItsOwnThatIsKept) {
  const Nobody nobody;
  TestDirectory data;
  std::string key[2];
  for (std::string& contents : key) {
    auto front = TestEnvironment<NginxTls>::Start(
        "nginx_test",
        [behind = nobody.url()](Nursery& nursery) -> Task<NginxTls> {
          co_return co_await StartNginxTls(nursery, behind,
                                           {.settings = Says("front")});
        },
        {.data_dir = data.path()});
    ASSERT_TRUE(front.ok()) << front.status();
    const std::string made =
        (*front)->state_directory() + "/data/nginx-certificate";
    EXPECT_THAT(GetByTls(Resolve((*front)->handles().url) + "/who",
                         made + "/certificate.pem"),
                HasSubstr("front"));
    struct stat status = {};
    ASSERT_EQ(stat((made + "/key.pem").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
    std::ifstream file(made + "/key.pem");
    contents.assign(std::istreambuf_iterator<char>(file), {});
  }
  EXPECT_THAT(key[0], HasSubstr("PRIVATE KEY"));
  EXPECT_EQ(key[0], key[1]);
}

// Its readiness is a handshake of ours.
TEST(NginxTest, EveryVersionOfTlsCountsAsReady) {
  const Nobody nobody;
  for (const char* version : {"TLSv1.2", "TLSv1.3"}) {
    auto front = TestEnvironment<NginxTls>::Start(
        "nginx_test",
        [behind = nobody.url(), version](Nursery& nursery) -> Task<NginxTls> {
          co_return co_await StartNginxTls(
              nursery, behind,
              {.settings = Text("    ssl_protocols ", version, ";")});
        });
    EXPECT_TRUE(front.ok()) << version << ": " << front.status();
  }
}

TEST(NginxTest, ReplicasTakeTurnsAndOneThatRefusesIsPassedOver) {
  const Nobody nobody;
  const HttpUrl refuses = nobody.url();
  auto started = Environment::Start(
      "nginx_test", [refuses](Nursery& nursery) -> Task<Nginx> {
        Nginx a = co_await StartNginx(nursery, refuses,
                                      {.name = "a", .settings = Says("a")});
        Nginx b = co_await StartNginx(nursery, refuses,
                                      {.name = "b", .settings = Says("b")});
        const HttpReplicas all({a.url, refuses, b.url});
        co_return co_await StartNginx(nursery, all);
      });
  ASSERT_TRUE(started.ok()) << started.status();
  const int port = PortOf((*started)->handles());
  std::multiset<std::string> answers;
  for (int i = 0; i < 12; ++i) answers.insert(Get(port, "/who"));
  EXPECT_EQ(answers.count("a") + answers.count("b"), 12u);
  EXPECT_GE(answers.count("a"), 4u);
  EXPECT_GE(answers.count("b"), 4u);
}

TEST(NginxTest, WithoutAReplicaItIsAnError) {
  auto started =
      Environment::Start("nginx_test", [](Nursery& nursery) -> Task<Nginx> {
        co_return co_await StartNginx(nursery, std::vector<HttpUrl>());
      });
  EXPECT_TRUE(absl::IsInvalidArgument(started.status())) << started.status();
}

TEST(NginxTest, SettingsThatItCannotReadAreAnError) {
  const Nobody nobody;
  const absl::Status status =
      Start(nobody.url(), {.settings = "no_such_thing on;"}).status();
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("unknown directive \"no_such_thing\""));
}

TEST(NginxTest, WhatToInstallIsSaidWhereItIsMissing) {
  const HttpUrl nowhere = Nobody().url();
  const absl::Status status =
      Environment::Start("nginx_test",
                         [nowhere](Nursery& nursery) -> Task<Nginx> {
                           co_return co_await StartNginx(nursery, nowhere);
                         },
                         {.not_installed = {"nginx"}})
          .status();
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("install it with: sudo apt-get install nginx"));
}

// Asks for `path` without a pause until it is destroyed.
class Load {
 public:
  Load(int port, const std::string& path, const std::string& wanted)
      : thread_([=, this] {
          while (!stop_) {
            const std::string answer = Get(port, path);
            if (answer != wanted) wrong_ = answer;
            ++requests_;
          }
        }) {}
  ~Load() { Stop(); }

  // The last answer that was not as wanted, if any.
  std::string Stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
    return wrong_;
  }
  int requests() const { return requests_; }

 private:
  std::atomic<bool> stop_ = false;
  std::atomic<int> requests_ = 0;
  std::string wrong_;
  std::thread thread_;
};

TEST(NginxTest, ARestartUnderLoadLosesNoRequest) {
  const Nobody nobody;
  auto started = Start(nobody.url(), {.settings = Says("front")});
  ASSERT_TRUE(started.ok()) << started.status();
  const int port = PortOf((*started)->handles());
  Load load(port, "/who", "front");
  for (int i = 0; i < 3; ++i) {
    const auto again = (*started)->Restart("nginx");
    ASSERT_TRUE(again.ok()) << again.status();
    // Whoever is killed answers nothing more.
    EXPECT_THAT(*again, LastExit(ExitResult::Exited(0)));
  }
  EXPECT_EQ(load.Stop(), "");
  EXPECT_GT(load.requests(), 3);
}

// Else the workers of before and after a reload, which share it, would both go
// for a connection, and one of them would be stuck in accept() until the next.
TEST(NginxTest, NoWorkerWaitsForAConnectionThatAnotherOneTook) {
  const Nobody nobody;
  auto started = Start(nobody.url(), {.settings = Says("front")});
  ASSERT_TRUE(started.ok()) << started.status();
  constexpr int kInherited = 3;
  std::ifstream info(absl::StrCat("/proc/", (*started)->Get("nginx").pid,
                                  "/fdinfo/", kInherited));
  int flags = 0;
  for (std::string key; info >> key;) {
    if (key == "flags:") info >> std::oct >> flags;
  }
  EXPECT_NE(flags & O_NONBLOCK, 0) << std::oct << flags;
}

TEST(NginxTest, AReloadUnderLoadReadsWhatHasChangedAndRefusesWhatIsWrong) {
  const Nobody nobody;
  TestDirectory directory;
  const std::string file = directory.path() + "/more.conf";
  Write(file, "location = /version { return 200 '1'; }\n");
  auto started =
      Start(nobody.url(), {.settings = Says("front"), .settings_file = file});
  ASSERT_TRUE(started.ok()) << started.status();
  const int port = PortOf((*started)->handles());
  const Environment::Service before = (*started)->Get("nginx");
  Load load(port, "/who", "front");
  EXPECT_EQ(Get(port, "/version"), "1");

  Write(file, "location = /version { return 200 '2'; }\n");
  const std::vector<ProcessWatch> old = WatchTree(before.pid);
  EXPECT_EQ((*started)->Reload("nginx"), absl::OkStatus());
  // New workers come, and then the old ones go.
  for (const ProcessWatch& process : old) {
    if (process.pid() != before.pid) process.AwaitEnd();
  }
  EXPECT_EQ(Get(port, "/version"), "2");

  Write(file, "location = /version { return 200 '3' }\n");
  const absl::Status refused = (*started)->Reload("nginx");
  EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("more.conf:"));
  EXPECT_EQ(Get(port, "/version"), "2");

  EXPECT_EQ(load.Stop(), "");
  EXPECT_EQ((*started)->Get("nginx").pid, before.pid);
  EXPECT_TRUE(absl::IsNotFound((*started)->Reload("apache")));
}

}  // namespace
}  // namespace espalier
