#ifndef ESPALIER_SERVICES_LINKS_SERVER_GRPC_SERVICE_H_
#define ESPALIER_SERVICES_LINKS_SERVER_GRPC_SERVICE_H_

#include "services/links/links.grpc.pb.h"
#include "services/links/server/link_store.h"

namespace espalier::links {

// The gRPC API; links.proto says what it promises. Calls come on gRPC's
// threads.
class GrpcService final : public v1::Links::Service {
 public:
  // `store` must outlive the service.
  explicit GrpcService(LinkStore& store) : store_(store) {}

  grpc::Status CreateLink(grpc::ServerContext*,
                          const v1::CreateLinkRequest* request,
                          v1::Link* response) override;
  grpc::Status GetLink(grpc::ServerContext*, const v1::GetLinkRequest* request,
                       v1::Link* response) override;
  grpc::Status ListLinks(grpc::ServerContext*,
                         const v1::ListLinksRequest* request,
                         v1::ListLinksResponse* response) override;

 private:
  LinkStore& store_;
};

}  // namespace espalier::links

#endif  // ESPALIER_SERVICES_LINKS_SERVER_GRPC_SERVICE_H_
