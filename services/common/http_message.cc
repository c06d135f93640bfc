#include "services/common/http_message.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"

namespace espalier {

HttpResponse HttpError(int status, absl::string_view reason) {
  const nlohmann::json body = {{"error", reason}};
  // The reason may quote what came from outside; `replace` writes it whatever
  // bytes it has.
  return {.status = status,
          .body = body.dump(-1, ' ', false,
                            nlohmann::json::error_handler_t::replace) +
                  "\n"};
}

HttpResponse HttpMethodNotAllowed(absl::string_view allowed) {
  HttpResponse response =
      HttpError(405, absl::StrCat("this path takes ", allowed, " only"));
  response.headers.emplace_back("Allow", allowed);
  return response;
}

}  // namespace espalier
