// The bytes of the keeper's protocol: integers, strings, lists, optional
// values. See protocol.h for the format.
#ifndef SUPERVISOR_KEEPER_WIRE_H_
#define SUPERVISOR_KEEPER_WIRE_H_

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace espalier::keeper {

// Where bytes go: a string, or nowhere when only their number is asked for.
class WireWriter {
 public:
  // `out` may be null. It must outlive the writer.
  explicit WireWriter(std::string* out) : out_(out) {}

  size_t size() const { return size_; }

  void Bytes(const void* data, size_t n) {
    size_ += n;
    if (out_ != nullptr) out_->append(static_cast<const char*>(data), n);
  }

  template <typename T>
    requires(std::is_arithmetic_v<T> || std::is_enum_v<T>)
  void operator()(const T& value) {
    Bytes(&value, sizeof value);
  }
  void operator()(const std::string& value) {
    (*this)(static_cast<uint32_t>(value.size()));
    Bytes(value.data(), value.size());
  }
  template <typename T>
  void operator()(const std::vector<T>& list) {
    (*this)(static_cast<uint32_t>(list.size()));
    for (const T& item : list) (*this)(item);
  }
  template <typename T>
  void operator()(const std::optional<T>& value) {
    (*this)(value.has_value());
    if (value.has_value()) (*this)(*value);
  }
  // A struct is its fields, in order: see VisitFields in protocol.cc.
  template <typename T>
    requires requires(const T& t, WireWriter& w) { VisitFields(t, w); }
  void operator()(const T& value) {
    VisitFields(value, *this);
  }

 private:
  std::string* out_;
  size_t size_ = 0;
};

// Reads what WireWriter wrote, from bytes nobody vouches for. After the first
// thing that does not fit everything reads as empty, and ok() is false.
class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : bytes_(bytes) {}

  bool ok() const { return ok_; }
  // True if all was understood and nothing is left over.
  bool Done() const { return ok_ && bytes_.empty(); }

  template <typename T>
    requires std::is_arithmetic_v<T>
  void operator()(T& value) {
    std::string_view bytes = Take(sizeof value);
    if (!ok_) return;
    if constexpr (std::is_same_v<T, bool>) {
      // Any other byte in a bool would be undefined behaviour.
      if (static_cast<unsigned char>(bytes[0]) > 1) return Fail();
      value = bytes[0] != 0;
    } else {
      std::memcpy(&value, bytes.data(), sizeof value);
    }
  }
  template <typename T>
    requires std::is_enum_v<T>
  void operator()(T& value) {
    std::underlying_type_t<T> number{};
    (*this)(number);
    value = static_cast<T>(number);
  }
  void operator()(std::string& value) {
    uint32_t size = 0;
    (*this)(size);
    value = Take(size);
  }
  template <typename T>
  void operator()(std::vector<T>& list) {
    uint32_t count = 0;
    (*this)(count);
    list.clear();
    // Grows as items are found, not by what the count promises.
    for (uint32_t i = 0; i < count && ok_; ++i) (*this)(list.emplace_back());
  }
  template <typename T>
  void operator()(std::optional<T>& value) {
    bool has_value = false;
    (*this)(has_value);
    value.reset();
    if (has_value && ok_) (*this)(value.emplace());
  }
  template <typename T>
    requires requires(T& t, WireReader& r) { VisitFields(t, r); }
  void operator()(T& value) {
    VisitFields(value, *this);
  }

 private:
  void Fail() {
    ok_ = false;
    bytes_ = {};
  }
  std::string_view Take(size_t n) {
    if (n > bytes_.size()) {
      Fail();
      return {};
    }
    std::string_view taken = bytes_.substr(0, n);
    bytes_.remove_prefix(n);
    return taken;
  }

  std::string_view bytes_;
  bool ok_ = true;
};

}  // namespace espalier::keeper

#endif  // SUPERVISOR_KEEPER_WIRE_H_
