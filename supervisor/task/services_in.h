#ifndef ESPALIER_SUPERVISOR_TASK_SERVICES_IN_H_
#define ESPALIER_SUPERVISOR_TASK_SERVICES_IN_H_

#include <optional>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

namespace espalier {

// The paths of the services that a value stands for: an endpoint's, a handle's
// (the wiring specialises this for both). What a task is given must be used in
// it; see PromiseBase::RecordGiven.
template <typename T>
struct ServicesIn {
  static void Add(const T&, std::vector<std::string>&) {}
};

template <typename T>
struct ServicesIn<std::optional<T>> {
  static void Add(const std::optional<T>& value,
                  std::vector<std::string>& services) {
    if (value.has_value()) ServicesIn<T>::Add(*value, services);
  }
};

template <typename T>
struct ServicesIn<std::vector<T>> {
  static void Add(const std::vector<T>& values,
                  std::vector<std::string>& services) {
    for (const T& value : values) ServicesIn<T>::Add(value, services);
  }
};

template <typename... T>
struct ServicesIn<std::variant<T...>> {
  static void Add(const std::variant<T...>& value,
                  std::vector<std::string>& services) {
    std::visit(
        [&](const auto& held) {
          ServicesIn<std::remove_cvref_t<decltype(held)>>::Add(held, services);
        },
        value);
  }
};

template <typename T>
std::vector<std::string> ServicesOf(const T& value) {
  std::vector<std::string> services;
  ServicesIn<T>::Add(value, services);
  return services;
}

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_TASK_SERVICES_IN_H_
