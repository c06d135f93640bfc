#ifndef ESPALIER_SUPERVISOR_WIRING_TYPE_NAME_H_
#define ESPALIER_SUPERVISOR_WIRING_TYPE_NAME_H_

#include <string>
#include <string_view>

namespace espalier {
namespace internal_type_name {

// "… [T = espalier::Links<espalier::Http2Url>]" from clang; from g++ the same
// with "with T".
template <typename T>
constexpr std::string_view Function() {
  return __PRETTY_FUNCTION__;
}

// The type in what Function() says, without this project's own namespace and
// unnamed ones.
std::string TypeIn(std::string_view function);

}  // namespace internal_type_name

// The name of a type as a person writes it: "Links<Http2Url>". The same in all
// programs that one compiler has built.
template <typename T>
std::string TypeName() {
  return internal_type_name::TypeIn(internal_type_name::Function<T>());
}

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_WIRING_TYPE_NAME_H_
