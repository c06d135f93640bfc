#include "services/links/server/json_api.h"

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "services/common/testing/temp_path.h"
#include "services/links/server/sqlite_link_store.h"

namespace espalier::links {
namespace {

using nlohmann::json;

class JsonApiTest : public testing::Test {
 protected:
  JsonApiTest() {
    auto store = OpenSqliteLinkStore(directory_ / "links.db");
    EXPECT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  HttpResponse Post(const std::string& body) {
    return AnswerJson(
        *store_,
        {.method = "POST", .path = "/links", .query = {}, .body = body});
  }

  HttpResponse Get(const std::string& path,
                   std::map<std::string, std::string> query = {}) {
    return AnswerJson(
        *store_,
        {.method = "GET", .path = path, .query = std::move(query), .body = ""});
  }

  TempPath directory_;
  std::unique_ptr<LinkStore> store_;
};

json Parse(const HttpResponse& response) {
  return json::parse(response.body, nullptr, false);
}

TEST_F(JsonApiTest, CreatesAndGets) {
  const HttpResponse created = Post(R"({"url": "https://example.com/"})");
  EXPECT_EQ(created.status, 201);
  const std::string code = Parse(created).value("code", "");
  EXPECT_EQ(Parse(created).value("url", ""), "https://example.com/");
  const HttpResponse got = Get("/links/" + code);
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(Parse(got), Parse(created));
  EXPECT_EQ(Get("/links/none").status, 404);
}

TEST_F(JsonApiTest, TakesACodeOfTheCallersChoice) {
  const std::string body = R"({"url": "https://a", "code": "mine"})";
  EXPECT_EQ(Post(body).status, 201);
  EXPECT_EQ(Post(body).status, 200);
  EXPECT_EQ(Post(R"({"url": "https://b", "code": "mine"})").status, 409);
  EXPECT_EQ(Parse(Get("/links/mine")).value("url", ""), "https://a");
}

TEST_F(JsonApiTest, RefusesBadBodiesWithAReason) {
  for (const char* body :
       {"", "{", "nonsense", "[]", "3", "null", "{}", R"({"url": 3})",
        R"({"url": null})", R"({"url": ""})", R"({"url": "/relative"})",
        R"({"url": "ftp://a"})", R"({"url": "http://a/\n"})",
        R"({"url": "http://a", "code": 3})",
        R"({"url": "http://a", "code": ""})",
        R"({"url": "http://a", "code": "a/b"})",
        "{\"url\": \"http://a/\xff\"}"}) {
    const HttpResponse response = Post(body);
    EXPECT_EQ(response.status, 400) << body;
    EXPECT_FALSE(Parse(response).value("error", "").empty()) << body;
  }
  EXPECT_EQ(Parse(Get("/links"))["links"].size(), 0);
}

TEST_F(JsonApiTest, SurvivesDeepNesting) {
  EXPECT_EQ(Post(std::string(64 * 1024, '[')).status, 400);
  EXPECT_EQ(Post(absl::StrCat("{\"url\":", std::string(30000, '['),
                              std::string(30000, ']'), "}"))
                .status,
            400);
}

TEST_F(JsonApiTest, ListsPageByPage) {
  for (const char* code : {"c", "a", "b"}) {
    ASSERT_EQ(
        Post(absl::StrCat(R"({"url": "http://x", "code": ")", code, "\"}"))
            .status,
        201);
  }
  const json first = Parse(Get("/links", {{"limit", "2"}}));
  ASSERT_EQ(first["links"].size(), 2);
  EXPECT_EQ(first["links"][0], (json{{"code", "a"}, {"url", "http://x"}}));
  EXPECT_EQ(first["next"], "b");
  const json second = Parse(Get("/links", {{"limit", "2"}, {"after", "b"}}));
  ASSERT_EQ(second["links"].size(), 1);
  EXPECT_EQ(second["next"], nullptr);
  // A page that ends with the last link is the last one.
  EXPECT_EQ(Parse(Get("/links", {{"limit", "3"}}))["next"], nullptr);
}

TEST_F(JsonApiTest, RefusesBadPages) {
  for (const char* limit :
       {"0", "-1", "1001", "x", "", "99999999999999999999"}) {
    EXPECT_EQ(Get("/links", {{"limit", limit}}).status, 400) << limit;
  }
  EXPECT_EQ(Get("/links", {{"after", "a/b"}}).status, 400);
}

TEST_F(JsonApiTest, RefusesBadCodes) {
  for (const std::string& code :
       {std::string(""), std::string("a/b"), std::string(65, 'a'),
        std::string("a\0b", 3)}) {
    EXPECT_EQ(Get("/links/" + code).status, 400) << code;
  }
}

TEST_F(JsonApiTest, KnowsItsPathsAndMethods) {
  EXPECT_EQ(Get("/health").status, 200);
  EXPECT_EQ(Get("/health").body, "ok\n");
  EXPECT_EQ(Get("/").status, 404);
  EXPECT_EQ(Get("/linksx").status, 404);
  for (const char* path : {"/health", "/links", "/links/a"}) {
    const HttpResponse response = AnswerJson(
        *store_, {.method = "DELETE", .path = path, .query = {}, .body = ""});
    EXPECT_EQ(response.status, 405) << path;
    ASSERT_EQ(response.headers.size(), 1) << path;
    EXPECT_EQ(response.headers[0].first, "Allow");
  }
}

TEST_F(JsonApiTest, AStoreThatIsLockedIsUnavailable) {
  class LockedStore : public LinkStore {
   public:
    absl::StatusOr<bool> Add(const Link&) override {
      return absl::UnavailableError("locked");
    }
    absl::StatusOr<Link> Get(absl::string_view) override {
      return absl::UnavailableError("locked");
    }
    absl::StatusOr<std::vector<Link>> List(absl::string_view, int) override {
      return absl::UnavailableError("locked");
    }
  };
  store_ = std::make_unique<LockedStore>();
  EXPECT_EQ(Post(R"({"url": "http://a"})").status, 503);
  EXPECT_EQ(Get("/links/a").status, 503);
  EXPECT_EQ(Get("/links").status, 503);
}

}  // namespace
}  // namespace espalier::links
