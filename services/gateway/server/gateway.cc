#include "services/gateway/server/gateway.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/links/server/link_rules.h"

namespace espalier::gateway {
namespace {

using nlohmann::json;

// A random code that is taken has a chance of one in billions.
constexpr int kCodeAttempts = 5;

HttpResponse Redirect(const std::string& url) {
  HttpResponse response = {.status = 302,
                           .body = absl::StrCat(url, "\n"),
                           .content_type = "text/plain"};
  response.headers.emplace_back("Location", url);
  return response;
}

// Codes that this server's own paths hide.
bool IsReserved(absl::string_view code) {
  return code == "links" || code == "status" || code == "health";
}

absl::Status CheckChosenCode(const std::string& code) {
  const absl::Status valid = links::CheckCode(code);
  if (!valid.ok()) return valid;
  if (IsReserved(code))
    return absl::InvalidArgumentError(
        absl::StrCat("the code \"", code, "\" is reserved"));
  return absl::OkStatus();
}

// A string member of `object`; null when there is none, or it is null, or no
// string.
const std::string* StringMember(const json& object, const char* name) {
  const auto member = object.find(name);
  return member == object.end() ? nullptr
                                : member->get_ptr<const std::string*>();
}

}  // namespace

void Gateway::Handle(HttpRequest request, HttpReply reply) {
  ++requests_;
  if (request.path == "/links") {
    if (request.method != "POST")
      return reply.Send(HttpMethodNotAllowed("POST"));
    return Create(request, std::move(reply));
  }
  if (request.method != "GET") return reply.Send(HttpMethodNotAllowed("GET"));
  if (request.path == "/health") {
    return reply.Send(
        {.status = 200, .body = "ok\n", .content_type = "text/plain"});
  }
  if (request.path == "/status") return Status(std::move(reply));
  const std::string code = request.path.substr(1);
  if (!links::CheckCode(code).ok())
    return reply.Send(HttpError(404, "there is nothing at this path"));
  Follow(code, std::move(reply));
}

void Gateway::Create(const HttpRequest& request, HttpReply reply) {
  const json body =
      json::parse(request.body, nullptr, /*allow_exceptions=*/false);
  if (!body.is_object()) {
    return reply.Send(HttpError(
        400,
        "the body must be a JSON object such as {\"url\": \"https://…\"}"));
  }
  const std::string* url = StringMember(body, "url");
  if (url == nullptr)
    return reply.Send(HttpError(400, "\"url\" must be given, and be a string"));
  absl::Status valid = links::CheckUrl(*url);
  const std::string* code = StringMember(body, "code");
  const auto given = body.find("code");
  if (code == nullptr && given != body.end() && !given->is_null()) {
    return reply.Send(HttpError(400, "\"code\" must be a string"));
  }
  if (valid.ok() && code != nullptr) valid = CheckChosenCode(*code);
  if (!valid.ok()) return reply.Send(HttpError(valid));
  // The code is chosen here, not by the links server, so that a call whose
  // answer was lost can be repeated.
  if (code != nullptr)
    return CreateUnder(*url, *code, /*attempts_left=*/0, std::move(reply));
  CreateUnder(*url, links::RandomCode(), kCodeAttempts - 1, std::move(reply));
}

void Gateway::CreateUnder(const std::string& url, const std::string& code,
                          int attempts_left, HttpReply reply) {
  links_.CreateLink(
      url, code,
      [this, url, attempts_left,
       reply = std::move(reply)](absl::StatusOr<links::v1::Link> link) mutable {
        if (absl::IsAlreadyExists(link.status()) && attempts_left > 0) {
          return CreateUnder(url, links::RandomCode(), attempts_left - 1,
                             std::move(reply));
        }
        if (!link.ok()) return reply.Send(HttpError(link.status()));
        cache_.Put(link->code(), link->url());
        HttpResponse response =
            HttpJson(201, {{"code", link->code()},
                           {"url", link->url()},
                           {"short", absl::StrCat("/", link->code())}});
        response.headers.emplace_back("Location",
                                      absl::StrCat("/", link->code()));
        reply.Send(std::move(response));
      });
}

void Gateway::Follow(const std::string& code, HttpReply reply) {
  cache_.Get(code, [this, code, reply = std::move(reply)](
                       std::optional<std::string> url) mutable {
    // Whoever can write to the cache could put anything there.
    if (url.has_value() && links::CheckUrl(*url).ok()) {
      ++hits_;
      return reply.Send(Redirect(*url));
    }
    ++misses_;
    AskLinks(code, std::move(reply));
  });
}

void Gateway::AskLinks(const std::string& code, HttpReply reply) {
  links_.GetLink(code, [this, reply = std::move(reply)](
                           absl::StatusOr<links::v1::Link> link) mutable {
    if (!link.ok()) return reply.Send(HttpError(link.status()));
    cache_.Put(link->code(), link->url());
    reply.Send(Redirect(link->url()));
  });
}

void Gateway::Status(HttpReply reply) {
  links_.Check([this, reply = std::move(reply)](absl::Status status) mutable {
    json links = {{"ok", status.ok()}, {"address", links_.address()}};
    if (!status.ok()) links["error"] = std::string(status.message());
    const json cache = {{"kind", std::string(cache_.kind())},
                        {"connected", cache_.connected()},
                        {"hits", hits_},
                        {"misses", misses_}};
    reply.Send(HttpJson(
        200, {{"links", links}, {"cache", cache}, {"requests", requests_}}));
  });
}

}  // namespace espalier::gateway
