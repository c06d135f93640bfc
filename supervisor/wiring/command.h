#ifndef ESPALIER_SUPERVISOR_WIRING_COMMAND_H_
#define ESPALIER_SUPERVISOR_WIRING_COMMAND_H_

#include <csignal>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "supervisor/engine/rules.h"
#include "supervisor/wiring/endpoint.h"
#include "supervisor/wiring/process_rule.h"
#include "supervisor/wiring/rare.h"
#include "supervisor/wiring/text.h"

namespace espalier {

// Which executable to run.
class Program {
 public:
  // A binary that Bazel builds, by the path of its label:
  // "services/links/links_server". The target which names it must have the
  // binary in its `data`. Whatever else the binary needs at run time comes
  // along as its runfiles.
  static Program Built(std::string path);

  // A program of the operating system: `name` is looked for in `directories`,
  // then in the usual places for programs (never in the caller's PATH).
  // `package` is what to install when it is missing.
  static Program System(std::string name, std::string package,
                        std::vector<std::string> directories = {});

  enum class Kind { kBuilt, kSystem };
  Kind kind() const { return kind_; }
  const std::string& name() const { return name_; }
  const std::string& package() const { return package_.get(); }
  const std::vector<std::string>& directories() const { return directories_; }

  friend bool operator==(const Program&, const Program&) = default;

 private:
  Program(Kind kind, std::string name, std::string package,
          std::vector<std::string> directories);

  Kind kind_;
  std::string name_;
  RareString package_;
  std::vector<std::string> directories_;
};

struct EnvironmentVariable {
  std::string name;
  Text value;

  friend bool operator==(const EnvironmentVariable&,
                         const EnvironmentVariable&) = default;
};

// A program that finds out whether a service is ready, and says so by exit code
// 0. It runs as the services' user, in the service's working directory, with
// the same basic environment as the service.
struct ProbeCommand {
  Program program;
  std::vector<Text> arguments = {};
  std::vector<EnvironmentVariable> environment = {};
  // A run that takes longer is killed, with all that it started, and counts as
  // one that failed.
  absl::Duration timeout = absl::Seconds(10);

  friend bool operator==(const ProbeCommand&, const ProbeCommand&) = default;
};

// How it is known that a process can be used by others.
class Readiness {
 public:
  enum class Kind {
    kStarted,
    kCompleted,
    kNewline,
    kConnect,
    kHttp,
    kGrpcHealth,
    kAnswer,
    kTls,
    kProbe,
    kNotify,
  };

  // As soon as the program runs. Enough for one which takes a held listener:
  // connections wait in the kernel for it.
  static Readiness Started() {
    return Readiness(Kind::kStarted, std::nullopt, "");
  }
  // When it has ended with exit code 0: a one-shot.
  static Readiness Completed() {
    return Readiness(Kind::kCompleted, std::nullopt, "");
  }
  // When it writes a newline to the descriptor whose number it finds in the
  // environment variable `variable`. The quickest way to tell: no probe, no
  // polling.
  static Readiness Newline(std::string variable = "READY_FD") {
    return Readiness(Kind::kNewline, std::nullopt, std::move(variable));
  }
  // When it says READY=1 by sd_notify(3), and as soon: no probe, no polling.
  // Its STATUS= is shown while it starts. With a `watchdog`, it finds that time
  // in WATCHDOG_USEC, and counts as not living any more once WATCHDOG=1 has not
  // come for so long; at least 1 ms. Only what processes of its own tree send
  // counts. With MAINPID=, a process of its tree takes over when the main
  // process ends with exit code 0, as in a server that puts a new one in its
  // own place; but it is better to stay in the foreground.
  static Readiness Notify(absl::Duration watchdog = absl::InfiniteDuration()) {
    Readiness readiness(Kind::kNotify, std::nullopt, "");
    readiness.watchdog_ = watchdog;
    return readiness;
  }
  // When `endpoint` takes a connection.
  static Readiness Connects(const Endpoint& endpoint) {
    return Readiness(Kind::kConnect, endpoint, "");
  }
  // When GET `path` is answered with a status from 200 to 299. A template of
  // nothing, as the next one: then the compiler says which function was given
  // another protocol.
  template <typename = void>
  static Readiness HttpOk(const HttpUrl& url, std::string path = "/health") {
    return Readiness(Kind::kHttp, url, std::move(path));
  }
  // When the standard service grpc.health.v1.Health says SERVING.
  template <typename = void>
  static Readiness GrpcHealth(const Http2Url& url) {
    return Readiness(Kind::kGrpcHealth, url, "");
  }
  // When `request`, sent over a connection of its own, is answered with text
  // that begins with `answer`: "PING\r\n" and "+PONG", for Redis.
  static Readiness Answers(const Endpoint& endpoint, std::string request,
                           std::string answer) {
    Readiness readiness(Kind::kAnswer, endpoint, std::move(request));
    readiness.answer_ = std::move(answer);
    return readiness;
  }
  // When a TLS handshake is answered with one. Whose certificate it is, is for
  // clients to see to.
  static Readiness TlsHandshake(const HttpsUrl& url) {
    return Readiness(Kind::kTls, url, "");
  }
  static Readiness TlsHandshake(const Http2TlsUrl& url) {
    return Readiness(Kind::kTls, url, "");
  }
  // When a run of `command` ends with exit code 0. One that ends otherwise is
  // run again after 1 ms, which doubles up to 100 ms; never two at once. So a
  // program that waits by itself until the service is ready notices soonest and
  // costs least. For services that no other kind can ask.
  static Readiness Probe(ProbeCommand command) {
    Readiness readiness(Kind::kProbe, std::nullopt, "");
    readiness.probe_ = std::make_shared<const ProbeCommand>(std::move(command));
    return readiness;
  }

  Kind kind() const { return kind_; }
  // Null where none is asked.
  const Endpoint* endpoint() const { return endpoint_ ? &*endpoint_ : nullptr; }
  // Of kHttp.
  const std::string& path() const { return detail_; }
  // Of kNewline.
  const std::string& variable() const { return detail_; }
  // Of kNotify; infinite if there is none.
  absl::Duration watchdog() const { return watchdog_; }
  // Of kAnswer.
  const std::string& request() const { return detail_; }
  const std::string& answer() const { return answer_.get(); }
  // Of kProbe; null otherwise.
  const ProbeCommand* probe() const { return probe_.get(); }

  friend bool operator==(const Readiness& a, const Readiness& b);

 private:
  Readiness(Kind kind, std::optional<Endpoint> endpoint, std::string detail)
      : kind_(kind),
        endpoint_(std::move(endpoint)),
        detail_(std::move(detail)) {}

  Kind kind_;
  Rare<Endpoint> endpoint_;
  std::string detail_;
  RareString answer_;
  absl::Duration watchdog_ = absl::InfiniteDuration();
  std::shared_ptr<const ProbeCommand> probe_;
};

// That a service which is ready goes on living: it is asked again and again,
// and when so many questions in a row had no good answer, it is stopped and
// started again. A service that hangs is noticed within
// `failures` * (`interval` + `timeout`). One that somebody else runs
// (--external) is not asked: it may stand still in a debugger.
struct Liveness {
  // From one answer to the next question. Each costs a wake-up.
  absl::Duration interval = absl::Seconds(10);
  // How long a good answer may take. Until then the question is repeated.
  absl::Duration timeout = absl::Seconds(5);
  int failures = 3;
  // What is asked: an endpoint of the service. Not set: what its readiness
  // asks.
  std::optional<Readiness> probe = std::nullopt;

  friend bool operator==(const Liveness&, const Liveness&) = default;
};

// A file that is written before the process is spawned, whenever its contents
// differ from what is there.
struct File {
  Path path;
  Text contents;

  friend bool operator==(const File&, const File&) = default;
};

// How programs that a person runs reach the service: `envctl exec`. Beside this
// they get the address of each endpoint, in a variable with its name in capital
// letters: URL. Secrets must not stand here, but paths of files may.
struct ClientRule {
  std::vector<EnvironmentVariable> environment = {};
  // For programs that no variable tells: what to put before their own
  // arguments, by the name of the program.
  std::vector<std::pair<std::string, std::vector<Text>>> arguments = {};

  friend bool operator==(const ClientRule&, const ClientRule&) = default;
};

// How a running service is told that its files have changed, so that it reads
// them again without an end.
struct ReloadRule {
  // Sent to its main process when the files have been written anew.
  int signal = SIGHUP;
  // Looks first whether the service could read them: exit code 0 if so.
  // Otherwise nothing is sent, and what it printed last is the error.
  std::optional<ProbeCommand> check = std::nullopt;

  friend bool operator==(const ReloadRule&, const ReloadRule&) = default;
};

// What becomes of a service's output. Its standard output and error go into one
// log, whose offsets never change: what has to go is taken from its front.
struct LogRule {
  enum class Mode {
    // The file itself is the service's output: nothing stands in between, so
    // nothing is slower, and every byte that was written is there whoever dies.
    // The log may be over its limit for a quarter of a second.
    kFile,
    // The output goes through the keeper, which knows when each line came and
    // never lets the log grow beyond its limit. Somewhat slower, and what is on
    // its way is lost when the keeper is killed.
    kStrict,
  };
  Mode mode = Mode::kFile;

  // In strict mode: what becomes of output that the log does not take, because
  // the disk is full, say.
  enum class WhenFull {
    // The service waits as soon as a pipe is full too.
    kBlock,
    // It is dropped. The log tells how much, where it goes on.
    kDrop,
  };
  WhenFull when_full = WhenFull::kBlock;

  // How much of the log is kept, in bytes: at least 1 MiB.
  int64_t max_bytes = int64_t{1} << 30;

  // OK, or InvalidArgument with a sentence that says which setting makes no
  // sense.
  absl::Status Validate() const;

  friend bool operator==(const LogRule&, const LogRule&) = default;
};

// What to run, as data: every backend can read it, show it, or run it. Nothing
// in it is a shell's.
struct Command {
  Program program;
  std::vector<Text> arguments = {};

  // Beside these a process gets only PATH, HOME, TMPDIR, LANG and what its
  // listeners need; nothing of the caller's.
  std::vector<EnvironmentVariable> environment = {};

  std::vector<File> files = {};

  // Directories to make before the process is spawned, private to its user.
  std::vector<Path> directories = {};

  // Its own data directory unless said otherwise.
  Rare<Path> working_directory = std::nullopt;

  // Skip the command if this exists: "initdb, unless it was done". One that
  // mentions secrets is run again when one of them is newer than this: it was
  // made up anew.
  Rare<Path> creates = std::nullopt;

  Readiness readiness = Readiness::Started();
  // Not set: it lives as long as its process does.
  Rare<Liveness> liveness = std::nullopt;
  RestartRule restart = {};
  StopRule stop = {};
  // Nothing: it reads its files when it starts, and then no more.
  Rare<ReloadRule> reload = std::nullopt;
  LogRule log = {};
  ProcessRule process = {};
  TreeRule tree = {};
  ClientRule client = {};
  // From the first attempt to start until it is ready; then the attempt counts
  // as failed.
  absl::Duration start_timeout = absl::Seconds(60);

  // All in which endpoints, paths and secrets may be mentioned. Valid as long
  // as the command is.
  std::vector<const Text*> Texts() const;

  // Paths of the services whose endpoints are mentioned: the edges of the
  // graph. Either what is needed always, or what is needed at the start only.
  std::set<std::string> Uses() const;
  std::set<std::string> StartUses() const;

  // What its liveness asks: Liveness::probe or the readiness; null without one.
  const Readiness* LivenessQuestion() const;
  // What looks at its files before a reload; null without one.
  const ProbeCommand* ReloadCheck() const {
    return reload && reload->check ? &*reload->check : nullptr;
  }

  // What a person got wrong: a secret in an argument, a path that climbs out, a
  // restart rule that cannot work.
  absl::Status Validate() const;

  friend bool operator==(const Command&, const Command&) = default;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_WIRING_COMMAND_H_
