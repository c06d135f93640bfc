// The descriptors with which the client starts the program, and no others.
#ifndef SUPERVISOR_KEEPER_PROGRAM_INHERITED_H_
#define SUPERVISOR_KEEPER_PROGRAM_INHERITED_H_

namespace espalier::keeper {

// 0, 1 and 2 are /dev/null.
inline constexpr int kSocketFd = 3;
inline constexpr int kEnvironmentPidfd = 4;
inline constexpr int kProgramFd = 5;  // The memory file it is executed from.
inline constexpr int kFirstFreeFd = 6;

// Arguments: the program's name, then the number of the one rung to be used, or
// "0" for the best.
inline constexpr int kRungArgument = 1;
inline constexpr int kArgumentCount = 2;

}  // namespace espalier::keeper

#endif  // SUPERVISOR_KEEPER_PROGRAM_INHERITED_H_
