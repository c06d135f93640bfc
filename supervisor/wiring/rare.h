#ifndef ESPALIER_SUPERVISOR_WIRING_RARE_H_
#define ESPALIER_SUPERVISOR_WIRING_RARE_H_

#include <concepts>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace espalier {

// A std::optional for what few have: without a value it takes no more room than
// a pointer. A copy has a value of its own.
template <typename T>
class Rare {
 public:
  Rare() = default;
  Rare(std::nullopt_t) {}
  Rare(T value) : value_(std::make_unique<T>(std::move(value))) {}
  // From what becomes one: a literal, for a string.
  template <typename U>
    requires(std::convertible_to<U, T> &&
             !std::same_as<std::remove_cvref_t<U>, T>)
  Rare(U&& value) : Rare(T(std::forward<U>(value))) {}
  Rare(std::optional<T> value) {
    if (value) value_ = std::make_unique<T>(*std::move(value));
  }
  Rare(const Rare& other)
      : value_(other ? std::make_unique<T>(*other) : nullptr) {}
  Rare(Rare&&) noexcept = default;
  Rare& operator=(Rare other) noexcept {
    value_ = std::move(other.value_);
    return *this;
  }
  ~Rare() = default;

  bool has_value() const { return value_ != nullptr; }
  explicit operator bool() const { return has_value(); }
  // There must be a value.
  T& operator*() { return *value_; }
  const T& operator*() const { return *value_; }
  T* operator->() { return value_.get(); }
  const T* operator->() const { return value_.get(); }

  std::optional<T> ToOptional() const {
    return value_ == nullptr ? std::nullopt : std::optional<T>(*value_);
  }

  friend bool operator==(const Rare& a, const Rare& b) {
    return a && b ? *a == *b : a.has_value() == b.has_value();
  }

 private:
  std::unique_ptr<T> value_;
};

// A string that is empty for most.
class RareString {
 public:
  RareString() = default;
  RareString(std::string value) {
    if (!value.empty()) value_ = std::move(value);
  }
  RareString(const char* value) : RareString(std::string(value)) {}

  bool empty() const { return !value_.has_value(); }
  // Valid until it is assigned to.
  const std::string& get() const {
    static const std::string* const kEmpty = new std::string();
    return value_ ? *value_ : *kEmpty;
  }
  operator const std::string&() const { return get(); }

  friend bool operator==(const RareString&, const RareString&) = default;

 private:
  Rare<std::string> value_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_WIRING_RARE_H_
