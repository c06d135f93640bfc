// What gdb_test looks into.

#include <iostream>

#include "supervisor/wiring/endpoint.h"
#include "supervisor/wiring/handle.h"
#include "supervisor/wiring/text.h"

namespace espalier {
namespace {

template <typename Url>
struct Links {
  Url url;

  ESPALIER_HANDLE(Links, url);
};

struct Shop {
  Links<Http2Url> links;
  PostgresUrl database;
  RedisUrl cache;
  TcpAddress queue;
  HttpsUrl front;
  Path files;
  Secret password;

  ESPALIER_HANDLE(Shop, links, database, cache, queue, front, files, password);
};

EndpointAddress At(const char* port) {
  return {.host = "127.0.0.1", .port = port};
}

[[gnu::noinline]] void Look(const Shop& shop) { std::cout << shop << "\n"; }

}  // namespace
}  // namespace espalier

int main() {
  using namespace espalier;
  Look({.links = {.url = EndpointAccess::Make<Http2Url>(At("4000"))},
        .database = EndpointAccess::Make<PostgresUrl>(
            {.path = "/run/postgres/.s.PGSQL.5432"}),
        .cache = EndpointAccess::Make<RedisUrl>({.path = "/run/redis/socket"}),
        .queue = EndpointAccess::Make<TcpAddress>(At("4001")),
        .front = EndpointAccess::Make<HttpsUrl>(At("4002")),
        .files = Path(Path::Root::kData, "shop", "files"),
        .password = Secret("postgres", "password")});
}
