#include "supervisor/wiring/handle.h"

#include <sstream>
#include <string>
#include <variant>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/wiring/handle_json.h"

namespace espalier {
namespace {

using testing::HasSubstr;

struct Plain {
  HttpUrl url;
  ESPALIER_HANDLE(Plain, url);
};

template <typename Url>
struct Generic {
  Url url;
  std::string database;
  int shards = 1;
  bool cached = false;
  ESPALIER_HANDLE(Generic, url, database, shards, cached);
};

struct Whole {
  Plain plain;
  std::optional<Plain> spare;
  std::vector<Generic<RedisUrl>> caches;
  Secret password;
  Path file;
  UnixSocket socket;
  ESPALIER_HANDLE(Whole, plain, spare, caches, password, file, socket);
};

template <typename E>
E Make(std::string port) {
  return EndpointAccess::Make<E>(
      {.service = "links", .name = "url", .host = "127.0.0.1", .port = port});
}

Whole MakeWhole() {
  return {.plain = {.url = Make<HttpUrl>("80")},
          .spare = std::nullopt,
          .caches = {{.url = Make<RedisUrl>("1"), .database = "a"},
                     {.url = Make<RedisUrl>("2"),
                      .database = "b",
                      .shards = 3,
                      .cached = true}},
          .password = Secret("postgres", "password"),
          .file = Path(Path::Root::kData, "links", "links.db"),
          .socket = EndpointAccess::Make<UnixSocket>({.path = "/run/s"})};
}

template <typename T>
std::string Print(const T& value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

TEST(HandleTest, Prints) {
  EXPECT_EQ(Print(Plain{.url = Make<HttpUrl>("80")}),
            "Plain{url: http://127.0.0.1:80}");
  EXPECT_EQ(Print(MakeWhole()),
            "Whole{plain: Plain{url: http://127.0.0.1:80}, spare: none, "
            "caches: [Generic<RedisUrl>{url: redis://127.0.0.1:1, database: a, "
            "shards: 1, cached: false}, Generic<RedisUrl>{url: "
            "redis://127.0.0.1:2, database: b, shards: 3, cached: true}], "
            "password: {secret postgres.password}, file: "
            "{data}/links/links.db, socket: /run/s}");
}

TEST(HandleTest, IsJson) {
  EXPECT_EQ(
      HandleJson(MakeWhole().ToHandleData()).dump(),
      R"({"type":"Whole","plain":{"type":"Plain","url":"http://127.0.0.1:80"},)"
      R"("spare":null,"caches":[{"type":"Generic<RedisUrl>","url":)"
      R"("redis://127.0.0.1:1","database":"a","shards":1,"cached":false},)"
      R"({"type":"Generic<RedisUrl>","url":"redis://127.0.0.1:2",)"
      R"("database":"b","shards":3,"cached":true}],)"
      R"("password":"{secret postgres.password}",)"
      R"("file":"{data}/links/links.db","socket":"/run/s"})");
}

TEST(HandleTest, IsComparable) {
  const Plain a{.url = Make<HttpUrl>("80")};
  EXPECT_EQ(a, a);
  EXPECT_NE(a, (Plain{.url = Make<HttpUrl>("81")}));
}

template <typename T>
std::optional<T> Reread(const T& handle, std::string& error) {
  const HandleData data = handle.ToHandleData();
  return T::FromHandleData(HandleReader(&data, "it", &error));
}

TEST(HandleTest, ComesBackFromDataAsItWas) {
  Whole whole = MakeWhole();
  std::string error;
  EXPECT_EQ(Reread(whole, error), whole) << error;
  whole.spare = whole.plain;
  EXPECT_EQ(Reread(whole, error), whole) << error;
}

struct Either {
  std::variant<Plain, Generic<RedisUrl>> kept;

  ESPALIER_HANDLE(Either, kept);
};

// Called as what ESPALIER_HANDLE might call something of its own.
struct Plainly {
  HttpUrl data;
  std::string reader;
  int handle = 0;
  int out = 0;
  int visit = 0;
  int error = 0;
  int name = 0;
  ESPALIER_HANDLE(Plainly, data, reader, handle, out, visit, error, name);
};

TEST(HandleTest, MembersMayHaveAnyName) {
  const Plainly handle{.data = Make<HttpUrl>("80"), .reader = "a", .name = 7};
  EXPECT_EQ(Print(handle),
            "Plainly{data: http://127.0.0.1:80, reader: a, handle: 0, out: 0, "
            "visit: 0, error: 0, name: 7}");
  std::string error;
  EXPECT_EQ(Reread(handle, error), handle) << error;
}

TEST(HandleTest, OneOfSeveralIsThatOne) {
  const Either plain{.kept = Plain{.url = Make<HttpUrl>("80")}};
  const Either other{
      .kept = Generic<RedisUrl>{.url = Make<RedisUrl>("1"), .database = "a"}};
  EXPECT_EQ(Print(plain), "Either{kept: Plain{url: http://127.0.0.1:80}}");
  std::string error;
  EXPECT_EQ(Reread(plain, error), plain) << error;
  EXPECT_EQ(Reread(other, error), other) << error;
  HandleData data = plain.ToHandleData();
  data.fields[0].type = "Paper";
  EXPECT_EQ(Either::FromHandleData(HandleReader(&data, "it", &error)),
            std::nullopt);
  EXPECT_EQ(error, "`it.kept` is a Paper, not a Plain");
  data = other.ToHandleData();
  data.fields[0].fields.clear();
  error.clear();
  EXPECT_EQ(Either::FromHandleData(HandleReader(&data, "it", &error)),
            std::nullopt);
  EXPECT_EQ(error, "`it.kept.url` is missing");
}

TEST(HandleTest, WhatDoesNotFitIsNamed) {
  HandleData data = MakeWhole().ToHandleData();
  const auto error = [&] {
    std::string text;
    EXPECT_EQ(Whole::FromHandleData(HandleReader(&data, "it", &text)),
              std::nullopt);
    return text;
  };
  data.fields[2].fields[1].type = "Plain";
  EXPECT_THAT(error(), HasSubstr("`it.caches.1` is a "));
  data.fields[2].fields.clear();
  data.fields[3].type = "string";
  EXPECT_EQ(error(), "`it.password` is a string, not a Secret");
  data.fields.erase(data.fields.begin());
  EXPECT_EQ(error(), "`it.plain` is missing");
}

TEST(HandleTest, NumbersAreChecked) {
  HandleData data = Generic<HttpUrl>{.url = Make<HttpUrl>("1"), .database = ""}
                        .ToHandleData();
  data.fields[2].text = "99999999999";
  std::string error;
  EXPECT_EQ(Generic<HttpUrl>::FromHandleData(HandleReader(&data, "it", &error)),
            std::nullopt);
  EXPECT_EQ(error, "`it.shards` is out of range");
  data.fields[2].text = "many";
  error.clear();
  EXPECT_EQ(Generic<HttpUrl>::FromHandleData(HandleReader(&data, "it", &error)),
            std::nullopt);
  EXPECT_EQ(error, "`it.shards` is not a number");
}

}  // namespace
}  // namespace espalier
