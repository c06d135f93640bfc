#include "services/links/server/json_api.h"

#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "services/links/server/link_operations.h"

namespace espalier::links {
namespace {

using nlohmann::json;

json ToJson(const Link& link) {
  return {{"code", link.code}, {"url", link.url}};
}

HttpResponse Create(LinkStore& store, const HttpRequest& request) {
  const json body =
      json::parse(request.body, nullptr, /*allow_exceptions=*/false);
  if (!body.is_object())
    return HttpError(
        400, "the body must be a JSON object such as {\"url\": \"https://…\"}");
  const auto url = body.find("url");
  if (url == body.end() || !url->is_string())
    return HttpError(400, "\"url\" must be given, and be a string");
  const auto code = body.find("code");
  const bool has_code = code != body.end() && !code->is_null();
  if (has_code && (!code->is_string() || *code == ""))
    return HttpError(400, "\"code\" must be a string, not empty");
  absl::StatusOr<CreatedLink> created =
      CreateLink(store, *url->get_ptr<const std::string*>(),
                 has_code ? *code->get_ptr<const std::string*>() : "");
  if (!created.ok()) return HttpError(created.status());
  HttpResponse response =
      HttpJson(created->is_new ? 201 : 200, ToJson(created->link));
  response.headers.emplace_back("Location",
                                absl::StrCat("/links/", created->link.code));
  return response;
}

HttpResponse List(LinkStore& store, const HttpRequest& request) {
  int64_t limit = 0;
  const auto limit_text = request.query.find("limit");
  if (limit_text != request.query.end() &&
      (!absl::SimpleAtoi(limit_text->second, &limit) || limit < 1)) {
    return HttpError(400, "\"limit\" must be a number from 1 on");
  }
  const auto after = request.query.find("after");
  absl::StatusOr<LinkPage> page = ListLinks(
      store, after == request.query.end() ? "" : after->second, limit);
  if (!page.ok()) return HttpError(page.status());
  json links = json::array();
  for (const Link& link : page->links) links.push_back(ToJson(link));
  return HttpJson(
      200, {{"links", links},
            {"next", page->next.empty() ? json(nullptr) : json(page->next)}});
}

HttpResponse Get(LinkStore& store, absl::string_view code) {
  absl::StatusOr<Link> link = GetLink(store, code);
  return link.ok() ? HttpJson(200, ToJson(*link)) : HttpError(link.status());
}

}  // namespace

HttpResponse AnswerJson(LinkStore& store, const HttpRequest& request) {
  const bool is_get = request.method == "GET";
  absl::string_view path = request.path;
  if (path == "/health") {
    if (!is_get) return HttpMethodNotAllowed("GET");
    return {.status = 200, .body = "ok\n", .content_type = "text/plain"};
  }
  if (path == "/links") {
    if (request.method == "POST") return Create(store, request);
    return is_get ? List(store, request) : HttpMethodNotAllowed("GET, POST");
  }
  if (absl::ConsumePrefix(&path, "/links/"))
    return is_get ? Get(store, path) : HttpMethodNotAllowed("GET");
  return HttpError(404, "there is nothing at this path; links are at /links");
}

}  // namespace espalier::links
