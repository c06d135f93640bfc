// PostgreSQL on a disk without room. A disk of its own cannot be had
// everywhere; so the system calls that would need room say that there is none,
// as they do on a full one.

#include <fcntl.h>
#include <libpq-fe.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/postgres/postgres.h"
#include "supervisor/nursery/nursery.h"
#include "supervisor/testing/test_directory.h"
#include "supervisor/testing/test_environment.h"

namespace espalier {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using Environment = TestEnvironment<Postgres>;

using Filter = std::vector<sock_filter>;

constexpr uint32_t kNumber = offsetof(seccomp_data, nr);
// Little-endian: the low half of an argument comes first.
constexpr uint32_t LowHalf(int argument) {
  return offsetof(seccomp_data, args) + 8 * argument;
}
constexpr sock_filter kNoRoom =
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSPC);
constexpr sock_filter kAllow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);

// No file can grow beyond so many bytes.
Filter NoFileBeyond(uint32_t bytes) {
  return {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kNumber),
          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_pwrite64, 0, 3),
          BPF_STMT(BPF_LD | BPF_W | BPF_ABS, LowHalf(3)),
          BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, bytes, 0, 1),
          kNoRoom,
          kAllow};
}

// No file can be copied.
Filter NoCopy() {
  return {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kNumber),
          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_sendfile, 3, 0),
          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_ioctl, 0, 3),
          BPF_STMT(BPF_LD | BPF_W | BPF_ABS, LowHalf(1)),
          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FICLONE, 0, 1),
          kNoRoom,
          kAllow};
}

// Runs `body`, and with it every process that it starts, under the filter.
template <typename Body>
void Under(Filter filter, Body body) {
  std::thread([&] {
    const sock_fprog program = {
        .len = static_cast<unsigned short>(filter.size()),
        .filter = filter.data()};
    ASSERT_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    ASSERT_EQ(syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program), 0)
        << strerror(errno);
    body();
  }).join();
}

absl::StatusOr<std::unique_ptr<Environment>> Start(
    const std::string& data_dir) {
  return Environment::Start("postgres_test",
                            [](Nursery& nursery) -> Task<Postgres> {
                              co_return co_await StartPostgres(nursery);
                            },
                            {.data_dir = data_dir});
}

// As the superuser: what was said last, an error or the first value.
std::string Ask(const Postgres& postgres, const char* sql) {
  const std::string url = Resolve(postgres.url);
  const std::string database = absl::StrCat(
      "postgresql:///postgres", url.substr(url.find('?')), "&user=postgres");
  const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(
      PQconnectdb(database.c_str()), &PQfinish);
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(
      PQexec(connection.get(), sql), &PQclear);
  if (PQresultStatus(result.get()) == PGRES_FATAL_ERROR)
    return PQerrorMessage(connection.get());
  return PQntuples(result.get()) > 0 ? PQgetvalue(result.get(), 0, 0) : "";
}

TEST(FullDiskTest, WhatFindsNoRoomIsRefusedAndTheRestGoesOn) {
  // More than a file of the write-ahead log has.
  Under(NoFileBeyond(24 << 20), [] {
    TestDirectory directory;
    auto started = Start(directory.path());
    ASSERT_TRUE(started.ok()) << started.status();
    const Postgres postgres = (*started)->handles();
    ASSERT_EQ(Ask(postgres,
                  "CREATE TABLE small (x int); INSERT INTO small VALUES (1);"
                  "CREATE UNLOGGED TABLE big (t text)"),
              "");
    EXPECT_THAT(Ask(postgres,
                    "INSERT INTO big SELECT repeat('x', 1900)"
                    " FROM generate_series(1, 20000)"),
                HasSubstr("No space left on device"));
    EXPECT_EQ(Ask(postgres, "SELECT count(*) FROM big"), "0");
    EXPECT_EQ(Ask(postgres, "INSERT INTO small VALUES (2)"), "");
    EXPECT_EQ(Ask(postgres, "SELECT sum(x) FROM small"), "3");
    EXPECT_EQ((*started)->Get("postgres").generation, 1u);
    EXPECT_EQ((*started)->Stop(), absl::OkStatus());
  });
}

TEST(FullDiskTest, WithoutRoomForTheDataDirectoryNothingIsLeftOfIt) {
  TestDirectory directory;
  Under(NoCopy(), [&] {
    const absl::Status status = Start(directory.path()).status();
    EXPECT_FALSE(status.ok());
    EXPECT_THAT(std::string(status.message()), HasSubstr("postgres-cluster"));
    EXPECT_THAT(std::string(status.message()),
                HasSubstr("No space left on device"));
  });
  const fs::path data = directory.path() + "/postgres_test/default/data";
  for (const auto& entry : fs::directory_iterator(data / "postgres"))
    ADD_FAILURE() << "left behind: " << entry.path();
  // With room it starts, as if nothing had been.
  auto started = Start(directory.path());
  ASSERT_TRUE(started.ok()) << started.status();
  EXPECT_EQ(Ask((*started)->handles(), "SELECT 1"), "1");
}

}  // namespace
}  // namespace espalier
