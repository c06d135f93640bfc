#include "services/gateway/server/fake_redis.h"

#include <event2/buffer.h>
#include <hiredis/hiredis.h>

namespace espalier::gateway {

struct FakeRedis::Connection {
  FakeRedis* redis;
  bufferevent* stream;
  redisReader* reader;

  ~Connection() {
    bufferevent_free(stream);
    redisReaderFree(reader);
  }

  static void OnRead(bufferevent* stream, void* self) {
    auto* connection = static_cast<Connection*>(self);
    char bytes[4096];
    while (const size_t size = bufferevent_read(stream, bytes, sizeof(bytes))) {
      redisReaderFeed(connection->reader, bytes, size);
    }
    void* raw = nullptr;
    while (redisReaderGetReply(connection->reader, &raw) == REDIS_OK &&
           raw != nullptr) {
      // A client's command has the same form as a reply that is an array.
      auto* command = static_cast<redisReply*>(raw);
      std::vector<std::string> words;
      for (size_t i = 0; i < command->elements; ++i)
        words.emplace_back(command->element[i]->str, command->element[i]->len);
      freeReplyObject(command);
      connection->redis->Answer(*connection, words);
    }
  }
};

FakeRedis::FakeRedis(EventLoop& loop, Listener listener)
    : loop_(loop),
      listener_(
          evconnlistener_new(loop.base(), &OnAccept, this,
                             LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0,
                             listener.Release())) {}

FakeRedis::~FakeRedis() { evconnlistener_free(listener_); }

void FakeRedis::Disconnect() { connections_.clear(); }

void FakeRedis::OnAccept(evconnlistener*, evutil_socket_t fd, sockaddr*, int,
                         void* self) {
  auto* redis = static_cast<FakeRedis*>(self);
  ++redis->accepted;
  bufferevent* stream =
      bufferevent_socket_new(redis->loop_.base(), fd, BEV_OPT_CLOSE_ON_FREE);
  redis->connections_.push_back(std::unique_ptr<Connection>(
      new Connection{redis, stream, redisReaderCreate()}));
  bufferevent_setcb(stream, &Connection::OnRead, nullptr, nullptr,
                    redis->connections_.back().get());
  bufferevent_enable(stream, EV_READ | EV_WRITE);
}

void FakeRedis::Answer(Connection& connection,
                       const std::vector<std::string>& words) {
  std::string joined;
  for (const std::string& word : words)
    joined += (joined.empty() ? "" : " ") + word;
  commands.push_back(joined);
  if (silent) return;
  std::string answer = "+OK\r\n";
  if (words[0] == "SET") values[words[1]] = words[2];
  if (words[0] == "GET") {
    const auto found = values.find(words[1]);
    answer = found == values.end()
                 ? "$-1\r\n"
                 : "$" + std::to_string(found->second.size()) + "\r\n" +
                       found->second + "\r\n";
  }
  bufferevent_write(connection.stream, answer.data(), answer.size());
}

}  // namespace espalier::gateway
