#include "services/links/server/grpc_service.h"

#include <string>

#include "services/links/server/link_operations.h"

namespace espalier::links {
namespace {

// Both enumerations have the same numbers.
grpc::Status ToGrpc(const absl::Status& status) {
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()),
                      std::string(status.message()));
}

void Fill(const Link& link, v1::Link* message) {
  message->set_code(link.code);
  message->set_url(link.url);
}

}  // namespace

grpc::Status GrpcService::CreateLink(grpc::ServerContext*,
                                     const v1::CreateLinkRequest* request,
                                     v1::Link* response) {
  absl::StatusOr<CreatedLink> created =
      links::CreateLink(store_, request->url(), request->code());
  if (!created.ok()) return ToGrpc(created.status());
  Fill(created->link, response);
  return grpc::Status::OK;
}

grpc::Status GrpcService::GetLink(grpc::ServerContext*,
                                  const v1::GetLinkRequest* request,
                                  v1::Link* response) {
  absl::StatusOr<Link> link = links::GetLink(store_, request->code());
  if (!link.ok()) return ToGrpc(link.status());
  Fill(*link, response);
  return grpc::Status::OK;
}

grpc::Status GrpcService::ListLinks(grpc::ServerContext*,
                                    const v1::ListLinksRequest* request,
                                    v1::ListLinksResponse* response) {
  absl::StatusOr<LinkPage> page =
      links::ListLinks(store_, request->after(), request->limit());
  if (!page.ok()) return ToGrpc(page.status());
  for (const Link& link : page->links) Fill(link, response->add_links());
  response->set_next(page->next);
  return grpc::Status::OK;
}

}  // namespace espalier::links
