#ifndef ESPALIER_SERVICES_GATEWAY_SERVER_FAKE_REDIS_H_
#define ESPALIER_SERVICES_GATEWAY_SERVER_FAKE_REDIS_H_

#include <event2/bufferevent.h>
#include <event2/listener.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "services/common/event_loop.h"
#include "services/common/listener.h"

namespace espalier::gateway {

// A Redis server for tests, on the loop of what is tested: GET, SET and AUTH.
// Used on the loop's thread.
class FakeRedis {
 public:
  FakeRedis(EventLoop& loop, Listener listener);
  FakeRedis(const FakeRedis&) = delete;
  FakeRedis& operator=(const FakeRedis&) = delete;
  ~FakeRedis();

  std::map<std::string, std::string> values;
  // How many connections there have been.
  int accepted = 0;
  // Every command so far, its words joined by spaces.
  std::vector<std::string> commands;
  // While set, commands are read and not answered.
  bool silent = false;

  // Ends every connection.
  void Disconnect();

 private:
  struct Connection;

  static void OnAccept(evconnlistener*, evutil_socket_t fd, sockaddr*, int,
                       void* self);
  void Answer(Connection& connection, const std::vector<std::string>& words);

  EventLoop& loop_;
  std::vector<std::unique_ptr<Connection>> connections_;
  evconnlistener* listener_;
};

}  // namespace espalier::gateway

#endif  // ESPALIER_SERVICES_GATEWAY_SERVER_FAKE_REDIS_H_
