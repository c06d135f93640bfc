#ifndef ESPALIER_SUPERVISOR_TASK_FRAME_MEMORY_H_
#define ESPALIER_SUPERVISOR_TASK_FRAME_MEMORY_H_

#include <cstddef>

namespace espalier::internal {

// Memory for the frames of tasks, apart from all else. An environment makes
// thousands of them while it starts, side by side with what it keeps; from the
// ordinary heap, their room between what is kept could never be given back.
//
// Frames are cut from slabs, one after the other, and a slab goes back to the
// system when all its frames are gone: one that lives long keeps 64 KiB at
// most. Any thread may free what another one has allocated. With
// AddressSanitizer all comes from the heap, so that it can see what is wrong.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ESPALIER_INTERNAL_FRAMES_ON_HEAP 1
#endif
#endif
#ifdef ESPALIER_INTERNAL_FRAMES_ON_HEAP
inline constexpr bool kFramesOnHeap = true;
#else
inline constexpr bool kFramesOnHeap = false;
#endif

void* AllocateFrame(size_t bytes);
void FreeFrame(void* frame, size_t bytes);

// How many slabs there are, of all threads.
size_t FrameSlabs();

}  // namespace espalier::internal

#endif  // ESPALIER_SUPERVISOR_TASK_FRAME_MEMORY_H_
