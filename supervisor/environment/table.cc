#include "supervisor/environment/table.h"

#include <libsmartcols/libsmartcols.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "glog/logging.h"

namespace espalier {
namespace {

struct UnrefTable {
  void operator()(libscols_table* table) const { scols_unref_table(table); }
};

// With control characters made visible. libsmartcols would do that too, but it
// would do it to all of UTF-8 in a program that has not set its locale.
std::string Printable(const std::string& text) {
  std::string printable;
  for (char c : text) {
    if (!absl::ascii_iscntrl(c)) {
      printable += c;
    } else {
      static constexpr char kDigits[] = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(c);
      printable += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return printable;
}

void AddColumns(libscols_table* table, absl::Span<const std::string> headers,
                bool cut) {
  for (const std::string& header : headers) {
    // With no demand for a width of its own.
    CHECK(scols_table_new_column(table, Printable(header).c_str(), 0,
                                 cut ? SCOLS_FL_TRUNC : 0) != nullptr);
  }
}

void AddRow(libscols_table* table, const std::vector<std::string>& row,
            size_t columns) {
  libscols_line* line = scols_table_new_line(table, nullptr);
  CHECK(line != nullptr);
  for (size_t i = 0; i < std::min(row.size(), columns); ++i) {
    CHECK_EQ(scols_line_set_data(line, i, Printable(row[i]).c_str()), 0);
  }
}

}  // namespace

std::string RenderTable(absl::Span<const std::string> headers,
                        absl::Span<const std::vector<std::string>> rows,
                        std::optional<int> width) {
  if (headers.empty()) return "";
  // The library prints nothing of a table without rows.
  if (rows.empty()) return absl::StrCat(absl::StrJoin(headers, " "), "\n");
  std::unique_ptr<libscols_table, UnrefTable> table(scols_new_table());
  CHECK(table != nullptr) << "out of memory";
  scols_table_enable_noencoding(table.get(), 1);
  scols_table_set_termforce(table.get(), width.has_value()
                                             ? SCOLS_TERMFORCE_ALWAYS
                                             : SCOLS_TERMFORCE_NEVER);
  if (width.has_value()) scols_table_set_termwidth(table.get(), *width);
  AddColumns(table.get(), headers, width.has_value());
  for (const std::vector<std::string>& row : rows) {
    AddRow(table.get(), row, headers.size());
  }
  char* text = nullptr;
  CHECK_EQ(scols_print_table_to_string(table.get(), &text), 0);
  std::string rendered = text != nullptr ? text : "";
  free(text);
  if (!rendered.empty() && rendered.back() != '\n') rendered += '\n';
  return rendered;
}

}  // namespace espalier
