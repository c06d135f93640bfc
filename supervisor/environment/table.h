#ifndef ESPALIER_SUPERVISOR_ENVIRONMENT_TABLE_H_
#define ESPALIER_SUPERVISOR_ENVIRONMENT_TABLE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"

namespace espalier {

// Renders a table for people to read: a line of `headers`, then one line for
// each row, columns aligned, each line ended with '\n'. A row with fewer cells
// than there are headers is filled up with empty ones; cells beyond them are
// dropped. Control characters are shown as escapes.
//
// `width`, in columns: the terminal's; what does not fit is cut off, the last
// column first. Without it, for files and pipes, nothing is ever cut off.
std::string RenderTable(absl::Span<const std::string> headers,
                        absl::Span<const std::vector<std::string>> rows,
                        std::optional<int> width = std::nullopt);

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_ENVIRONMENT_TABLE_H_
