#include <memory>

#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "tools/build_defs/testdata/greeter.grpc.pb.h"

namespace espalier::testdata {
namespace {

class EchoingGreeter : public Greeter::Service {
  grpc::Status Greet(grpc::ServerContext*, const Greeting* request,
                     Greeting* reply) override {
    *reply = *request;
    return grpc::Status::OK;
  }
};

TEST(CcGrpcLibraryTest, GeneratesMessagesClientAndServer) {
  EchoingGreeter greeter;
  std::unique_ptr<grpc::Server> server =
      grpc::ServerBuilder().RegisterService(&greeter).BuildAndStart();
  ASSERT_NE(server, nullptr);
  auto stub = Greeter::NewStub(server->InProcessChannel({}));

  grpc::ClientContext context;
  Greeting request, reply;
  request.set_text("hello");
  request.mutable_patience()->set_seconds(3);
  grpc::Status status = stub->Greet(&context, request, &reply);

  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(reply.text(), "hello");
  EXPECT_EQ(reply.patience().seconds(), 3);
}

}  // namespace
}  // namespace espalier::testdata
