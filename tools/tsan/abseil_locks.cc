// Tells ThreadSanitizer what Abseil's locks order. The system's Abseil is not
// compiled with it, so it would see data shared without a lock and report what
// is right. Each function here stands in front of Abseil's own of the same
// name: the program's symbols are found before those of its libraries.
#include "absl/base/config.h"

// Not where a test brings a sanitizer of its own.
#ifdef ABSL_HAVE_THREAD_SANITIZER

#include <dlfcn.h>
#include <sanitizer/tsan_interface.h>

#include <string>
#include <utility>

#include "absl/base/options.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"

#define ESPALIER_STRING_OF(name) #name
#define ESPALIER_STRING(name) ESPALIER_STRING_OF(name)

namespace absl {
ABSL_NAMESPACE_BEGIN
namespace {

// Abseil's function, by what follows its namespace in the mangled name.
// Members are called as functions whose first argument is the object, as the
// Itanium C++ ABI has it.
template <typename Function>
Function* Next(const char* prefix, const char* name) {
  const std::string space = ESPALIER_STRING(ABSL_OPTION_INLINE_NAMESPACE_NAME);
  const std::string symbol = prefix + std::string("4absl") +
                             std::to_string(space.size()) + space + name;
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, symbol.c_str()));
}

// Runs what takes the lock, or gives it up and takes it again.
template <typename Call>
void Taking(Mutex* mutex, unsigned flags, Call call) {
  __tsan_mutex_pre_lock(mutex, flags);
  call();
  __tsan_mutex_post_lock(mutex, flags, 0);
}

// Runs what tries to take the lock, and says whether it did.
template <typename Call>
bool Trying(Mutex* mutex, unsigned flags, Call call) {
  flags |= __tsan_mutex_try_lock;
  __tsan_mutex_pre_lock(mutex, flags);
  const bool taken = call();
  __tsan_mutex_post_lock(mutex,
                         flags | (taken ? 0 : __tsan_mutex_try_lock_failed), 0);
  return taken;
}

template <typename Call>
void GivingUp(Mutex* mutex, unsigned flags, Call call) {
  __tsan_mutex_pre_unlock(mutex, flags);
  call();
  __tsan_mutex_post_unlock(mutex, flags);
}

// The lock that this thread has given up while it waits for something.
thread_local const Mutex* waiting = nullptr;

// Runs what waits with the lock given up meanwhile. Where Abseil waits by
// another of the functions here, only the outer one counts.
template <typename Call>
auto Waiting(Mutex* mutex, Call call) {
  if (waiting == mutex) return call();
  const Mutex* const before = std::exchange(waiting, mutex);
  __tsan_mutex_pre_unlock(mutex, 0);
  __tsan_mutex_post_unlock(mutex, 0);
  __tsan_mutex_pre_lock(mutex, 0);
  const auto result = call();
  __tsan_mutex_post_lock(mutex, 0, 0);
  waiting = before;
  return result;
}

}  // namespace

Mutex::~Mutex() {
  static auto* next = Next<void(Mutex*)>("_ZN", "5MutexD1Ev");
  next(this);
  __tsan_mutex_destroy(this, __tsan_mutex_not_static);
}

void Mutex::Lock() {
  static auto* next = Next<void(Mutex*)>("_ZN", "5Mutex4LockEv");
  Taking(this, 0, [&] { next(this); });
}

bool Mutex::TryLock() {
  static auto* next = Next<bool(Mutex*)>("_ZN", "5Mutex7TryLockEv");
  return Trying(this, 0, [&] { return next(this); });
}

void Mutex::Unlock() {
  static auto* next = Next<void(Mutex*)>("_ZN", "5Mutex6UnlockEv");
  GivingUp(this, 0, [&] { next(this); });
}

void Mutex::ReaderLock() {
  static auto* next = Next<void(Mutex*)>("_ZN", "5Mutex10ReaderLockEv");
  Taking(this, __tsan_mutex_read_lock, [&] { next(this); });
}

void Mutex::ReaderUnlock() {
  static auto* next = Next<void(Mutex*)>("_ZN", "5Mutex12ReaderUnlockEv");
  GivingUp(this, __tsan_mutex_read_lock, [&] { next(this); });
}

void Mutex::LockWhen(const Condition& condition) {
  static auto* next = Next<void(Mutex*, const Condition&)>(
      "_ZN", "5Mutex8LockWhenERKNS0_9ConditionE");
  Taking(this, 0, [&] { next(this, condition); });
}

void Mutex::Await(const Condition& condition) {
  static auto* next = Next<void(Mutex*, const Condition&)>(
      "_ZN", "5Mutex5AwaitERKNS0_9ConditionE");
  Waiting(this, [&] { return next(this, condition), true; });
}

bool Mutex::AwaitWithTimeout(const Condition& condition, Duration timeout) {
  static auto* next = Next<bool(Mutex*, const Condition&, Duration)>(
      "_ZN", "5Mutex16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE");
  return Waiting(this, [&] { return next(this, condition, timeout); });
}

bool Mutex::AwaitWithDeadline(const Condition& condition, Time deadline) {
  static auto* next = Next<bool(Mutex*, const Condition&, Time)>(
      "_ZN", "5Mutex17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE");
  return Waiting(this, [&] { return next(this, condition, deadline); });
}

void CondVar::Wait(Mutex* mutex) {
  static auto* next =
      Next<void(CondVar*, Mutex*)>("_ZN", "7CondVar4WaitEPNS0_5MutexE");
  Waiting(mutex, [&] { return next(this, mutex), true; });
}

bool CondVar::WaitWithTimeout(Mutex* mutex, Duration timeout) {
  static auto* next = Next<bool(CondVar*, Mutex*, Duration)>(
      "_ZN", "7CondVar15WaitWithTimeoutEPNS0_5MutexENS0_8DurationE");
  return Waiting(mutex, [&] { return next(this, mutex, timeout); });
}

bool CondVar::WaitWithDeadline(Mutex* mutex, Time deadline) {
  static auto* next = Next<bool(CondVar*, Mutex*, Time)>(
      "_ZN", "7CondVar16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE");
  return Waiting(mutex, [&] { return next(this, mutex, deadline); });
}

// A thread that comes after Notify() sees it without taking the lock.
void Notification::Notify() {
  static auto* next =
      Next<void(Notification*)>("_ZN", "12Notification6NotifyEv");
  __tsan_release(this);
  next(this);
}

void Notification::WaitForNotification() const {
  static auto* next = Next<void(const Notification*)>(
      "_ZNK", "12Notification19WaitForNotificationEv");
  next(this);
  __tsan_acquire(const_cast<Notification*>(this));
}

bool Notification::WaitForNotificationWithTimeout(Duration timeout) const {
  static auto* next = Next<bool(const Notification*, Duration)>(
      "_ZNK", "12Notification30WaitForNotificationWithTimeoutENS0_8DurationE");
  const bool notified = next(this, timeout);
  if (notified) __tsan_acquire(const_cast<Notification*>(this));
  return notified;
}

ABSL_NAMESPACE_END
}  // namespace absl

#endif  // ABSL_HAVE_THREAD_SANITIZER
