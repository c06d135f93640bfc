#include "supervisor/backend/local/service_logs.h"

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "supervisor/loop/loop.h"

namespace espalier {
namespace {

class ServiceLogsTest : public testing::Test {
 protected:
  ServiceLogsTest() : directory_(testing::TempDir() + "/logs-XXXXXX") {
    EXPECT_NE(mkdtemp(directory_.data()), nullptr);
  }
  ~ServiceLogsTest() override { std::filesystem::remove_all(directory_); }

  std::string Log() const { return directory_ + "/links.log"; }

  Loop loop_;
  std::string directory_;
};

TEST_F(ServiceLogsTest, NotesWhereARunBegins) {
  ServiceLogs logs(loop_, directory_);
  EXPECT_EQ(logs.BeginRun(Log(), 1), 0);
  std::ofstream(Log()) << "12345\n";
  EXPECT_EQ(logs.BeginRun(Log(), 2), 6);
  logs.Flush();
  const auto marks = ReadGenerations(Log());
  ASSERT_TRUE(marks.ok()) << marks.status();
  ASSERT_EQ(marks->size(), 2u);
  EXPECT_EQ((*marks)[1].generation, 2u);
  EXPECT_EQ((*marks)[1].offset, 6);
  EXPECT_GE((*marks)[1].time_us, (*marks)[0].time_us);
}

TEST_F(ServiceLogsTest, WithoutASidecarServicesRunOn) {
  std::filesystem::create_directory(directory_ + "/generations");
  ServiceLogs logs(loop_, directory_);
  std::ofstream(Log()) << "12345\n";
  EXPECT_EQ(logs.BeginRun(Log(), 1), 6);
  logs.Flush();
}

}  // namespace
}  // namespace espalier
