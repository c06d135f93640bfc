#include "supervisor/journal/journal_reader.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "supervisor/journal/journal_file.h"

namespace espalier {

absl::StatusOr<JournalReader> JournalReader::Open(const std::string& path) {
  // The newer file first: if it is rotated meanwhile, it is read twice, which
  // the revisions show, and only what came after that is not seen.
  absl::StatusOr<std::string> newer = ReadJournalFile(path);
  absl::StatusOr<std::string> older = ReadJournalFile(absl::StrCat(path, ".1"));
  for (const auto* file : {&newer, &older}) {
    if (!file->ok() && !absl::IsNotFound(file->status())) {
      return file->status();
    }
  }
  if (!newer.ok() && !older.ok()) return newer.status();
  JournalReader reader;
  for (auto* file : {&older, &newer}) {
    if (!file->ok()) continue;
    reader.files_.push_back(std::make_unique<File>(**std::move(file)));
  }
  return reader;
}

std::optional<journal::v1::Event> JournalReader::Next() {
  for (; file_ < files_.size(); ++file_) {
    while (const auto body = files_[file_]->scanner.Next()) {
      journal::v1::Event event;
      if (!event.ParseFromArray(body->data(), static_cast<int>(body->size()))) {
        ++no_events_;
        continue;
      }
      if (event.revision() <= revision_) continue;
      revision_ = event.revision();
      return event;
    }
  }
  return std::nullopt;
}

int64_t JournalReader::damaged() const {
  int64_t damaged = no_events_;
  for (const auto& file : files_) {
    damaged += static_cast<int64_t>(file->scanner.damaged());
  }
  return damaged;
}

}  // namespace espalier
