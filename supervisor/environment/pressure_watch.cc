#include "supervisor/environment/pressure_watch.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <iterator>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace espalier {
namespace {

constexpr const char* kResources[] = {"cpu", "memory", "io"};

}  // namespace

std::optional<double> PressureShare(absl::string_view text) {
  constexpr absl::string_view kBegin = "some avg10=";
  double percent = 0;
  if (!absl::StartsWith(text, kBegin)) return std::nullopt;
  text.remove_prefix(kBegin.size());
  if (!absl::SimpleAtod(text.substr(0, text.find(' ')), &percent)) {
    return std::nullopt;
  }
  return percent / 100;
}

PressureWatch::PressureWatch(Loop& loop, Options options,
                             std::function<void(double)> changed)
    : loop_(loop),
      options_(std::move(options)),
      changed_(std::move(changed)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  for (const char* resource : kResources) {
    status_ = Watch(absl::StrCat(options_.directory, "/", resource));
  }
  if (triggers_.empty()) return;
  status_ = absl::OkStatus();
  fired_ = loop_.OnReadable(epoll_.get(), [this] {
    // Whatever it was, it has been noted with that.
    epoll_event events[std::size(kResources)];
    (void)epoll_wait(epoll_.get(), events, std::size(kResources), 0);
    if (timer_) return;
    timer_ = loop_.After(options_.interval, [this] { Measure(); });
    changed_(std::max(options_.high, Share()));
  });
}

absl::Status PressureWatch::Watch(const std::string& file) {
  UniqueFd trigger(open(file.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  const int64_t window = absl::ToInt64Microseconds(options_.window);
  const std::string wanted = absl::StrCat(
      "some ", static_cast<int64_t>(options_.high * window), " ", window);
  epoll_event event = {.events = EPOLLPRI, .data = {}};
  // The kernel wants the end of the string as well.
  if (!trigger.valid() ||
      write(trigger.get(), wanted.c_str(), wanted.size() + 1) < 0 ||
      epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, trigger.get(), &event) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot watch ", file));
  }
  triggers_.push_back(std::move(trigger));
  return absl::OkStatus();
}

void PressureWatch::Measure() {
  timer_ = Loop::Watch();
  const double share = Share();
  if (share >= options_.low) {
    timer_ = loop_.After(options_.interval, [this] { Measure(); });
  }
  changed_(share);
}

double PressureWatch::Share() const {
  double greatest = 0;
  for (const UniqueFd& trigger : triggers_) {
    char text[256];
    const ssize_t size = pread(trigger.get(), text, sizeof text, 0);
    if (size <= 0) continue;
    const absl::string_view read(text, static_cast<size_t>(size));
    greatest = std::max(greatest, PressureShare(read).value_or(0));
  }
  return greatest;
}

}  // namespace espalier
