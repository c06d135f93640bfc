#include <sstream>
#include <type_traits>
#include <vector>

#include "gtest/gtest.h"
#include "supervisor/wiring/command.h"
#include "supervisor/wiring/endpoint.h"
#include "supervisor/wiring/text.h"

namespace espalier {
namespace {

Http2Url LinksUrl() {
  return EndpointAccess::Make<Http2Url>(
      {.service = "links", .name = "url", .host = "127.0.0.1", .port = "4000"});
}

TEST(EndpointTest, CannotBeMadeUpOrMistakenForAnother) {
  static_assert(!std::is_default_constructible_v<HttpUrl>);
  static_assert(!std::is_constructible_v<HttpUrl, const char*>);
  static_assert(!std::is_constructible_v<HttpUrl, std::string>);
  static_assert(!std::is_convertible_v<HttpUrl, Http2Url>);
  static_assert(!std::is_convertible_v<HttpUrl, std::string>);
  static_assert(std::is_copy_constructible_v<HttpUrl>);
}

TEST(EndpointTest, PrintsComparesAndResolves) {
  std::ostringstream out;
  out << LinksUrl();
  EXPECT_EQ(out.str(), "http://127.0.0.1:4000");
  EXPECT_EQ(Resolve(LinksUrl()), "http://127.0.0.1:4000");
  EXPECT_EQ(LinksUrl(), LinksUrl());
  auto other = EndpointAccess::Make<Http2Url>(
      {.service = "b", .name = "url", .host = "127.0.0.1", .port = "4001"});
  EXPECT_NE(LinksUrl(), other);
}

TEST(EndpointTest, AUnixSocketIsItsPath) {
  auto socket = EndpointAccess::Make<UnixSocket>(
      {.service = "db", .name = "s", .path = "/tmp/x.sock"});
  EXPECT_EQ(Resolve(socket), "/tmp/x.sock");
}

using Services = std::set<std::string>;

Command SomeCommand() { return Command{.program = Program::Built("a/b")}; }

Command CommandWith(Text argument) {
  Command command = SomeCommand();
  command.arguments.push_back(std::move(argument));
  return command;
}

TEST(TextTest, RemembersWhoIsUsed) {
  const Command command = CommandWith(Text("--links=", LinksUrl(), "/", 5));
  EXPECT_EQ(command.Uses(), Services{"links"});
  EXPECT_EQ(command.StartUses(), Services());
}

TEST(TextTest, HostAndPortAreUsesToo) {
  EXPECT_EQ(CommandWith(LinksUrl().port()).Uses(), Services{"links"});
}

TEST(TextTest, PathsAndSecretsMakeNoEdge) {
  EXPECT_EQ(CommandWith(Text(Path(Path::Root::kData, "links", "") / "links.db",
                             Secret("db", "password").file()))
                .Uses(),
            Services());
}

TEST(TextTest, AtStartSaysThatItIsNeededNoLonger) {
  Command command = CommandWith(Text("--from=", AtStart(LinksUrl())));
  EXPECT_EQ(command.Uses(), Services());
  EXPECT_EQ(command.StartUses(), Services{"links"});
  EXPECT_EQ(CommandWith(AtStart(LinksUrl().port())).StartUses(),
            Services{"links"});
  // Who is used otherwise as well is needed always.
  command.arguments.push_back(LinksUrl());
  EXPECT_EQ(command.Uses(), Services{"links"});
  EXPECT_EQ(command.StartUses(), Services());
}

TEST(CommandTest, TheSameIsEqual) {
  const auto with_probe = [](const char* argument) {
    Command command = SomeCommand();
    command.readiness = Readiness::Probe(
        {.program = Program::Built("probe"), .arguments = {argument}});
    return command;
  };
  EXPECT_EQ(with_probe("a"), with_probe("a"));
  EXPECT_NE(with_probe("a"), with_probe("b"));
  EXPECT_NE(with_probe("a"), SomeCommand());
  EXPECT_EQ(CommandWith(LinksUrl()), CommandWith(LinksUrl()));
  EXPECT_NE(CommandWith(LinksUrl()), CommandWith(AtStart(LinksUrl())));
}

TEST(CommandTest, CollectsItsUsesFromEverywhere) {
  Command command = SomeCommand();
  command.environment.push_back({"LINKS", Text(LinksUrl())});
  EXPECT_EQ(command.Uses(), std::set<std::string>{"links"});
  command = SomeCommand();
  command.files.push_back(
      {Path(Path::Root::kData, "a", "conf"), Text("x ", LinksUrl())});
  EXPECT_EQ(command.Uses(), std::set<std::string>{"links"});
}

TEST(CommandTest, RefusesASecretInAnArgument) {
  Command command = SomeCommand();
  command.arguments = {"--x", Text("--password=", Secret("db", "password"))};
  EXPECT_EQ(command.Validate().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(command.Validate().message().find("argument 2 holds a secret"),
            std::string::npos)
      << command.Validate();
  command.arguments = {
      Text("--password_file=", Secret("db", "password").file())};
  EXPECT_TRUE(command.Validate().ok()) << command.Validate();
}

TEST(CommandTest, RefusesAPathThatClimbsOut) {
  Command command = SomeCommand();
  command.directories = {Path(Path::Root::kData, "a", "") / "x" / "../../etc"};
  EXPECT_FALSE(command.Validate().ok());
  command.directories = {Path(Path::Root::kData, "a", "/etc")};
  EXPECT_FALSE(command.Validate().ok());
  command.directories = {Path(Path::Root::kData, "a", "") / "x" / "..y"};
  EXPECT_TRUE(command.Validate().ok()) << command.Validate();
}

TEST(CommandTest, LivenessHasSomethingToAsk) {
  Command command = SomeCommand();
  EXPECT_EQ(command.LivenessQuestion(), nullptr);
  command.liveness = Liveness();
  EXPECT_NE(command.Validate().message().find("has nothing to ask again"),
            std::string::npos);
  command.liveness->probe = Readiness::GrpcHealth(LinksUrl());
  EXPECT_TRUE(command.Validate().ok()) << command.Validate();
  EXPECT_EQ(command.LivenessQuestion(), &*command.liveness->probe);
  command.liveness->probe = std::nullopt;
  command.readiness = Readiness::GrpcHealth(LinksUrl());
  EXPECT_TRUE(command.Validate().ok()) << command.Validate();
  EXPECT_EQ(command.LivenessQuestion(), &command.readiness);
  command.liveness->failures = 0;
  EXPECT_FALSE(command.Validate().ok());
  command.liveness = Liveness();
  command.readiness = Readiness::Completed();
  EXPECT_NE(command.Validate().message().find("a one-shot is never ready"),
            std::string::npos);
}

TEST(CommandTest, RefusesAKindOfProcessThatCannotBe) {
  const Command good{.program = Program::Built("x")};
  EXPECT_TRUE(good.Validate().ok());
  std::vector<Command> bad(9, good);
  bad[0].process.nice = 20;
  bad[1].process.nice = -21;
  bad[2].process.umask = 01000;
  bad[3].process.limits = {
      {.what = ProcessLimit::What::kOpenFiles, .soft = 2, .hard = 1}};
  bad[4].tree.memory_bytes = 4096;
  bad[5].tree.processors = 0;
  bad[6].tree.tasks = 0;
  bad[7].readiness = Readiness::Notify(absl::ZeroDuration());
  bad[8].tree.processors = -1;
  for (size_t i = 0; i < bad.size(); ++i) {
    EXPECT_EQ(bad[i].Validate().code(), absl::StatusCode::kInvalidArgument)
        << i;
  }
}

}  // namespace
}  // namespace espalier
