#include "supervisor/task/frame_memory.h"

#include <sys/mman.h>

#include <atomic>
#include <cstdint>
#include <new>

#include "glog/logging.h"

namespace espalier::internal {
namespace {

// Aligned to its size, so that a frame's address tells its slab's.
constexpr size_t kSlabBytes = 64 << 10;
constexpr size_t kAlignment = __STDCPP_DEFAULT_NEW_ALIGNMENT__;
// What is larger would leave too much of a slab unused.
constexpr size_t kLargestBytes = kSlabBytes / 8;

std::atomic<size_t> slabs{0};

struct alignas(kAlignment) Slab {
  // Its frames, and one for the thread that cuts from it.
  std::atomic<size_t> users{1};
  size_t used = sizeof(Slab);
};

Slab* NewSlab() {
  // Twice the room has an aligned slab in it; the rest goes back.
  void* mapped = mmap(nullptr, 2 * kSlabBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  PCHECK(mapped != MAP_FAILED);
  char* const begin = static_cast<char*>(mapped);
  const size_t before = -reinterpret_cast<uintptr_t>(begin) & (kSlabBytes - 1);
  if (before > 0) munmap(begin, before);
  munmap(begin + before + kSlabBytes, kSlabBytes - before);
#ifdef MADV_POPULATE_WRITE
  // All of it is about to be used: once into the kernel instead of once for
  // each page. Before Linux 5.14 it is done page by page.
  madvise(begin + before, kSlabBytes, MADV_POPULATE_WRITE);
#endif
  ++slabs;
  return new (begin + before) Slab;
}

void Leave(Slab* slab) {
  if (slab->users.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
  munmap(slab, kSlabBytes);
  --slabs;
}

// What a thread cuts from.
class Current {
 public:
  ~Current() {
    if (slab_ != nullptr) Leave(slab_);
  }

  void* Cut(size_t bytes) {
    if (slab_ != nullptr && slab_->users.load(std::memory_order_acquire) == 1) {
      slab_->used = sizeof(Slab);  // All of its frames are gone.
    }
    if (slab_ == nullptr || slab_->used + bytes > kSlabBytes) {
      Slab* const next = NewSlab();
      if (slab_ != nullptr) Leave(slab_);
      slab_ = next;
    }
    void* const frame = reinterpret_cast<char*>(slab_) + slab_->used;
    slab_->used += bytes;
    slab_->users.fetch_add(1, std::memory_order_relaxed);
    return frame;
  }

 private:
  Slab* slab_ = nullptr;
};

thread_local Current current;

}  // namespace

void* AllocateFrame(size_t bytes) {
  if (kFramesOnHeap || bytes > kLargestBytes) return ::operator new(bytes);
  return current.Cut((bytes + kAlignment - 1) & ~(kAlignment - 1));
}

void FreeFrame(void* frame, size_t bytes) {
  if (kFramesOnHeap || bytes > kLargestBytes) return ::operator delete(frame);
  Leave(reinterpret_cast<Slab*>(reinterpret_cast<uintptr_t>(frame) &
                                ~(kSlabBytes - 1)));
}

size_t FrameSlabs() { return slabs; }

}  // namespace espalier::internal
