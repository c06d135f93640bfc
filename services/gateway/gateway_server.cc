// The gateway: makes short links and follows them. Its socket is passed to it
// (LISTEN_FDS); by hand, say
//
//   gateway_server --links=http://127.0.0.1:8080 --address=127.0.0.1:8081

#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include "absl/flags/flag.h"
#include "absl/flags/usage.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "services/common/event_loop.h"
#include "services/common/http_server.h"
#include "services/common/listener.h"
#include "services/common/server_main.h"
#include "services/gateway/server/cache.h"
#include "services/gateway/server/gateway.h"
#include "services/gateway/server/links_client.h"
#include "services/gateway/server/redis_address.h"
#include "services/gateway/server/redis_cache.h"

ABSL_FLAG(std::string, links, "",
          "The links server, which speaks HTTP/2: http://127.0.0.1:8080.");
ABSL_FLAG(
    absl::Duration, links_deadline,
    espalier::gateway::LinksClientOptions().deadline,
    "A call to the links server that is not answered by then has failed.");
ABSL_FLAG(std::string, redis, "",
          "The Redis server to remember links in: redis://127.0.0.1:6379 or "
          "unix:/path. Empty: none.");
ABSL_FLAG(std::string, redis_password_file, "",
          "A file with the Redis server's password in its first line.");
ABSL_FLAG(std::string, address, "",
          "Where to listen when no socket is passed by LISTEN_FDS, such as "
          "127.0.0.1:8081.");

namespace espalier::gateway {
namespace {

absl::StatusOr<std::string> ReadPassword(const std::string& path) {
  if (path.empty()) return "";
  std::ifstream file(path);
  std::string password;
  if (!std::getline(file, password) || password.empty()) {
    return absl::UnavailableError(absl::StrCat("there is no password in ", path,
                                               ", or it cannot be read"));
  }
  return password;
}

absl::StatusOr<std::unique_ptr<Cache>> MakeCache(EventLoop& loop) {
  const std::string redis = absl::GetFlag(FLAGS_redis);
  if (redis.empty()) return std::make_unique<NoCache>();
  absl::StatusOr<RedisAddress> address = ParseRedisAddress(redis);
  if (!address.ok()) return address.status();
  absl::StatusOr<std::string> password =
      ReadPassword(absl::GetFlag(FLAGS_redis_password_file));
  if (!password.ok()) return password.status();
  return std::make_unique<RedisCache>(
      loop, *std::move(address),
      RedisCacheOptions{.password = *std::move(password)});
}

absl::Status Run(int argc, char** argv) {
  absl::SetProgramUsageMessage("Makes short links and follows them.");
  const absl::Status flags = ParseFlags(argc, argv);
  if (!flags.ok()) return flags;
  absl::StatusOr<std::string> links_address =
      ParseLinksAddress(absl::GetFlag(FLAGS_links));
  if (!links_address.ok()) return links_address.status();
  const int stop_fd = TerminationFd();
  absl::StatusOr<Listener> listener =
      InheritOrBind(absl::GetFlag(FLAGS_address));
  if (!listener.ok()) return listener.status();
  const std::string address = listener->address();

  EventLoop loop;
  absl::StatusOr<std::unique_ptr<Cache>> cache = MakeCache(loop);
  if (!cache.ok()) return cache.status();
  LinksClient links(loop, *std::move(links_address),
                    {.deadline = absl::GetFlag(FLAGS_links_deadline)});
  Gateway gateway(links, **cache);
  absl::StatusOr<std::unique_ptr<HttpServer>> server =
      HttpServer::Create(loop, *std::move(listener),
                         [&gateway](HttpRequest request, HttpReply reply) {
                           gateway.Handle(std::move(request), std::move(reply));
                         });
  if (!server.ok()) return server.status();
  loop.OnReadable(stop_fd, [&] {
    ConsumeTermination(stop_fd);
    (*server)->Drain([&] { loop.Quit(); });
  });
  const std::string line =
      absl::StrCat("gateway_server: serving on ", address, "\n");
  fputs(line.c_str(), stderr);
  loop.Run();
  fputs("gateway_server: drained\n", stderr);
  return absl::OkStatus();
}

}  // namespace
}  // namespace espalier::gateway

int main(int argc, char** argv) {
  return espalier::ExitCode("gateway_server",
                            espalier::gateway::Run(argc, argv));
}
