#include "services/links/server/grpc_service.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "services/common/grpc_acceptor.h"
#include "services/common/listener.h"
#include "services/common/testing/temp_path.h"
#include "services/links/server/sqlite_link_store.h"

namespace espalier::links {
namespace {

// The service behind a real listening socket, as the server has it.
class GrpcServiceTest : public testing::Test {
 protected:
  GrpcServiceTest() {
    auto store = OpenSqliteLinkStore(directory_ / "links.db");
    auto listener = Listener::Bind("127.0.0.1:0");
    EXPECT_TRUE(store.ok() && listener.ok());
    store_ = *std::move(store);
    service_ = std::make_unique<GrpcService>(*store_);
    const std::string address = listener->address();
    grpc::ServerBuilder builder;
    builder.RegisterService(service_.get());
    acceptor_ = std::make_unique<GrpcAcceptor>(builder, *std::move(listener));
    server_ = builder.BuildAndStart();
    acceptor_->Start();
    stub_ = v1::Links::NewStub(
        grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  }
  ~GrpcServiceTest() override {
    stub_.reset();
    acceptor_->Stop();
    server_->Shutdown();
  }

  grpc::Status Create(const std::string& url, const std::string& code = "",
                      v1::Link* link = nullptr) {
    grpc::ClientContext context;
    v1::CreateLinkRequest request;
    request.set_url(url);
    request.set_code(code);
    v1::Link ignored;
    return stub_->CreateLink(&context, request, link ? link : &ignored);
  }

  grpc::Status Get(const std::string& code, v1::Link* link) {
    grpc::ClientContext context;
    v1::GetLinkRequest request;
    request.set_code(code);
    return stub_->GetLink(&context, request, link);
  }

  grpc::Status List(const std::string& after, int limit,
                    v1::ListLinksResponse* response) {
    grpc::ClientContext context;
    v1::ListLinksRequest request;
    request.set_after(after);
    request.set_limit(limit);
    return stub_->ListLinks(&context, request, response);
  }

  TempPath directory_;
  std::unique_ptr<LinkStore> store_;
  std::unique_ptr<GrpcService> service_;
  std::unique_ptr<GrpcAcceptor> acceptor_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::Links::Stub> stub_;
};

TEST_F(GrpcServiceTest, CreatesAndGets) {
  v1::Link created;
  ASSERT_TRUE(Create("https://example.com", "", &created).ok());
  v1::Link got;
  ASSERT_TRUE(Get(created.code(), &got).ok());
  EXPECT_EQ(got.url(), "https://example.com");
  EXPECT_EQ(Get("none", &got).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(GrpcServiceTest, CreatingTheSameLinkAgainSucceeds) {
  EXPECT_TRUE(Create("https://a", "mine").ok());
  EXPECT_TRUE(Create("https://a", "mine").ok());
  const grpc::Status conflict = Create("https://b", "mine");
  EXPECT_EQ(conflict.error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_FALSE(conflict.error_message().empty());
}

TEST_F(GrpcServiceTest, RefusesWhatIsInvalid) {
  v1::Link link;
  v1::ListLinksResponse page;
  for (const grpc::Status& status :
       {Create("", ""), Create("ftp://a", ""), Create("https://a", "a/b"),
        Get("", &link), Get("a b", &link), List("a b", 0, &page),
        List("", -1, &page), List("", 1001, &page)}) {
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_FALSE(status.error_message().empty());
  }
}

TEST_F(GrpcServiceTest, ListsPageByPage) {
  for (const char* code : {"c", "a", "b"}) {
    ASSERT_TRUE(Create("http://x", code).ok());
  }
  v1::ListLinksResponse first;
  ASSERT_TRUE(List("", 2, &first).ok());
  ASSERT_EQ(first.links_size(), 2);
  EXPECT_EQ(first.links(0).code(), "a");
  EXPECT_EQ(first.next(), "b");
  v1::ListLinksResponse second;
  ASSERT_TRUE(List(first.next(), 2, &second).ok());
  EXPECT_EQ(second.links_size(), 1);
  EXPECT_EQ(second.next(), "");
}

TEST_F(GrpcServiceTest, APageIsAHundredUnlessSaid) {
  for (int i = 0; i < 101; ++i) {
    ASSERT_TRUE(store_->Add({absl::StrCat(1000 + i), "http://x"}).ok());
  }
  v1::ListLinksResponse page;
  ASSERT_TRUE(List("", 0, &page).ok());
  EXPECT_EQ(page.links_size(), 100);
  EXPECT_EQ(page.next(), "1099");
}

}  // namespace
}  // namespace espalier::links
