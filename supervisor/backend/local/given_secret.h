#ifndef ESPALIER_SUPERVISOR_BACKEND_LOCAL_GIVEN_SECRET_H_
#define ESPALIER_SUPERVISOR_BACKEND_LOCAL_GIVEN_SECRET_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace espalier {

// The value of a secret that a person gives, by where it is: "file:PATH" or
// "variable:NAME"; see Secret. Errors, for that person, say which, and never
// what it holds: InvalidArgument for a file that others may open, and for a
// secret that is empty, has more than 64 KiB or a control character in it.
absl::StatusOr<std::string> ReadGivenSecret(absl::string_view where);

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_BACKEND_LOCAL_GIVEN_SECRET_H_
