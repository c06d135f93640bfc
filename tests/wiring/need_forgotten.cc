#include "services/gateway/gateway.h"
#include "services/links/links.h"
#include "supervisor/task/task.h"

namespace espalier {

Task<Gateway> Wire(Nursery& nursery) {
  Links<Http2Url> links = co_await StartLinks<Http2Url>(nursery, std::nullopt);
#ifdef ESPALIER_POSITIVE_TWIN
  co_return co_await StartGateway(nursery, links, std::nullopt);
#else
  co_return co_await StartGateway(nursery, links);
#endif
}

}  // namespace espalier
