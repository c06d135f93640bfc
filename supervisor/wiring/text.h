#ifndef ESPALIER_SUPERVISOR_WIRING_TEXT_H_
#define ESPALIER_SUPERVISOR_WIRING_TEXT_H_

#include <concepts>
#include <ostream>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "supervisor/wiring/endpoint.h"
#include "supervisor/wiring/rare.h"

namespace espalier {

// A file or directory that belongs to an instance of an environment. Only the
// backend knows where it really is.
class Path {
 public:
  enum class Root {
    kData,     // kept from run to run of the same instance
    kRuntime,  // short-lived: sockets, pid files
    kCache,    // shared by all instances; may vanish at any time
  };

  Path(Root root, std::string service, std::string relative)
      : root_(root),
        service_(std::move(service)),
        relative_(std::move(relative)) {}

  // A file or directory below this one. `name` must not be absolute, nor climb
  // out by "..".
  Path operator/(absl::string_view name) const;

  Root root() const { return root_; }
  // Whose it is: the path of a service, or of a nursery for what its services
  // share; for a cache, its name.
  const std::string& service() const { return service_; }
  // Below the owner's directory; empty for the directory itself.
  const std::string& relative() const { return relative_; }

  friend bool operator==(const Path&, const Path&) = default;

 private:
  Root root_;
  std::string service_;
  std::string relative_;
};

// A directory for what takes long to make and can be made again. All instances
// of all environments of this user share the one called `name`, at the same
// time; so what is put there must be put whole (by a rename).
Path Cache(absl::string_view name);

// A value that must not be seen: made once for each instance or given by a
// person, kept in a file of mode 0600, and put in by the backend when a process
// is spawned. It may go into files and environment variables of a command,
// never into its arguments; `file()` goes anywhere.
class Secret {
 public:
  Secret(std::string service, std::string name)
      : service_(std::move(service)), name_(std::move(name)) {}

  // What is in the file at `path`, which must be absolute and open to nobody
  // but its owner: us, or root. A newline at its end does not count.
  static Secret FromFile(absl::string_view path);
  // What the environment variable `name` of the environment's own program says.
  static Secret FromVariable(absl::string_view name);

  // Path of the service that it was made for; empty if it is given.
  const std::string& service() const { return service_; }
  // Of a given one, where it is: "file:/etc/shop/password",
  // "variable:PASSWORD".
  const std::string& name() const { return name_; }
  // Path of the file that holds the value, and nothing else.
  Text file() const;

  friend bool operator==(const Secret&, const Secret&) = default;
  // As that of Endpoint.
  operator std::string() const = delete;
  // Not even its name is worth printing; whoever tries means the value.
  friend std::ostream& operator<<(std::ostream& out, const Secret&) = delete;

 private:
  std::string service_;
  std::string name_;
};

// How arguments, environment values and file contents are written in a command:
// literals, endpoints, paths and secrets, one after the other. The backend
// renders it when it spawns; until then it is known which services are used.
//
//   .arguments = {"--verbose", Text("--links=", links.url), Text("--port=",
//   url.port())}
class Text {
 public:
  struct Part {
    enum Kind {
      kLiteral,
      kEndpoint,
      kDataPath,
      kRuntimePath,
      kCachePath,
      kSecret,
      kSecretFile
    };
    Kind kind;
    std::string value;  // the literal, the endpoint's part, the path below the
                        // owner's directory, the secret's name
    RareString service = {};  // who owns it; empty for literals
    bool proxied = false;     // of an endpoint: see EndpointAddress
    bool at_start = false;    // of an endpoint: see AtStart()
    bool escaped = false;     // of a secret: see Escaped()

    friend bool operator==(const Part&, const Part&) = default;
  };

  Text() = default;
  Text(const char* literal) : Text(Part{Part::kLiteral, literal}) {}
  Text(absl::string_view literal)
      : Text(Part{Part::kLiteral, std::string(literal)}) {}
  Text(std::string literal) : Text(Part{Part::kLiteral, std::move(literal)}) {}
  Text(std::integral auto number) : Text(std::to_string(number)) {}
  Text(bool) = delete;
  // A handle: say which of its endpoints.
  template <typename T>
    requires requires(const T& handle) { handle.ToHandleData(); }
  Text(const T& handle) = delete;
  Text(const Endpoint& endpoint)
      : Text(Part{Part::kEndpoint, EndpointAccess::Url(endpoint),
                  endpoint.service(),
                  EndpointAccess::Address(endpoint).proxied}) {}
  Text(const Path& path);
  Text(const Secret& secret)
      : Text(Part{Part::kSecret, secret.name(), secret.service()}) {}
  explicit Text(Part part);

  // All of them, one after the other.
  template <typename First, typename Second, typename... More>
  Text(const First& first, const Second& second, const More&... more) {
    Append(first);
    Append(second);
    (Append(more), ...);
  }

  void Append(const Text& text);

  const std::vector<Part>& parts() const { return parts_; }
  bool empty() const { return parts_.empty(); }

  // Adds the services whose endpoints are mentioned, those that are needed at
  // the start only to `at_start`. Paths and secrets make no edge: they are
  // there without a process.
  void AddUses(std::set<std::string>& services,
               std::set<std::string>& at_start) const;

  friend bool operator==(const Text&, const Text&) = default;

 private:
  friend Text AtStart(Text text);

  std::vector<Part> parts_;
};

// A secret with a backslash before each ':' and '\\', for files in which fields
// are separated by colons.
Text Escaped(const Secret& secret);

// What people see instead of a secret: "{secret db.password}".
std::string SecretLabel(absl::string_view service, absl::string_view name);

// The same text in a command that needs the services it mentions only to start:
//
//   .arguments = {Text("--copy_from=", AtStart(primary.url))}
//
// They must be ready when somebody starts the service. After that they may come
// and go: neither its restarts nor its stop wait for them, and they can be
// stopped without it. One that is also mentioned otherwise is needed always.
Text AtStart(Text text);
// Nothing in it could be needed.
Text AtStart(const char* literal) = delete;

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_WIRING_TEXT_H_
