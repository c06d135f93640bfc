#ifndef ESPALIER_SERVICES_GATEWAY_SERVER_GATEWAY_H_
#define ESPALIER_SERVICES_GATEWAY_SERVER_GATEWAY_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "services/common/http_message.h"
#include "services/gateway/server/cache.h"
#include "services/gateway/server/links_client.h"

namespace espalier::gateway {

// Answers the gateway's requests:
//
//   POST /links {"url": …, "code": optional}  201 {"code", "url", "short":
//   "/CODE"} GET  /CODE                                302 to the URL GET
//   /status                              200 {"links": {"ok", "address",
//   "error"}, "cache": {"kind", "connected", "hits", "misses"},
//                                             "requests"}
//   GET  /health                              200 "ok", whatever links and the
//   cache do
//
// Errors are {"error": sentence} with 400, 404, 405, 409, or 503 when links
// cannot be reached. Used on the event loop's thread.
class Gateway {
 public:
  // Both must outlive the gateway and every reply.
  Gateway(LinksClient& links, Cache& cache) : links_(links), cache_(cache) {}
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  void Handle(HttpRequest request, HttpReply reply);

 private:
  void Create(const HttpRequest& request, HttpReply reply);
  void CreateUnder(const std::string& url, const std::string& code,
                   int attempts_left, HttpReply reply);
  void Follow(const std::string& code, HttpReply reply);
  void AskLinks(const std::string& code, HttpReply reply);
  void Status(HttpReply reply);

  LinksClient& links_;
  Cache& cache_;
  size_t requests_ = 0;
  size_t hits_ = 0;
  size_t misses_ = 0;
};

}  // namespace espalier::gateway

#endif  // ESPALIER_SERVICES_GATEWAY_SERVER_GATEWAY_H_
