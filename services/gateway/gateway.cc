#include "services/gateway/gateway.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "supervisor/nursery/nursery.h"
#include "supervisor/wiring/command.h"

namespace espalier {

Task<Gateway> StartGateway(Nursery& nursery, Links<Http2Url> links,
                           std::optional<Redis> cache, GatewayOptions options) {
  Service gateway = nursery.NewService(options.name);
  const HttpUrl url = gateway.Listen<HttpUrl>();
  std::vector<Text> arguments = {Text("--links=", links.url)};
  if (options.links_deadline_ms) {
    arguments.push_back(
        absl::StrCat("--links_deadline=", *options.links_deadline_ms, "ms"));
  }
  if (cache) arguments.push_back(Text("--redis=", cache->url));
  co_return co_await gateway.Start(
      {.program = Program::Built("services/gateway/gateway_server"),
       .arguments = std::move(arguments),
       .readiness = Readiness::HttpOk(url)},
      Gateway{.url = url});
}

}  // namespace espalier
