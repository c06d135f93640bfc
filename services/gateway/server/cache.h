#ifndef ESPALIER_SERVICES_GATEWAY_SERVER_CACHE_H_
#define ESPALIER_SERVICES_GATEWAY_SERVER_CACHE_H_

#include <optional>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"

namespace espalier::gateway {

// Remembers where codes lead. It may forget anything at any time, and never
// fails: what it cannot tell, it does not know. Links never change, so what it
// knows is true. Used on the event loop's thread.
class Cache {
 public:
  using Found = absl::AnyInvocable<void(std::optional<std::string> url) &&>;

  virtual ~Cache() = default;

  // "none", "redis": for the status page.
  virtual absl::string_view kind() const = 0;

  // Whether it can be asked just now.
  virtual bool connected() const = 0;

  // Calls `found` once, at once or later but soon; with nullopt when the code
  // is not known.
  virtual void Get(const std::string& code, Found found) = 0;

  virtual void Put(const std::string& code, const std::string& url) = 0;
};

// Knows nothing.
class NoCache final : public Cache {
 public:
  absl::string_view kind() const override { return "none"; }
  bool connected() const override { return false; }
  void Get(const std::string&, Found found) override {
    std::move(found)(std::nullopt);
  }
  void Put(const std::string&, const std::string&) override {}
};

}  // namespace espalier::gateway

#endif  // ESPALIER_SERVICES_GATEWAY_SERVER_CACHE_H_
