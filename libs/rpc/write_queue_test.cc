#include "rpc/write_queue.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "base/status_matchers.h"

namespace groat::rpc {
namespace {

// Stands in for a protobuf message.
struct Text {
  std::string text;
  size_t ByteSizeLong() const { return text.size(); }
};
using Queue = WriteQueue<Text>;

Queue::Step PushOk(Queue& queue, const std::string& text) {
  Queue::Step step;
  EXPECT_EQ(queue.Push({text}, step), PushResult::kQueued);
  return step;
}
PushResult TryPush(Queue& queue, const std::string& text) {
  Queue::Step step;
  return queue.Push({text}, step);
}
std::string Written(const Queue::Step& step) {
  return step.write == nullptr ? "" : step.write->text;
}
Queue::Step Done(Queue& queue, bool ok = true) {
  return queue.WriteDone(ok, absl::CancelledError("broken"));
}

TEST(WriteQueueTest, OneWriteAtATimeInOrder) {
  Queue queue({.max_messages = 8, .max_bytes = 100});
  EXPECT_EQ(Written(PushOk(queue, "a")), "a");
  EXPECT_EQ(Written(PushOk(queue, "b")), "");
  EXPECT_EQ(Written(PushOk(queue, "c")), "");
  Queue::Step step = Done(queue);
  EXPECT_EQ(Written(step), "b");
  EXPECT_TRUE(step.more_follows);
  step = Done(queue);
  EXPECT_EQ(Written(step), "c");
  EXPECT_FALSE(step.more_follows);
  EXPECT_EQ(Written(Done(queue)), "");
}

TEST(WriteQueueTest, WrittenMessageStaysInPlace) {
  Queue queue({.max_messages = 1000, .max_bytes = 1000000});
  const Text* first = PushOk(queue, "first").write;
  for (int i = 0; i < 500; ++i) PushOk(queue, "later");
  EXPECT_EQ(first->text, "first");
  EXPECT_FALSE(queue.End(absl::AbortedError("x"), /*drop_queue=*/true).finish.has_value());
  EXPECT_EQ(first->text, "first");
}

TEST(WriteQueueTest, BoundsByCountAndByBytes) {
  Queue count({.max_messages = 2, .max_bytes = 100});
  PushOk(count, "a");
  PushOk(count, "b");
  EXPECT_EQ(TryPush(count, "c"), PushResult::kFull);
  Queue bytes({.max_messages = 100, .max_bytes = 10});
  PushOk(bytes, "12345");
  PushOk(bytes, "12345");
  EXPECT_EQ(TryPush(bytes, "6"), PushResult::kFull);
}

TEST(WriteQueueTest, MessageOverTheBoundGoesAlone) {
  Queue queue({.max_messages = 4, .max_bytes = 3});
  EXPECT_EQ(Written(PushOk(queue, "123456")), "123456");
  EXPECT_EQ(TryPush(queue, "7"), PushResult::kFull);
  EXPECT_TRUE(Done(queue).writable);
  EXPECT_EQ(Written(PushOk(queue, "7")), "7");
}

TEST(WriteQueueTest, RefusedMessageIsUntouched) {
  Queue queue({.max_messages = 1, .max_bytes = 100});
  PushOk(queue, "a");
  Text message{"kept"};
  Queue::Step step;
  EXPECT_EQ(queue.Push(std::move(message), step), PushResult::kFull);
  EXPECT_EQ(message.text, "kept");
}

TEST(WriteQueueTest, WritableOnceHalfIsFree) {
  Queue queue({.max_messages = 4, .max_bytes = 100});
  for (const char* text : {"a", "b", "c", "d"}) PushOk(queue, text);
  EXPECT_EQ(TryPush(queue, "e"), PushResult::kFull);
  EXPECT_FALSE(Done(queue).writable);  // 3 left.
  EXPECT_TRUE(Done(queue).writable);   // 2 left.
  EXPECT_FALSE(Done(queue).writable) << "only once for each refusal";
}

TEST(WriteQueueTest, NotWritableWithoutRefusal) {
  Queue queue({.max_messages = 1, .max_bytes = 100});
  PushOk(queue, "a");
  EXPECT_FALSE(Done(queue).writable);
}

TEST(WriteQueueTest, EndDrainsThenFinishesOnce) {
  Queue queue({.max_messages = 4, .max_bytes = 100});
  PushOk(queue, "a");
  PushOk(queue, "b");
  EXPECT_FALSE(queue.End(absl::OkStatus(), false).finish.has_value());
  EXPECT_TRUE(queue.closed());
  EXPECT_EQ(TryPush(queue, "c"), PushResult::kClosed);
  EXPECT_EQ(Written(Done(queue)), "b");
  const Queue::Step step = Done(queue);
  EXPECT_EQ(step.finish, absl::OkStatus());
  EXPECT_FALSE(queue.End(absl::InternalError("late"), true).finish.has_value());
  EXPECT_FALSE(queue.Cancel(absl::CancelledError("late")).finish.has_value());
  EXPECT_EQ(queue.end(), absl::OkStatus());
}

TEST(WriteQueueTest, FirstEndCounts) {
  Queue queue({});
  EXPECT_EQ(queue.End(absl::AbortedError("first"), false).finish, absl::AbortedError("first"));
  EXPECT_FALSE(queue.End(absl::OkStatus(), false).finish.has_value());
}

TEST(WriteQueueTest, AbortDropsAllButTheMessageThatLeaves) {
  Queue queue({.max_messages = 4, .max_bytes = 100});
  for (const char* text : {"a", "b", "c"}) PushOk(queue, text);
  EXPECT_FALSE(queue.End(absl::AbortedError("x"), true).finish.has_value());
  EXPECT_EQ(Done(queue).finish, absl::AbortedError("x"));
}

TEST(WriteQueueTest, FailedWriteFinishesWithItsStatus) {
  Queue queue({.max_messages = 4, .max_bytes = 100});
  PushOk(queue, "a");
  PushOk(queue, "b");
  queue.End(absl::OkStatus(), false);
  EXPECT_EQ(Done(queue, /*ok=*/false).finish, absl::CancelledError("broken"));
}

TEST(WriteQueueTest, CancelWaitsForTheWriteAndForHolds) {
  Queue queue({.max_messages = 4, .max_bytes = 100});
  PushOk(queue, "a");
  ASSERT_TRUE(queue.Hold());
  EXPECT_FALSE(queue.Cancel(absl::CancelledError("gone")).finish.has_value());
  EXPECT_FALSE(queue.Hold());
  EXPECT_FALSE(Done(queue, false).finish.has_value());
  EXPECT_EQ(queue.Release().finish, absl::CancelledError("broken"));
}

// Safety: whatever the order of calls, at most one write is outstanding, every message is written
// at most once and in order, there is exactly one finish, and nothing comes after it.
// Method: every sequence of 8 calls out of 6 kinds, against these rules.
TEST(WriteQueueTest, EveryShortSequenceKeepsTheRules) {
  constexpr int kSteps = 8;
  constexpr int kKinds = 6;
  int sequences = 1;
  for (int i = 0; i < kSteps; ++i) sequences *= kKinds;
  for (int sequence = 0; sequence < sequences; ++sequence) {
    Queue queue({.max_messages = 2, .max_bytes = 100});
    bool writing = false;
    bool finished = false;
    int holds = 0;
    int next_pushed = 0;
    int last_written = -1;
    const auto take = [&](const Queue::Step& step) {
      ASSERT_FALSE(step.write != nullptr && step.finish.has_value());
      if (step.write != nullptr) {
        ASSERT_FALSE(writing || finished);
        const int written = std::stoi(step.write->text);
        ASSERT_GT(written, last_written);
        last_written = written;
        writing = true;
      }
      if (step.finish.has_value()) {
        ASSERT_FALSE(writing || finished || holds > 0);
        finished = true;
      }
    };
    for (int i = 0, rest = sequence; i < kSteps; ++i, rest /= kKinds) {
      Queue::Step step;
      switch (rest % kKinds) {
        case 0:
          if (queue.Push({std::to_string(next_pushed)}, step) == PushResult::kQueued) ++next_pushed;
          break;
        case 1:
        case 2:
          if (!writing) continue;
          writing = false;
          step = queue.WriteDone(rest % kKinds == 1, absl::CancelledError("broken"));
          break;
        case 3:
          step = queue.End(absl::OkStatus(), sequence % 2 == 0);
          break;
        case 4:
          step = queue.Cancel(absl::CancelledError("gone"));
          break;
        default:
          if (holds == 0) {
            holds += queue.Hold() ? 1 : 0;
          } else {
            --holds;
            step = queue.Release();
          }
          break;
      }
      take(step);
      if (HasFatalFailure()) FAIL() << "sequence " << sequence;
    }
    // However it went, ending it now leads to one finish.
    take(queue.End(absl::OkStatus(), false));
    while (holds > 0) {
      --holds;
      take(queue.Release());
    }
    while (writing) {
      writing = false;
      take(queue.WriteDone(true, absl::OkStatus()));
    }
    ASSERT_TRUE(finished) << "sequence " << sequence;
  }
}

}  // namespace
}  // namespace groat::rpc
