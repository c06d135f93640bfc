#include "services/common/http_message.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"

namespace espalier {

namespace {

int StatusOfFailure(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument:
      return 400;
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kAlreadyExists:
      return 409;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return 503;
    default:
      return 500;
  }
}

}  // namespace

HttpResponse HttpJson(int status, const nlohmann::json& body) {
  return {.status = status,
          .body = body.dump(-1, ' ', false,
                            nlohmann::json::error_handler_t::replace) +
                  "\n"};
}

HttpResponse HttpError(int status, absl::string_view reason) {
  return HttpJson(status, {{"error", reason}});
}

HttpResponse HttpError(const absl::Status& status) {
  return HttpError(StatusOfFailure(status.code()), status.message());
}

HttpResponse HttpMethodNotAllowed(absl::string_view allowed) {
  HttpResponse response =
      HttpError(405, absl::StrCat("this path takes ", allowed, " only"));
  response.headers.emplace_back("Allow", allowed);
  return response;
}

}  // namespace espalier
