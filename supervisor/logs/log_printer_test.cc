#include "supervisor/logs/log_printer.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <string>

#include "gtest/gtest.h"

namespace espalier {
namespace {

TEST(LogPrinterTest, AlignsNames) {
  LogPrinter printer({"gateway", "links"}, false);
  EXPECT_EQ(printer.Format("gateway", "up"), "gateway | up\n");
  EXPECT_EQ(printer.Format("links", "up"), "links   | up\n");
  EXPECT_EQ(printer.Format("a-late-one", ""), "a-late-one | \n");
  EXPECT_EQ(printer.Format("links", "up"), "links      | up\n");
}

TEST(LogPrinterTest, AColourIsTheServicesOwnInEveryRun) {
  LogPrinter printer({"links"}, true);
  LogPrinter other({"gateway", "links", "report"}, true);
  const std::string line = printer.Format("links", "up");
  EXPECT_EQ(line.substr(0, 2), "\x1b[");
  EXPECT_EQ(line.substr(0, 5), other.Format("links", "up").substr(0, 5));
  EXPECT_EQ(line.substr(line.find("\x1b[0m")), "\x1b[0mup\n");
}

TEST(LogPrinterTest, WhatAServicePrintsCannotHarmTheTerminal) {
  LogPrinter printer({"links"}, false);
  EXPECT_EQ(printer.Format("links", "\x1b[2J"), "links | \\x1b[2J\n");
}

TEST(LogPrinterTest, ColoursOnlyATerminalThatWantsThem) {
  const int terminal = posix_openpt(O_RDWR | O_NOCTTY);
  ASSERT_GE(terminal, 0);
  const int file = open("/dev/null", O_RDWR | O_CLOEXEC);
  setenv("TERM", "xterm", 1);
  unsetenv("NO_COLOR");
  EXPECT_TRUE(LogPrinter::WantsColour(terminal));
  EXPECT_FALSE(LogPrinter::WantsColour(file));
  setenv("TERM", "dumb", 1);
  EXPECT_FALSE(LogPrinter::WantsColour(terminal));
  setenv("TERM", "xterm", 1);
  setenv("NO_COLOR", "1", 1);
  EXPECT_FALSE(LogPrinter::WantsColour(terminal));
  setenv("NO_COLOR", "", 1);
  EXPECT_TRUE(LogPrinter::WantsColour(terminal)) << "empty means unset";
  close(file);
  close(terminal);
}

}  // namespace
}  // namespace espalier
