#ifndef ESPALIER_SUPERVISOR_CONTROL_SERVICE_SNAPSHOT_H_
#define ESPALIER_SUPERVISOR_CONTROL_SERVICE_SNAPSHOT_H_

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "supervisor/wiring/handle.h"

namespace espalier {

// What there is to know about one service at one moment.
struct ServiceSnapshot {
  struct Endpoint {
    // The handle's field: "http".
    std::string name = {};
    // As a client would write it: "http://127.0.0.1:40123".
    std::string url = {};

    bool operator==(const Endpoint&) const = default;
  };

  // How a program that a person runs reaches it; see ClientRule.
  struct Client {
    struct Variable {
      std::string name = {};
      std::string value = {};

      bool operator==(const Variable&) const = default;
    };
    std::vector<Variable> environment = {};
    // By the name of the program.
    std::map<std::string, std::vector<std::string>> arguments = {};

    bool operator==(const Client&) const = default;
  };

  // The path of names: "links" or "group/links".
  std::string name = {};
  // As in the state machine: "READY", "BACKOFF", ….
  std::string state = {};
  // The run of its process, counted from 1; 0 before the first.
  int64_t generation = 0;
  // 0 if there is no process.
  pid_t pid = 0;
  // When it entered the state, on the wall clock.
  absl::Time since = absl::InfinitePast();
  // Runs beyond the first, over all its life.
  int64_t restarts = 0;
  // Why it is in this state, as a sentence for a person; may be empty when that
  // is READY.
  std::string why = {};
  // Names of the services it uses as long as it runs, and of those that must be
  // ready when somebody starts it.
  std::vector<std::string> needs = {};
  std::vector<std::string> needs_at_start = {};
  std::vector<Endpoint> endpoints = {};
  // Absolute path; empty if it has none.
  std::string log_file = {};
  // What its start function gives; see Attach().
  std::optional<HandleData> handle = {};
  Client client = {};
  // Its processes stand still, as somebody asked.
  bool frozen = false;
  // What it last said of itself by sd_notify, while it runs.
  std::string status = {};

  bool operator==(const ServiceSnapshot&) const = default;
};

// One service has changed.
struct ServiceChange {
  // Counted from 1, one more with each change, over all services of the
  // instance.
  int64_t revision = 0;
  // All of it, after the change. If `removed`, only the name counts.
  ServiceSnapshot service = {};
  bool removed = false;

  bool operator==(const ServiceChange&) const = default;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_CONTROL_SERVICE_SNAPSHOT_H_
