#ifndef ESPALIER_SERVICES_LINKS_SERVER_JSON_API_H_
#define ESPALIER_SERVICES_LINKS_SERVER_JSON_API_H_

#include "services/common/http_message.h"
#include "services/links/server/link_store.h"

namespace espalier::links {

// Answers one request of the HTTP/1.1 API; blocks while the store works. From
// any thread.
//
//   POST /links {"url": …, "code": optional}  201 {"code", "url"}; 200 when the
//   same link was there already GET  /links?after=CODE&limit=N            200
//   {"links": [{"code", "url"} …], "next": CODE or null} GET  /links/CODE 200
//   {"code", "url"} GET  /health                              200 "ok"
//
// Errors are {"error": sentence} with 400, 404, 405, 409, or 503 when the store
// cannot be used just now.
HttpResponse AnswerJson(LinkStore& store, const HttpRequest& request);

}  // namespace espalier::links

#endif  // ESPALIER_SERVICES_LINKS_SERVER_JSON_API_H_
