#include "supervisor/journal/record.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/journal/crc32c.h"

namespace espalier {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::IsEmpty;

struct Scanned {
  std::vector<std::string> bodies;
  size_t damaged = 0;
  size_t end = 0;
  size_t torn = 0;
};

Scanned Scan(const std::string& file) {
  RecordScanner scanner(file);
  Scanned scanned;
  while (const auto body = scanner.Next()) scanned.bodies.emplace_back(*body);
  EXPECT_EQ(scanner.Next(), std::nullopt);
  scanned.damaged = scanner.damaged();
  scanned.end = scanner.end();
  scanned.torn = scanner.torn();
  EXPECT_EQ(scanned.end + scanned.torn, file.size());
  return scanned;
}

// Of different lengths, also such that a length's bits flipped give another.
const std::vector<std::string>& Bodies() {
  static const auto* const bodies = new std::vector<std::string>{
      "a", std::string(300, 'b'), "READY", std::string(64, '\0'),
      "\xFF\x4A\x31\xFE nearly a record"};
  return *bodies;
}

// The file, and where each record ends.
std::string MakeFile(std::vector<size_t>* ends = nullptr) {
  std::string file(kJournalHeader);
  for (const std::string& body : Bodies()) {
    AppendRecord(body, file);
    if (ends != nullptr) ends->push_back(file.size());
  }
  return file;
}

TEST(Crc32cTest, IsThatOfRfc3720) {
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8A9136AAu);
  EXPECT_EQ(Crc32c(std::string(32, '\xFF')), 0x62A8AB43u);
  EXPECT_EQ(Crc32c("123456789"), 0xE3069283u);
  EXPECT_EQ(Crc32c("6789", Crc32c("12345")), 0xE3069283u);
}

TEST(RecordTest, ReadsWhatWasWritten) {
  const Scanned scanned = Scan(MakeFile());
  EXPECT_THAT(scanned.bodies, ElementsAreArray(Bodies()));
  EXPECT_EQ(scanned.damaged, 0u);
  EXPECT_EQ(scanned.torn, 0u);
}

TEST(RecordTest, TakesTheLargestBody) {
  std::string file(kJournalHeader);
  const std::string body(kMaxRecordBody, 'x');
  AppendRecord(body, file);
  EXPECT_THAT(Scan(file).bodies, ElementsAre(body));
  EXPECT_DEATH(AppendRecord(body + "x", file), "65537");
  EXPECT_DEATH(AppendRecord("", file), "0");
}

TEST(RecordTest, AFileCutAnywhereHasAllRecordsBeforeThat) {
  std::vector<size_t> ends;
  const std::string file = MakeFile(&ends);
  for (size_t size = 0; size <= file.size(); ++size) {
    const Scanned scanned = Scan(file.substr(0, size));
    std::vector<std::string> whole;
    size_t end = size < kJournalHeader.size() ? 0 : kJournalHeader.size();
    for (size_t i = 0; i < ends.size() && ends[i] <= size; ++i) {
      whole.push_back(Bodies()[i]);
      end = ends[i];
    }
    EXPECT_THAT(scanned.bodies, ElementsAreArray(whole)) << size;
    EXPECT_EQ(scanned.damaged, 0u) << size;
    EXPECT_EQ(scanned.end, end) << size;
  }
}

TEST(RecordTest, AfterTheTornEndIsCutRecordsCanBeAppended) {
  const std::string file = MakeFile();
  for (size_t size = kJournalHeader.size(); size < file.size(); ++size) {
    std::string cut = file.substr(0, size);
    const Scanned before = Scan(cut);
    cut.resize(before.end);
    AppendRecord("next", cut);
    std::vector<std::string> expected = before.bodies;
    expected.push_back("next");
    const Scanned after = Scan(cut);
    EXPECT_THAT(after.bodies, ElementsAreArray(expected)) << size;
    EXPECT_EQ(after.damaged + after.torn, 0u) << size;
  }
}

TEST(RecordTest, AFlippedBitCostsItsRecordAndNoOther) {
  std::vector<size_t> ends;
  const std::string file = MakeFile(&ends);
  for (size_t bit = 0; bit < 8 * file.size(); ++bit) {
    std::string flipped = file;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    const Scanned scanned = Scan(flipped);
    std::vector<std::string> others;
    for (size_t i = 0; i < ends.size(); ++i) {
      const size_t begin = i == 0 ? kJournalHeader.size() : ends[i - 1];
      if (bit / 8 < begin || bit / 8 >= ends[i]) others.push_back(Bodies()[i]);
    }
    ASSERT_THAT(scanned.bodies, ElementsAreArray(others)) << bit;
    // A last record that claims to be longer looks torn.
    EXPECT_EQ(scanned.damaged + (scanned.torn > 0 ? 1 : 0), 1u) << bit;
  }
}

TEST(RecordTest, ARecordInTheTextOfADamagedOneIsFoundOnlyIfItIsBinary) {
  // What a service may say gets into a body as UTF-8, in which FF and FE become
  // something else.
  std::string inner;
  AppendRecord("feigned", inner);
  std::string escaped;
  for (const char byte : inner) {
    escaped += static_cast<uint8_t>(byte) < 0x80 ? std::string(1, byte)
                                                 : "\xEF\xBF\xBD";
  }
  std::string file(kJournalHeader);
  AppendRecord(absl::StrCat("said: ", escaped), file);
  AppendRecord("true", file);
  file[kJournalHeader.size()] = 'x';
  EXPECT_THAT(Scan(file).bodies, ElementsAre("true"));
}

TEST(RecordTest, WhatIsNoJournalHasNoRecords) {
  EXPECT_THAT(Scan("").bodies, IsEmpty());
  const Scanned scanned = Scan(std::string(1000, 'x'));
  EXPECT_THAT(scanned.bodies, IsEmpty());
  EXPECT_EQ(scanned.damaged, 1u);
  EXPECT_EQ(scanned.torn, 0u);
}

}  // namespace
}  // namespace espalier
