#include "supervisor/task/frame_memory.h"

#include <cstdint>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace espalier::internal {
namespace {

// Frames of many sizes, each filled with a byte of its own.
class Frames {
 public:
  explicit Frames(size_t count) {
    for (size_t i = 0; i < count; ++i) {
      const size_t bytes = 100 + i * 977 % 5000;
      frames_.emplace_back(AllocateFrame(bytes), bytes);
      EXPECT_EQ(reinterpret_cast<uintptr_t>(frames_.back().first) % 16, 0u);
      memset(frames_.back().first, static_cast<int>(i % 251), bytes);
    }
  }

  // Frees every `step`th, and finds in each what was written there.
  void Free(size_t step) {
    for (size_t i = 0; i < frames_.size(); i += step) {
      auto& [frame, bytes] = frames_[i];
      if (frame == nullptr) continue;
      const auto* begin = static_cast<const unsigned char*>(frame);
      EXPECT_EQ(begin[0], i % 251);
      EXPECT_EQ(begin[bytes - 1], i % 251);
      FreeFrame(std::exchange(frame, nullptr), bytes);
    }
  }

 private:
  std::vector<std::pair<void*, size_t>> frames_;
};

TEST(FrameMemoryTest, FramesAreApartAndTheirMemoryIsGivenBack) {
  Frames frames(1000);
  EXPECT_GE(FrameSlabs(), kFramesOnHeap ? 0u : 30u);
  frames.Free(2);
  frames.Free(1);
  EXPECT_LE(FrameSlabs(), 1u);
}

TEST(FrameMemoryTest, OneAfterTheOtherTakesOneSlab) {
  void* const first = AllocateFrame(3000);
  FreeFrame(first, 3000);
  for (int i = 0; i < 1000; ++i) {
    void* const frame = AllocateFrame(3000);
    if (!kFramesOnHeap) ASSERT_EQ(frame, first) << "its room is used again";
    FreeFrame(frame, 3000);
  }
  EXPECT_LE(FrameSlabs(), 1u);
}

TEST(FrameMemoryTest, LargeOnesAreOrdinaryMemory) {
  const size_t before = FrameSlabs();
  void* frame = AllocateFrame(1 << 20);
  memset(frame, 1, 1 << 20);
  FreeFrame(frame, 1 << 20);
  EXPECT_EQ(FrameSlabs(), before);
}

TEST(FrameMemoryTest, AnotherThreadMayFreeThem) {
  std::vector<void*> frames;
  std::thread([&] {
    for (int i = 0; i < 100; ++i) frames.push_back(AllocateFrame(2000));
  }).join();
  for (void* frame : frames) {
    memset(frame, 1, 2000);
    FreeFrame(frame, 2000);
  }
  EXPECT_LE(FrameSlabs(), 1u) << "that of this thread";
}

}  // namespace
}  // namespace espalier::internal
