// OwnedFd: a file descriptor with one owner, closed at the end. Shared by the
// keeper program (which has no Abseil) and its client.
#ifndef SUPERVISOR_KEEPER_OWNED_FD_H_
#define SUPERVISOR_KEEPER_OWNED_FD_H_

#include <unistd.h>

#include <utility>

namespace espalier::keeper {

class OwnedFd {
 public:
  OwnedFd() = default;
  explicit OwnedFd(int fd) : fd_(fd) {}
  OwnedFd(OwnedFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  OwnedFd& operator=(OwnedFd&& other) noexcept {
    if (this != &other) Reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~OwnedFd() { Reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int Release() { return std::exchange(fd_, -1); }
  void Reset(int fd = -1) {
    if (fd_ >= 0) close(fd_);
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

}  // namespace espalier::keeper

#endif  // SUPERVISOR_KEEPER_OWNED_FD_H_
