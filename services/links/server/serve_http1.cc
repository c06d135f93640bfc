#include <memory>
#include <utility>

#include "services/common/event_loop.h"
#include "services/common/http_server.h"
#include "services/common/server_main.h"
#include "services/common/worker.h"
#include "services/links/server/json_api.h"
#include "services/links/server/serve.h"

namespace espalier::links {

absl::Status ServeHttp1(LinkStore& store, Listener listener, int stop_fd) {
  EventLoop loop;
  // The store may block, for a disk or for another process's lock; the loop
  // must not.
  Worker worker;
  auto handler = [&](HttpRequest request, HttpReply reply) {
    worker.Submit([&loop, &store, request = std::move(request),
                   reply = std::move(reply)]() mutable {
      HttpResponse response = AnswerJson(store, request);
      loop.Post(
          [reply = std::move(reply), response = std::move(response)]() mutable {
            reply.Send(std::move(response));
          });
    });
  };
  absl::StatusOr<std::unique_ptr<HttpServer>> server =
      HttpServer::Create(loop, std::move(listener), std::move(handler));
  if (!server.ok()) return server.status();
  loop.OnReadable(stop_fd, [&] {
    ConsumeTermination(stop_fd);
    (*server)->Drain([&] { loop.Quit(); });
  });
  loop.Run();
  return absl::OkStatus();
}

}  // namespace espalier::links
