// Passage: moves what is in a pipe into a file while others go on writing into
// the pipe.
//
// splice(2) from a pipe into a file holds the pipe's lock while it copies, so
// that a writer waits, spinning. Here the pipe's pages are shown to a pipe of
// our own first (tee(2) copies nothing), written from there, and taken out of
// the pipe when the file has them. So a pipe keeps what a file does not take.
#ifndef SUPERVISOR_KEEPER_PROGRAM_PASSAGE_H_
#define SUPERVISOR_KEEPER_PROGRAM_PASSAGE_H_

#include <sys/types.h>

#include "supervisor/keeper/owned_fd.h"

namespace espalier::keeper {

// One thread at a time. Has three descriptors from its first use on.
class Passage {
 public:
  // Moves at most `most` bytes that are in `pipe` to the offset `*at` of
  // `file`, and `*at` on. How many; 0 if the pipe is empty and nobody can write
  // into it any more; -1 and errno: EAGAIN if it is empty now, or why the file
  // takes nothing. Does not wait for the pipe.
  ssize_t Move(int pipe, int file, off_t* at, size_t most);

 private:
  bool Open();
  // Takes bytes out of a pipe that are there.
  void Drop(int pipe, size_t bytes);

  OwnedFd out_;  // of the pipe, which is empty between calls
  OwnedFd in_;
  OwnedFd null_;
};

}  // namespace espalier::keeper

#endif  // SUPERVISOR_KEEPER_PROGRAM_PASSAGE_H_
