#include "supervisor/wiring/type_name.h"

namespace espalier {
namespace internal_type_name {

std::string TypeIn(std::string_view function) {
  constexpr std::string_view kBefore = "T = ";
  const size_t begin = function.find(kBefore) + kBefore.size();
  // g++ goes on with the names of other types after a semicolon.
  const size_t end = function.find_first_of(";]", begin);
  std::string name(function.substr(begin, end - begin));
  for (const std::string_view scope :
       {"espalier::", "(anonymous namespace)::", "{anonymous}::"}) {
    for (size_t at; (at = name.find(scope)) != std::string::npos;) {
      name.erase(at, scope.size());
    }
  }
  return name;
}

}  // namespace internal_type_name
}  // namespace espalier
