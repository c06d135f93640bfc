#include "supervisor/backend/local/service_files.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "supervisor/backend/local/service_user.h"

namespace espalier {
namespace {

namespace fs = std::filesystem;

class ServiceFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    char directory[] = "/tmp/espalier-files-XXXXXX";
    root_ = mkdtemp(directory);
    fs::permissions(root_, fs::perms(0711));
    HostFacts host = HostFacts::Current();
    host.tmp = root_.string();
    host.xdg_runtime_dir = "";
    absl::StatusOr<InstancePaths> paths = InstancePaths::Create(
        {.environment = "e", .data_dir = (root_ / "state").string()}, host);
    ASSERT_TRUE(paths.ok()) << paths.status();
    paths_.emplace(*paths);
    files_.emplace(*paths, std::nullopt);
  }
  void TearDown() override { fs::remove_all(root_); }

  static std::string Read(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static Path Data(std::string relative) {
    return Path(Path::Root::kData, "shop/links", std::move(relative));
  }
  static Command SomeCommand() {
    return Command{.program = Program::Built("x")};
  }

  fs::path root_;
  std::optional<InstancePaths> paths_;
  std::optional<ServiceFiles> files_;
};

TEST_F(ServiceFilesTest, AGivenSecretIsReadWhereItIs) {
  const std::string file = (root_ / "password").string();
  std::ofstream(file) << "a:b\\c\n";
  fs::permissions(file, fs::perms(0600));
  const Secret secret = Secret::FromFile(file);
  EXPECT_EQ(*files_->Render(Text("x=", secret)), "x=a:b\\c");
  EXPECT_EQ(*files_->Render(Escaped(secret)), "a\\:b\\\\c");
  EXPECT_EQ(files_->Show(Text("x=", secret)), "x={secret file:" + file + "}");
  EXPECT_EQ(files_->Redact("a:b\\c and a\\:b\\\\c"),
            "{secret file:" + file + "} and {secret file:" + file + "}");
  const std::string copy = *files_->Render(secret.file());
  EXPECT_EQ(Read(copy), "a:b\\c");
  EXPECT_EQ(fs::status(copy).permissions(), fs::perms(0600));

  ASSERT_EQ(setenv("GIVEN_PASSWORD", "Tom", 1), 0);
  EXPECT_EQ(*files_->Render(Secret::FromVariable("GIVEN_PASSWORD")), "Tom");
}

TEST_F(ServiceFilesTest, WhatIsMadeWithAGivenSecretIsMadeAgainWithAnother) {
  ASSERT_EQ(setenv("GIVEN_PASSWORD", "Tom", 1), 0);
  Command command = SomeCommand();
  command.files = {{.path = Data("file"),
                    .contents = Secret::FromVariable("GIVEN_PASSWORD")}};
  command.creates = Data("made");
  ASSERT_EQ(files_->Prepare("shop/links", command, std::nullopt),
            absl::OkStatus());
  // Files' times are no finer than some milliseconds.
  const std::string made = files_->Locate(Data("made"));
  std::ofstream(made).flush();
  const auto now = fs::last_write_time(made);
  const std::string copy =
      *files_->Render(Secret::FromVariable("GIVEN_PASSWORD").file());
  fs::last_write_time(copy, now - std::chrono::seconds(2));
  fs::last_write_time(made, now - std::chrono::seconds(1));
  EXPECT_TRUE(files_->IsCreated(command));
  ASSERT_EQ(setenv("GIVEN_PASSWORD", "Spike", 1), 0);
  EXPECT_FALSE(files_->IsCreated(command));
}

TEST_F(ServiceFilesTest, AGivenSecretThatIsNoneIsAnErrorThatSaysWhere) {
  const auto refused = [&](const Secret& secret, const std::string& words) {
    const absl::Status status = files_->Render(secret).status();
    EXPECT_TRUE(absl::StrContains(status.message(), words)) << status;
  };
  const std::string file = (root_ / "password").string();
  refused(Secret::FromFile(file), "cannot read the secret " + file);
  std::ofstream(file) << "hunter2\n";
  fs::permissions(file, fs::perms(0640));
  refused(Secret::FromFile(file), "is open to others (mode 0640): chmod 600");
  fs::permissions(file, fs::perms(0600));
  std::ofstream(file) << "\n";
  refused(Secret::FromFile(file), "is empty");
  std::ofstream(file) << "a\nb\n";
  refused(Secret::FromFile(file), "a control character");
  std::ofstream(file) << std::string(65 << 10, 'x');
  refused(Secret::FromFile(file), "65536 bytes");
  refused(Secret::FromFile("password"), "is not absolute");
  refused(Secret::FromFile(root_.string()), "no regular file");
  ASSERT_EQ(unsetenv("GIVEN_PASSWORD"), 0);
  refused(Secret::FromVariable("GIVEN_PASSWORD"),
          "GIVEN_PASSWORD, which is to hold a secret, is not set");
}

TEST_F(ServiceFilesTest, KeepsTheFilesOfServicesApart) {
  EXPECT_EQ(files_->Locate(Data("links.db")),
            paths_->data_directory() + "/shop/links/links.db");
  EXPECT_EQ(files_->LogFile("shop/links"),
            paths_->logs_directory() + "/shop.links.log");
}

TEST_F(ServiceFilesTest, MakesDirectoriesAndFilesForItsUserOnly) {
  Command command = SomeCommand();
  command.directories = {Data("a/b")};
  command.files = {{Data("conf"), Text("data in ", Data("links.db"), "\n")}};
  ASSERT_EQ(files_->Prepare("shop/links", command, std::nullopt),
            absl::OkStatus());
  EXPECT_TRUE(fs::is_directory(files_->Locate(Data("a/b"))));
  EXPECT_TRUE(fs::is_directory(files_->TemporaryDirectory()));
  EXPECT_EQ(Read(files_->Locate(Data("conf"))),
            "data in " + files_->Locate(Data("links.db")) + "\n");
  EXPECT_EQ(fs::status(files_->Locate(Data("conf"))).permissions(),
            fs::perms(0600));
  EXPECT_EQ(fs::status(files_->Locate(Data("a"))).permissions(),
            fs::perms(0700));
}

TEST_F(ServiceFilesTest, MakesARemovedTemporaryDirectoryAgain) {
  const Command command = SomeCommand();
  ASSERT_EQ(files_->Prepare("shop/links", command, std::nullopt),
            absl::OkStatus());
  fs::remove_all(files_->TemporaryDirectory());
  ASSERT_EQ(files_->Prepare("shop/links", command, std::nullopt),
            absl::OkStatus());
  EXPECT_TRUE(fs::is_directory(files_->TemporaryDirectory()));
}

// One for each service would be most of what it takes to start a thousand.
TEST_F(ServiceFilesTest, MakesARuntimeDirectoryOnlyForACommandThatMentionsIt) {
  const auto runtime = [](std::string relative) {
    return Path(Path::Root::kRuntime, "shop/links", std::move(relative));
  };
  const fs::path directory = files_->RuntimeDirectory("shop/links");
  ASSERT_EQ(files_->Prepare("shop/links", SomeCommand(), std::nullopt),
            absl::OkStatus());
  EXPECT_FALSE(fs::exists(directory));

  Command in_argument = SomeCommand();
  in_argument.arguments = {Text("--pid=", runtime("pid"))};
  Command in_variable = SomeCommand();
  in_variable.environment = {{.name = "PID", .value = Text(runtime("pid"))}};
  Command in_contents = SomeCommand();
  in_contents.files = {{Data("conf"), Text("pid ", runtime("pid"))}};
  Command is_file = SomeCommand();
  is_file.files = {{runtime("conf"), Text("x")}};
  for (const Command& command :
       {in_argument, in_variable, in_contents, is_file}) {
    fs::remove_all(directory);
    ASSERT_EQ(files_->Prepare("shop/links", command, std::nullopt),
              absl::OkStatus());
    EXPECT_TRUE(fs::is_directory(directory));
  }
}

TEST_F(ServiceFilesTest, LeavesAFileAloneThatIsAsItShouldBe) {
  Command command = SomeCommand();
  command.files = {{Data("conf"), Text("same")}};
  ASSERT_EQ(files_->Prepare("shop/links", command, std::nullopt),
            absl::OkStatus());
  const fs::path file = files_->Locate(Data("conf"));
  const auto long_ago =
      fs::file_time_type::clock::now() - std::chrono::hours(1);
  fs::last_write_time(file, long_ago);
  ASSERT_EQ(files_->Prepare("shop/links", command, std::nullopt),
            absl::OkStatus());
  EXPECT_EQ(fs::last_write_time(file), long_ago);
  command.files = {{Data("conf"), Text("different")}};
  ASSERT_EQ(files_->Prepare("shop/links", command, std::nullopt),
            absl::OkStatus());
  EXPECT_EQ(Read(file), "different");
}

TEST_F(ServiceFilesTest, MakesTheDirectoriesThatArgumentsMention) {
  Command command = SomeCommand();
  command.arguments = {
      Text("--store=", Path(Path::Root::kData, "shared", "links.db"))};
  ASSERT_EQ(files_->Prepare("shop/links", command, std::nullopt),
            absl::OkStatus());
  EXPECT_TRUE(fs::is_directory(paths_->data_directory() + "/shared"));
}

TEST_F(ServiceFilesTest, ASecretIsMadeOnceAndOnlyItsFileHoldsIt) {
  const Secret secret("db", "password");
  absl::StatusOr<std::string> value = files_->Render(secret);
  ASSERT_TRUE(value.ok()) << value.status();
  EXPECT_EQ(value->size(), 32u);
  for (char c : *value) EXPECT_TRUE(absl::ascii_isalnum(c)) << c;
  EXPECT_EQ(*ServiceFiles(*paths_, std::nullopt).Render(secret), *value);
  EXPECT_NE(*files_->Render(Secret("db", "other")), *value);

  const std::string file = *files_->Render(secret.file());
  EXPECT_EQ(Read(file), *value);
  EXPECT_EQ(fs::status(file).permissions(), fs::perms(0600));
  EXPECT_EQ(files_->Show(Text("x=", secret)), "x={secret db.password}");
  EXPECT_FALSE(absl::StrContains(files_->Show(secret.file()), *value));
}

TEST_F(ServiceFilesTest, FollowsNoLinkThatAServiceMayHaveMade) {
  ASSERT_EQ(files_->Prepare("shop/links", SomeCommand(), std::nullopt),
            absl::OkStatus());
  const fs::path elsewhere = root_ / "elsewhere";
  fs::create_directory(elsewhere);
  const std::string service = paths_->data_directory() + "/shop/links";

  // On the way to a directory, and as one.
  fs::create_directory_symlink(elsewhere, service + "/a");
  for (const char* wanted : {"a", "a/b"}) {
    Command command = SomeCommand();
    command.directories = {Data(wanted)};
    const absl::Status status =
        files_->Prepare("shop/links", command, std::nullopt);
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << wanted << status;
    EXPECT_TRUE(absl::StrContains(status.message(), service + "/a")) << status;
  }
  // On the way to a file.
  Command command = SomeCommand();
  command.files = {{Data("a/conf"), Text("x")}};
  EXPECT_FALSE(files_->Prepare("shop/links", command, std::nullopt).ok());
  EXPECT_TRUE(fs::is_empty(elsewhere));

  // As a file, or as what becomes one: the link goes, what it led to stays.
  std::ofstream(elsewhere / "precious") << "precious";
  for (const char* link : {"conf", "conf.new"}) {
    fs::create_symlink(elsewhere / "precious", service + "/" + link);
    command.files = {{Data("conf"), Text("mine")}};
    EXPECT_EQ(files_->Prepare("shop/links", command, std::nullopt),
              absl::OkStatus())
        << link;
    EXPECT_EQ(Read(elsewhere / "precious"), "precious") << link;
    EXPECT_FALSE(fs::is_symlink(service + "/conf")) << link;
    EXPECT_EQ(Read(service + "/conf"), "mine") << link;
    fs::remove(service + "/conf");
  }
}

TEST_F(ServiceFilesTest, APipeInTheWayOfAFileBlocksNobody) {
  Command command = SomeCommand();
  command.files = {{Data("conf"), Text("x")}};
  ASSERT_EQ(files_->Prepare("shop/links", SomeCommand(), std::nullopt),
            absl::OkStatus());
  const std::string conf = files_->Locate(Data("conf"));
  ASSERT_EQ(mkfifo(conf.c_str(), 0600), 0);
  EXPECT_EQ(files_->Prepare("shop/links", command, std::nullopt),
            absl::OkStatus());
  EXPECT_EQ(Read(conf), "x");
}

// Whether a process of that user and group can read the file.
bool CanRead(uid_t uid, gid_t gid, const std::string& file) {
  const pid_t child = fork();
  if (child == 0) {
    const bool changed =
        setresgid(gid, gid, gid) == 0 && setresuid(uid, uid, uid) == 0;
    _exit(!changed ? 2 : access(file.c_str(), R_OK) == 0 ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) < 2) << status;
  return status == 0;
}

TEST_F(ServiceFilesTest, ASecretsFileIsForTheServicesUserAndNobodyElse) {
  auto user = ServiceUser::ForServices("nobody");
  ASSERT_TRUE(user.ok()) << user.status();
  if (!user->has_value()) return;  // services run as we do; see the test above
  const ServiceFiles files(*paths_, *user);
  const std::string file = *files.Render(Secret("db", "password").file());
  EXPECT_EQ(fs::status(file).permissions(), fs::perms(0600));
  EXPECT_TRUE(CanRead((*user)->uid, (*user)->gid, file));
  EXPECT_FALSE(CanRead(12345, 12345, file));
  // The directory shows nobody what it holds, and takes nothing from anybody.
  EXPECT_EQ(fs::status(paths_->secrets_directory()).permissions(),
            fs::perms(0710));
  struct stat owner;
  ASSERT_EQ(stat(paths_->secrets_directory().c_str(), &owner), 0);
  EXPECT_EQ(owner.st_uid, 0u);

  // The next run finds the directory closed, as InstancePaths makes it.
  fs::permissions(paths_->secrets_directory(), fs::perms(0700));
  EXPECT_EQ(*ServiceFiles(*paths_, *user).Render(Secret("db", "password")),
            Read(file));
  EXPECT_TRUE(CanRead((*user)->uid, (*user)->gid, file));
}

TEST_F(ServiceFilesTest, WhatAProgramSaysIsToldWithoutSecrets) {
  const std::string password = *files_->Render(Secret("db", "password"));
  const std::string path = *files_->Render(Secret("db", "token").file());
  const std::string token = Read(path);
  EXPECT_EQ(files_->Redact("login " + password + " refused, token " + token),
            "login {secret db.password} refused, token {secret db.token}");
  EXPECT_EQ(files_->Redact("nothing to hide"), "nothing to hide");
}

TEST_F(ServiceFilesTest, NamesTheFileThatCannotBeMade) {
  Command command = SomeCommand();
  std::ofstream(paths_->data_directory() + "/shop")
      << "a file where a directory should be";
  absl::Status status = files_->Prepare("shop/links", command, std::nullopt);
  EXPECT_FALSE(status.ok());
  EXPECT_TRUE(
      absl::StrContains(status.message(), paths_->data_directory() + "/shop"))
      << status;
}

}  // namespace
}  // namespace espalier
