#ifndef ESPALIER_SUPERVISOR_WIRING_HANDLE_H_
#define ESPALIER_SUPERVISOR_WIRING_HANDLE_H_

#include <concepts>
#include <optional>
#include <ostream>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "supervisor/task/services_in.h"
#include "supervisor/wiring/endpoint.h"
#include "supervisor/wiring/for_each.h"
#include "supervisor/wiring/text.h"
#include "supervisor/wiring/type_name.h"

namespace espalier {

// The line that makes a struct a handle. It comes last, and names all members
// in the order of their declaration:
//
//   struct Gateway {
//     HttpUrl url;
//     ESPALIER_HANDLE(Gateway, url);
//   };
//
// From it come comparison, printing (`Gateway{url: http://127.0.0.1:4000}`),
// JSON, and being found by other programs with Attach(). A member is an
// endpoint, a Path, a Secret, a string, a number, a bool, another handle, or a
// std::optional, std::vector or std::variant of these. A handle must not have a
// default constructor, so at least one member is an endpoint or another handle.
//
// What is wrong with the line does not compile: a member that is left out, is
// in another order, or has a type that does not travel. FromHandleData() is a
// template so that only who reads handles back pays for compiling it. The names
// in it and in ToHandleData() begin with espalier_: members may have any other.
#define ESPALIER_HANDLE(Type, ...)                                             \
  [[maybe_unused]] friend bool operator==(const Type&, const Type&) = default; \
  [[maybe_unused]] friend std::ostream& operator<<(std::ostream& out,          \
                                                   const Type& handle) {       \
    return out << handle.ToHandleData();                                       \
  }                                                                            \
  ::espalier::HandleData ToHandleData() const {                                \
    static_assert(!std::is_default_constructible_v<Type>,                      \
                  "a handle cannot be made up: it needs an endpoint or "       \
                  "another handle among its members");                         \
    using EspalierSelf = Type;                                                 \
    const auto& [__VA_ARGS__] = *this;                                         \
    (void)sizeof(Type{ESPALIER_FOR_EACH(ESPALIER_HANDLE_ORDER, __VA_ARGS__)}); \
    ::espalier::HandleData espalier_data{.type =                               \
                                             ::espalier::TypeName<Type>()};    \
    ESPALIER_FOR_EACH(ESPALIER_HANDLE_WRITE, __VA_ARGS__)                      \
    return espalier_data;                                                      \
  }                                                                            \
  template <typename EspalierSelf = Type>                                      \
  static std::optional<EspalierSelf> FromHandleData(                           \
      const ::espalier::HandleReader& espalier_reader) {                       \
    ESPALIER_FOR_EACH(ESPALIER_HANDLE_READ, __VA_ARGS__)                       \
    if (!espalier_reader.ok()) return std::nullopt;                            \
    return EspalierSelf{ESPALIER_FOR_EACH(ESPALIER_HANDLE_INIT, __VA_ARGS__)}; \
  }                                                                            \
  template <typename Visitor>                                                  \
  static constexpr void VisitMembers(Visitor visit) {                          \
    using EspalierSelf = Type;                                                 \
    ESPALIER_FOR_EACH(ESPALIER_HANDLE_VISIT, __VA_ARGS__)                      \
  }                                                                            \
  static_assert(true)  // so that a semicolon follows

#define ESPALIER_HANDLE_ORDER(field) \
  .field = std::declval<decltype(EspalierSelf::field)>(),
#define ESPALIER_HANDLE_WRITE(field) \
  ::espalier::AddField(espalier_data, #field, field);
#define ESPALIER_HANDLE_READ(field) \
  auto field =                      \
      espalier_reader.template Read<decltype(EspalierSelf::field)>(#field);
#define ESPALIER_HANDLE_INIT(field) .field = *std::move(field),
#define ESPALIER_HANDLE_VISIT(field) \
  visit(#field, std::type_identity<decltype(EspalierSelf::field)>());

// A handle, or a part of one, as plain data.
struct HandleData {
  // Of the member; empty for a handle as a whole.
  std::string name = {};
  // "Links<Http2Url>", "Http2Url", "Secret", "string", "number", "bool",
  // "list"; empty for a std::optional without value.
  std::string type = {};
  // What has no fields that matter to a person, as a person reads it:
  // "http://127.0.0.1:4000". Never the value of a secret.
  std::string text = {};
  std::vector<HandleData> fields = {};

  // Null if there is none of that name.
  const HandleData* Find(absl::string_view field) const;
  // Whether it is one endpoint, with the parts of its address as fields.
  bool IsEndpoint() const;

  friend bool operator==(const HandleData&, const HandleData&) = default;
  // "Gateway{url: http://127.0.0.1:4000}"
  friend std::ostream& operator<<(std::ostream& out, const HandleData& data);
};

// What ESPALIER_HANDLE makes of a struct.
template <typename T>
concept Handle = requires(const T& handle) {
  { handle.ToHandleData() } -> std::same_as<HandleData>;
};

// Reads the fields of a handle; notes the first thing that is wrong.
class HandleReader {
 public:
  // `data` and `error` must outlive the reader; `where` is for errors: "links".
  HandleReader(const HandleData* data, std::string where, std::string* error)
      : data_(data), where_(std::move(where)), error_(error) {}

  bool ok() const { return error_->empty(); }

  // The field of that name; nothing, and an error, if it is missing or not a T.
  template <typename T>
  std::optional<T> Read(const char* name) const;

 private:
  template <typename T>
  friend struct FieldCodec;

  HandleReader Field(const char* name) const;
  bool Says(absl::string_view type) const {
    return data_ != nullptr && data_->type == type;
  }
  // Whether it is of that type; an error otherwise.
  bool Is(absl::string_view type) const;
  std::string TextOf(absl::string_view field) const;
  std::optional<long long> Number() const;
  void Fail(absl::string_view what) const;

  // Null: it is missing.
  const HandleData* data_;
  std::string where_;
  std::string* error_;
};

template <typename T>
constexpr bool kTravels = false;

// How one type of member becomes data, and is read from it. A type without one
// of its own cannot be a member of a handle.
template <typename T>
struct FieldCodec {
  static_assert(kTravels<T>,
                "a member of a handle is an Endpoint, a Path, a Secret, a "
                "std::string, an integer, a bool, another handle, or a "
                "std::optional, std::vector or std::variant of these");
  // Declared, so that this is the only error.
  static HandleData Write(const T& value);
  static std::optional<T> Read(const HandleReader& reader);
};

template <typename T>
void AddField(HandleData& data, const char* name, const T& value) {
  data.fields.push_back(FieldCodec<T>::Write(value));
  data.fields.back().name = name;
}

template <typename T>
std::optional<T> HandleReader::Read(const char* name) const {
  return FieldCodec<T>::Read(Field(name));
}

// Adds the paths of the services whose endpoints are in `data`.
void AddServices(const HandleData& data, std::vector<std::string>& services);

// Implementation details from here on.

template <std::derived_from<Endpoint> E>
struct ServicesIn<E> {
  static void Add(const E& endpoint, std::vector<std::string>& services) {
    services.push_back(endpoint.service());
  }
};

template <Handle H>
struct ServicesIn<H> {
  static void Add(const H& handle, std::vector<std::string>& services) {
    AddServices(handle.ToHandleData(), services);
  }
};

struct EndpointCodec {
  static HandleData Write(std::string type, const Endpoint& endpoint);
};

template <std::derived_from<Endpoint> E>
struct FieldCodec<E> {
  static HandleData Write(const E& endpoint) {
    return EndpointCodec::Write(TypeName<E>(), endpoint);
  }
  static std::optional<E> Read(const HandleReader& reader) {
    if (!reader.Is(TypeName<E>())) return std::nullopt;
    return EndpointAccess::Make<E>(
        {.service = reader.TextOf("service"),
         .name = reader.TextOf("name"),
         .host = reader.TextOf("host"),
         .port = reader.TextOf("port"),
         .path = reader.TextOf("path"),
         .proxied = !reader.TextOf("proxied").empty()});
  }
};

template <Handle H>
struct FieldCodec<H> {
  static HandleData Write(const H& handle) { return handle.ToHandleData(); }
  static std::optional<H> Read(const HandleReader& reader) {
    if (!reader.Is(TypeName<H>())) return std::nullopt;
    return H::FromHandleData(reader);
  }
};

template <>
struct FieldCodec<std::string> {
  static HandleData Write(const std::string& text) {
    return {.type = "string", .text = text};
  }
  static std::optional<std::string> Read(const HandleReader& reader) {
    if (!reader.Is("string")) return std::nullopt;
    return reader.data_->text;
  }
};

template <>
struct FieldCodec<bool> {
  static HandleData Write(bool value) {
    return {.type = "bool", .text = value ? "true" : "false"};
  }
  static std::optional<bool> Read(const HandleReader& reader) {
    if (!reader.Is("bool")) return std::nullopt;
    return reader.data_->text == "true";
  }
};

template <std::integral T>
struct FieldCodec<T> {
  static HandleData Write(T number) {
    return {.type = "number", .text = std::to_string(number)};
  }
  static std::optional<T> Read(const HandleReader& reader) {
    const std::optional<long long> number = reader.Number();
    if (!number.has_value()) return std::nullopt;
    if (std::in_range<T>(*number)) return static_cast<T>(*number);
    reader.Fail("is out of range");
    return std::nullopt;
  }
};

template <>
struct FieldCodec<Path> {
  static HandleData Write(const Path& path);
  static std::optional<Path> Read(const HandleReader& reader);
};

template <>
struct FieldCodec<Secret> {
  static HandleData Write(const Secret& secret);
  static std::optional<Secret> Read(const HandleReader& reader);
};

template <typename T>
struct FieldCodec<std::optional<T>> {
  static HandleData Write(const std::optional<T>& value) {
    return value.has_value() ? FieldCodec<T>::Write(*value) : HandleData();
  }
  static std::optional<std::optional<T>> Read(const HandleReader& reader) {
    if (reader.data_ != nullptr && reader.data_->type.empty()) {
      return std::optional<T>();
    }
    std::optional<T> value = FieldCodec<T>::Read(reader);
    if (!value.has_value()) return std::nullopt;
    return value;
  }
};

template <typename T>
struct FieldCodec<std::vector<T>> {
  static HandleData Write(const std::vector<T>& values) {
    HandleData data{.type = "list"};
    for (const T& value : values) {
      AddField(data, std::to_string(data.fields.size()).c_str(), value);
    }
    return data;
  }
  static std::optional<std::vector<T>> Read(const HandleReader& reader) {
    if (!reader.Is("list")) return std::nullopt;
    std::vector<T> values;
    for (const HandleData& field : reader.data_->fields) {
      std::optional<T> value = reader.Read<T>(field.name.c_str());
      if (!value.has_value()) return std::nullopt;
      values.push_back(*std::move(value));
    }
    return values;
  }
};

// As the one which it holds.
template <typename... T>
struct FieldCodec<std::variant<T...>> {
  using Variant = std::variant<T...>;
  static HandleData Write(const Variant& value) {
    return std::visit(
        [](const auto& held) {
          return FieldCodec<std::remove_cvref_t<decltype(held)>>::Write(held);
        },
        value);
  }
  static std::optional<Variant> Read(const HandleReader& reader) {
    std::optional<Variant> value;
    ((reader.Says(TypeName<T>()) && Put(FieldCodec<T>::Read(reader), value)) ||
     ...);
    // Says what it is, and the first that it could have been.
    if (!value.has_value() && reader.ok())
      reader.Is(TypeName<std::variant_alternative_t<0, Variant>>());
    return value;
  }

 private:
  template <typename Held>
  static bool Put(std::optional<Held> held, std::optional<Variant>& value) {
    if (held.has_value()) value.emplace(*std::move(held));
    return true;
  }
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_WIRING_HANDLE_H_
