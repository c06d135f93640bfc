#include "supervisor/environment/table.h"

#include <libsmartcols/libsmartcols.h>
#include <locale.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "glog/logging.h"

namespace espalier {
namespace {

struct UnrefTable {
  void operator()(libscols_table* table) const { scols_unref_table(table); }
};

// While it lives, this thread's text is UTF-8 whatever the user's locale says:
// under a locale of single bytes libsmartcols would escape every letter that is
// not ASCII. What is not printable is still escaped. (Its switch for that must
// stay on: without it a byte that the locale does not know makes it loop for
// ever.)
class Utf8Scope {
 public:
  Utf8Scope() : utf8_(newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
    if (utf8_ != nullptr) previous_ = uselocale(utf8_);
  }
  ~Utf8Scope() {
    if (utf8_ == nullptr) return;
    uselocale(previous_);
    freelocale(utf8_);
  }
  Utf8Scope(const Utf8Scope&) = delete;
  Utf8Scope& operator=(const Utf8Scope&) = delete;

 private:
  const locale_t utf8_;
  locale_t previous_ = nullptr;
};

// Without the blanks that fill up the last column; each line ends with '\n'.
std::string TrimLines(absl::string_view text) {
  std::string trimmed;
  for (absl::string_view line :
       absl::StrSplit(absl::StripSuffix(text, "\n"), '\n')) {
    absl::StrAppend(&trimmed, absl::StripTrailingAsciiWhitespace(line), "\n");
  }
  return trimmed;
}

void AddColumns(libscols_table* table, absl::Span<const std::string> headers,
                bool cut) {
  for (const std::string& header : headers) {
    // With no demand for a width of its own.
    CHECK(scols_table_new_column(table, header.c_str(), 0,
                                 cut ? SCOLS_FL_TRUNC : 0) != nullptr);
  }
}

void AddRow(libscols_table* table, const std::vector<std::string>& row,
            size_t columns) {
  libscols_line* line = scols_table_new_line(table, nullptr);
  CHECK(line != nullptr);
  for (size_t i = 0; i < std::min(row.size(), columns); ++i) {
    CHECK_EQ(scols_line_set_data(line, i, row[i].c_str()), 0);
  }
}

}  // namespace

std::string RenderTable(absl::Span<const std::string> headers,
                        absl::Span<const std::vector<std::string>> rows,
                        std::optional<int> width) {
  if (headers.empty()) return "";
  // The library prints nothing of a table without rows.
  if (rows.empty()) return absl::StrCat(absl::StrJoin(headers, " "), "\n");
  const Utf8Scope utf8;
  std::unique_ptr<libscols_table, UnrefTable> table(scols_new_table());
  CHECK(table != nullptr) << "out of memory";
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
  std::string rendered = TrimLines(text != nullptr ? text : "");
  free(text);
  return rendered;
}

}  // namespace espalier
