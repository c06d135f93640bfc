#include "services/gateway/server/redis_cache.h"

#include <hiredis/adapters/libevent.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace espalier::gateway {
namespace {

// Others may use the same server.
std::string Key(const std::string& code) {
  return absl::StrCat("espalier:link:", code);
}

RedisCache* CacheOf(const redisAsyncContext* context) {
  return static_cast<RedisCache*>(context->data);
}

}  // namespace

// One command under way. Deleted by hiredis's callback, which comes exactly
// once, also when the connection is given up.
struct RedisCache::Question {
  RedisCache* cache;
  Found found;
  EventLoop::Timer timer;

  static void OnReply(redisAsyncContext*, void* reply, void* self) {
    const std::unique_ptr<Question> question(static_cast<Question*>(self));
    --question->cache->pending_;
    const auto* value = static_cast<const redisReply*>(reply);
    std::optional<std::string> url;
    if (value != nullptr && value->type == REDIS_REPLY_STRING)
      url.emplace(value->str, value->len);
    std::move(question->found)(std::move(url));
  }
};

RedisCache::RedisCache(EventLoop& loop, RedisAddress address,
                       RedisCacheOptions options)
    : loop_(loop), address_(std::move(address)), options_(std::move(options)) {
  Connect();
}

RedisCache::~RedisCache() { Drop(); }

void RedisCache::Connect() {
  context_ = address_.path.empty()
                 ? redisAsyncConnect(address_.host.c_str(), address_.port)
                 : redisAsyncConnectUnix(address_.path.c_str());
  if (context_ == nullptr || context_->err != 0) return Reconnect();
  context_->data = this;
  redisLibeventAttach(context_, loop_.base());
  redisAsyncSetConnectCallback(
      context_, [](const redisAsyncContext* context, int status) {
        CacheOf(context)->OnConnected(status == REDIS_OK);
      });
  redisAsyncSetDisconnectCallback(context_,
                                  [](const redisAsyncContext* context, int) {
                                    CacheOf(context)->OnGone();
                                  });
  timer_.emplace(loop_, options_.timeout, [this] { Reconnect(); });
}

void RedisCache::OnConnected(bool ok) {
  if (!ok) return OnGone();
  timer_.reset();
  up_ = true;
  if (!options_.password.empty()) {
    Ask("AUTH", [](std::optional<std::string>) {}, {options_.password});
  }
}

void RedisCache::OnGone() {
  // hiredis frees the context once this has returned. Null already when it was
  // us who gave it up.
  if (context_ == nullptr) return;
  context_ = nullptr;
  Reconnect();
}

void RedisCache::Reconnect() {
  Drop();
  timer_.emplace(loop_, options_.reconnect_delay, [this] { Connect(); });
}

void RedisCache::Drop() {
  up_ = false;
  // Freeing answers every question; what is asked in return must not find the
  // context.
  redisAsyncContext* context = std::exchange(context_, nullptr);
  if (context != nullptr) redisAsyncFree(context);
}

void RedisCache::Ask(const char* command, Found found,
                     const std::vector<absl::string_view>& arguments) {
  if (!up_ || pending_ >= options_.max_pending)
    return std::move(found)(std::nullopt);
  std::vector<const char*> texts = {command};
  std::vector<size_t> sizes = {strlen(command)};
  for (const absl::string_view argument : arguments) {
    texts.push_back(argument.data());
    sizes.push_back(argument.size());
  }
  auto* question = new Question{
      this, std::move(found),
      EventLoop::Timer(loop_, options_.timeout, [this] { Reconnect(); })};
  ++pending_;
  if (redisAsyncCommandArgv(context_, &Question::OnReply, question,
                            static_cast<int>(texts.size()), texts.data(),
                            sizes.data()) != REDIS_OK) {
    Question::OnReply(context_, nullptr, question);
  }
}

void RedisCache::Get(const std::string& code, Found found) {
  Ask("GET", std::move(found), {Key(code)});
}

void RedisCache::Put(const std::string& code, const std::string& url) {
  const std::string seconds =
      absl::StrCat(absl::ToInt64Seconds(options_.time_to_live));
  // The answer does not matter, only that there is one in time.
  Ask("SET", [](std::optional<std::string>) {},
      {Key(code), url, "EX", seconds});
}

}  // namespace espalier::gateway
