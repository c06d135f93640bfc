#ifndef ESPALIER_SUPERVISOR_PORTS_UNIQUE_FD_H_
#define ESPALIER_SUPERVISOR_PORTS_UNIQUE_FD_H_

#include <unistd.h>

#include <utility>

namespace espalier {

// Owns a file descriptor, and closes it when it is destroyed. Movable; any
// thread, like an int.
class [[nodiscard]] UniqueFd {
 public:
  UniqueFd() = default;

  // Takes `fd` over; a negative one means none.
  explicit UniqueFd(int fd) : fd_(fd) {}

  UniqueFd(UniqueFd&& other) noexcept : fd_(other.Release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    Reset(other.Release());
    return *this;
  }
  ~UniqueFd() { Reset(-1); }

  bool valid() const { return fd_ >= 0; }

  // Stays owned by this object; -1 if there is none.
  int get() const { return fd_; }

  // Hands the descriptor to the caller, who closes it.
  [[nodiscard]] int Release() { return std::exchange(fd_, -1); }

 private:
  void Reset(int fd) {
    const int old = std::exchange(fd_, fd);
    // On Linux the descriptor is gone whatever close() returns.
    if (old >= 0) close(old);
  }

  int fd_ = -1;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_PORTS_UNIQUE_FD_H_
