#include "supervisor/journal/event_log.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/journal/journal_reader.h"
#include "supervisor/journal/record.h"

namespace espalier {
namespace {

using journal::v1::Event;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Event Move(const std::string& service, const std::string& detail = "") {
  Event event;
  event.mutable_transition()->set_service(service);
  event.mutable_transition()->set_detail(detail);
  return event;
}

// "3 links"
std::string Show(const Event& event) {
  return absl::StrCat(event.revision(), " ", event.transition().service());
}

class EventLogTest : public testing::Test {
 protected:
  EventLogTest() { EXPECT_NE(mkdtemp(directory_.data()), nullptr); }
  ~EventLogTest() override { std::filesystem::remove_all(directory_); }

  std::unique_ptr<EventLog> Open(EventLog::Options options = {}) {
    options.path = path();
    options.on_trouble = [this](const absl::Status& status) {
      troubles_.emplace_back(status.message());
    };
    return std::make_unique<EventLog>(std::move(options));
  }
  static void Add(EventLog& log, const std::string& service,
                  const std::string& detail = "") {
    log.Add(Move(service, detail), absl::FromUnixSeconds(1'000'000),
            absl::Seconds(5));
    log.Flush();
  }
  std::vector<std::string> ReadAll() {
    std::vector<std::string> all;
    absl::StatusOr<JournalReader> reader = JournalReader::Open(path());
    if (!reader.ok()) return {reader.status().ToString()};
    while (const auto event = reader->Next()) all.push_back(Show(*event));
    damaged_ = reader->damaged();
    return all;
  }
  std::vector<std::string> After(const EventLog& log, int64_t revision,
                                 size_t max = 100) {
    std::vector<std::string> all;
    for (const Event& event : log.After(revision, max)) {
      all.push_back(Show(event));
    }
    return all;
  }

  std::string path() const { return directory_ + "/journal"; }
  std::string Bytes() const {
    std::ifstream file(path(), std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }
  void Overwrite(const std::string& bytes) const {
    std::ofstream(path(), std::ios::binary | std::ios::trunc) << bytes;
  }

  std::string directory_ = "/tmp/event_log_XXXXXX";
  std::vector<std::string> troubles_;
  int64_t damaged_ = 0;
};

TEST_F(EventLogTest, GoesOnWithItsNumbersInTheNextRun) {
  {
    const auto log = Open();
    Add(*log, "links");
    Add(*log, "gateway");
    EXPECT_EQ(log->revision(), 2);
  }
  const auto log = Open();
  EXPECT_EQ(log->revision(), 2);
  EXPECT_EQ(log->floor(), 2);
  Add(*log, "links");
  EXPECT_THAT(ReadAll(), ElementsAre("1 links", "2 gateway", "3 links"));
  EXPECT_THAT(After(*log, 2), ElementsAre("3 links"));
  EXPECT_THAT(troubles_, IsEmpty());
  EXPECT_EQ(Bytes().substr(0, kJournalHeader.size()), kJournalHeader);
  EXPECT_EQ(
      std::filesystem::status(path()).permissions(),
      std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(EventLogTest, EventsHaveTheirTimes) {
  const auto log = Open();
  Add(*log, "links");
  const Event event = log->After(0, 1).front();
  EXPECT_EQ(event.time_us(), 1'000'000'000'000);
  EXPECT_EQ(event.monotonic_us(), 5'000'000);
}

TEST_F(EventLogTest, TellsOfABatchOnce) {
  const auto log = Open();
  int told = 0;
  log->SetListener([&] { ++told; });
  log->Add(Move("a"), {}, {});
  log->Add(Move("b"), {}, {});
  EXPECT_EQ(log->revision(), 0) << "not before it is written";
  EXPECT_THAT(After(*log, 0), IsEmpty());
  log->Flush();
  log->Flush();
  EXPECT_EQ(told, 1);
  EXPECT_THAT(After(*log, 0, 1), ElementsAre("1 a"));
  EXPECT_THAT(After(*log, 1), ElementsAre("2 b"));
}

TEST_F(EventLogTest, KeepsNoMoreAtHandThanItMay) {
  const auto log = Open({.max_recent = 2});
  for (const char* name : {"a", "b", "c", "d"}) Add(*log, name);
  EXPECT_EQ(log->floor(), 2);
  EXPECT_THAT(After(*log, 2), ElementsAre("3 c", "4 d"));
  EXPECT_THAT(ReadAll(), ElementsAre("1 a", "2 b", "3 c", "4 d"));
}

TEST_F(EventLogTest, ATornEndIsCutAndContinued) {
  Add(*Open(), "links");
  const std::string one = Bytes();
  Add(*Open(), "gateway");
  const std::string two = Bytes();
  for (size_t size = one.size(); size < two.size(); ++size) {
    Overwrite(two.substr(0, size));
    const auto log = Open();
    EXPECT_EQ(log->revision(), 1) << size;
    Add(*log, "again");
    ASSERT_THAT(ReadAll(), ElementsAre("1 links", "2 again")) << size;
    EXPECT_EQ(damaged_, 0) << size;
  }
  EXPECT_THAT(troubles_, IsEmpty());
}

TEST_F(EventLogTest, AFlippedBitCostsOneEvent) {
  for (const char* name : {"a", "b", "c"}) Add(*Open(), name);
  std::string bytes = Bytes();
  bytes[bytes.find("b", kJournalHeader.size())] ^= 4;
  Overwrite(bytes);
  EXPECT_THAT(ReadAll(), ElementsAre("1 a", "3 c"));
  EXPECT_EQ(damaged_, 1);
  const auto log = Open();
  EXPECT_EQ(log->damaged(), 1u);
  Add(*log, "d");
  EXPECT_THAT(ReadAll(), ElementsAre("1 a", "3 c", "4 d"));
}

TEST_F(EventLogTest, IsBounded) {
  const auto log = Open({.max_file_bytes = 2000, .max_recent = 10});
  for (int i = 0; i < 1000; ++i) Add(*log, "links", std::string(50, 'x'));
  EXPECT_LE(std::filesystem::file_size(path()), 2000u);
  EXPECT_LE(std::filesystem::file_size(path() + ".1"), 2000u);
  const std::vector<std::string> all = ReadAll();
  EXPECT_GT(all.size(), 10u) << "and the older file is read as well";
  EXPECT_EQ(all.back(), "1000 links");
  EXPECT_EQ(damaged_, 0);
  // Right after a rotation the numbers are those of the older file.
  std::filesystem::remove(path());
  EXPECT_GT(Open()->revision(), 900);
}

TEST_F(EventLogTest, ABatchLargerThanTheFileIsTakenAll) {
  const auto log = Open({.max_file_bytes = 100});
  for (const char* name : {"a", "b", "c"}) {
    log->Add(Move(name, std::string(80, 'x')), {}, {});
  }
  log->Flush();
  EXPECT_THAT(ReadAll(), ElementsAre("1 a", "2 b", "3 c"));
}

// A file that must not grow beyond a limit is, for whoever writes it, a full
// disk that has room again when the limit is gone.
class FullDisk {
 public:
  explicit FullDisk(rlim_t limit) {
    std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit full = before_;
    full.rlim_cur = limit;
    EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &full), 0);
  }
  ~FullDisk() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_ = {};
};

// F65.
TEST_F(EventLogTest, F65AFullDiskLosesEventsAndSaysSo) {
  const auto log = Open();
  Add(*log, "a");
  {
    // In the middle of the next record.
    const FullDisk full(Bytes().size() + 20);
    Add(*log, "b");
    Add(*log, "c");
  }
  EXPECT_THAT(troubles_, ElementsAre(HasSubstr("cannot write the journal")));
  EXPECT_THAT(troubles_[0], HasSubstr(path()));
  EXPECT_THAT(After(*log, 0), ElementsAre("1 a", "2 b", "3 c"))
      << "whoever follows is told";
  EXPECT_THAT(ReadAll(), ElementsAre("1 a"));
  Add(*log, "d");
  EXPECT_THAT(troubles_, ElementsAre(testing::_, "")) << "it works again";
  EXPECT_THAT(ReadAll(), ElementsAre("1 a", "4 d")) << "the gap shows";
  EXPECT_EQ(damaged_, 0);
}

TEST_F(EventLogTest, F65AFullDiskFromTheStart) {
  std::unique_ptr<EventLog> log;
  {
    const FullDisk full(0);
    log = Open();
    Add(*log, "a");
  }
  EXPECT_EQ(troubles_.size(), 1u);
  EXPECT_THAT(After(*log, 0), ElementsAre("1 a"));
  Add(*log, "b");
  EXPECT_THAT(ReadAll(), ElementsAre("2 b"));
}

TEST_F(EventLogTest, APlaceThatCannotBeWrittenIsNoReasonToFail) {
  std::filesystem::create_directory(path());
  const auto log = Open();
  Add(*log, "a");
  EXPECT_THAT(troubles_, ElementsAre(HasSubstr("journal")));
  EXPECT_THAT(After(*log, 0), ElementsAre("1 a"));
}

TEST_F(EventLogTest, NothingIsKeptWithoutAPath) {
  EventLog log(EventLog::Options{});
  Add(log, "a");
  EXPECT_THAT(After(log, 0), ElementsAre("1 a"));
  EXPECT_TRUE(absl::IsNotFound(log.OpenJournal().status()));
}

}  // namespace
}  // namespace espalier
