#include "supervisor/instance/lock_holder.h"

#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "supervisor/ports/unique_fd.h"

namespace espalier {
namespace {

// More than any lock file has.
constexpr size_t kMaxFile = 32 * 1024;
constexpr size_t kMaxValue = 4096;
constexpr absl::string_view kEnd = "end\n";

// One line, whatever the value.
std::string Line(absl::string_view key, absl::string_view value) {
  std::string line = absl::StrCat(key, " ", value.substr(0, kMaxValue), "\n");
  for (size_t i = 0; i + 1 < line.size(); ++i) {
    if (absl::ascii_iscntrl(line[i])) line[i] = '?';
  }
  return line;
}

std::string HostName() {
  char here[256] = "";
  gethostname(here, sizeof here - 1);
  return here;
}

}  // namespace

std::string BootId() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

std::string LockHolder::Serialize() const {
  return absl::StrCat(
      Line("environment", environment), Line("instance", instance),
      Line("pid", absl::StrCat(pid)), Line("host", host), Line("boot", boot_id),
      Line("since", absl::StrCat(absl::ToUnixMillis(since))),
      Line("command", command_line), Line("socket", control_socket),
      Line("state", state_directory), kEnd);
}

std::optional<LockHolder> LockHolder::Parse(absl::string_view text) {
  // The last line tells that all of it was written.
  if (!absl::EndsWith(text, absl::StrCat("\n", kEnd))) return std::nullopt;
  std::map<std::string, std::string> values;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    const size_t space = line.find(' ');
    if (space == absl::string_view::npos) continue;
    values[std::string(line.substr(0, space))] =
        std::string(line.substr(space + 1));
  }
  LockHolder holder;
  int64_t since_ms;
  if (!absl::SimpleAtoi(values["pid"], &holder.pid) || holder.pid <= 0 ||
      !absl::SimpleAtoi(values["since"], &since_ms)) {
    return std::nullopt;
  }
  holder.environment = values["environment"];
  holder.instance = values["instance"];
  holder.host = values["host"];
  holder.boot_id = values["boot"];
  holder.since = absl::FromUnixMillis(since_ms);
  holder.command_line = values["command"];
  holder.control_socket = values["socket"];
  holder.state_directory = values["state"];
  return holder;
}

std::string LockHolder::Describe() const {
  if (pid == 0) return "it has just started";
  return absl::StrCat(
      "pid ", pid,
      host == HostName() ? "" : absl::StrCat(" on the host ", host), ", since ",
      absl::FormatTime("%H:%M:%S", since, absl::LocalTimeZone()), " (",
      absl::FormatDuration(absl::Trunc(absl::Now() - since, absl::Seconds(1))),
      " ago)");
}

std::optional<LockHolder> FindLockHolder(const std::string& lock_file,
                                         const std::string& boot_id) {
  const UniqueFd fd(open(lock_file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.valid()) return std::nullopt;
  struct flock asked = {};
  asked.l_type = F_RDLCK;
  asked.l_whence = SEEK_SET;
  // Only a writer is a holder; WaitUntilUnlocked() reads.
  if (fcntl(fd.get(), F_OFD_GETLK, &asked) != 0 || asked.l_type != F_WRLCK) {
    return std::nullopt;
  }
  std::string text(kMaxFile, '\0');
  const ssize_t count = pread(fd.get(), text.data(), text.size(), 0);
  text.resize(count < 0 ? 0 : count);
  std::optional<LockHolder> holder = LockHolder::Parse(text);
  const bool is_stale = holder.has_value() && holder->host == HostName() &&
                        holder->boot_id != boot_id;
  if (!holder.has_value() || is_stale) return LockHolder();
  return holder;
}

}  // namespace espalier
