#include "services/gateway/gateway.h"
#include "services/links/links.h"
#include "supervisor/task/task.h"

namespace espalier {

Task<Gateway> Wire(Nursery& nursery) {
#ifdef ESPALIER_POSITIVE_TWIN
  Links<Http2Url> links = co_await StartLinks<Http2Url>(nursery, std::nullopt);
#else
  Links<HttpUrl> links = co_await StartLinks<HttpUrl>(nursery, std::nullopt);
#endif
  co_return co_await StartGateway(nursery, links, std::nullopt);
}

}  // namespace espalier
